"""Statistics of the fit: variance components of pairs, keyword volumes under sampling, effects of hours."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_UNSEEN = 5.0
_DRAWS, _LONGEST_GAP = 50.0, 7


@dataclass(frozen=True)
class Components:
    """Variances of `level + query + advertiser + pair`, each at least 0."""

    level: float
    query: float
    advertiser: float
    pair: float


def variance_components(value: Floats, noise: Floats, query: Ints, advertiser: Ints) -> Components:
    """Variance components of a crossed layout with holes, by moments of differences.

    Half the mean squared difference of two values estimates, beyond the mean noise, query + advertiser + pair where they share
    neither, advertiser + pair where they share the query, query + pair where they share the advertiser.

    Args:
        value: One for each pair of query and advertiser, `[n]`.
        noise: Variance of each value's error, `[n]`.
        query: Index of its query.
        advertiser: Index of its advertiser.
    """
    everything = np.zeros(len(value), dtype=np.int64)
    sums = np.array([_half_squares(value, noise, group) for group in (everything, query, advertiser)])
    # Differences that share neither are all less those that share one; a pair occurs once.
    apart = _ratio(*(sums[0] - sums[1] - sums[2]))
    same_query, same_advertiser = _ratio(*sums[1]), _ratio(*sums[2])
    if sums[2][1] == 0:
        # Advertisers that are seen once each cannot be told from pairs.
        return Components(float(value.mean()), max(apart - same_query, 0.0), 0.0, max(same_query, 0.0))
    by_query, by_advertiser = max(apart - same_query, 0.0), max(apart - same_advertiser, 0.0)
    return Components(float(value.mean()), by_query, by_advertiser, max(apart - by_query - by_advertiser, 0.0))


def _half_squares(value: Floats, noise: Floats, group: Ints) -> tuple[float, float]:
    """Sum over pairs of a group of half their squared difference less their mean noise, and how many pairs."""
    size = np.bincount(group).astype(np.float64)
    mean = np.bincount(group, value) / np.maximum(size, 1)
    squares = np.bincount(group, (value - mean[group]) ** 2)
    # The squared differences within a group add up to its size times its squares about the mean.
    return float((size * squares / 2 - (size - 1) * np.bincount(group, noise) / 2).sum()), float((size * (size - 1) / 2).sum())


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else 0.0


def log_volumes(counts: Ints) -> tuple[float, float]:
    """Spread of lognormal volumes seen through Poisson counts, and how many there are, those never seen included.

    Maximum likelihood of the Poisson-lognormal distribution cut at 0, by Laplace's method, on a grid that is refined.

    Args:
        counts: At least 1 each, `[queries]`.

    Returns:
        The log standard deviation, and the number of queries.
    """
    seen, times = np.unique(counts, return_counts=True)
    logs = np.log(counts)
    low, high = np.array([logs.mean() - 4, 0.02]), np.array([logs.mean() + 1, 4.0])
    best = (low + high) / 2
    for _ in range(6):
        mu, sigma = (np.linspace(a, b, 15) for a, b in zip(low, high, strict=True))
        grid = np.stack(np.meshgrid(mu, sigma, indexing="ij"), axis=-1).reshape(-1, 2)
        likelihood = _log_probability(grid, seen) @ times - len(counts) * np.log1p(-_unseen(grid))
        best = grid[np.argmax(likelihood)]
        step = (high - low) / 14
        low, high = best - 2 * step, best + 2 * step
        low[1] = max(low[1], 0.005)
    queries = len(counts) / max(1 - float(_unseen(best[None])[0]), 1 / _MOST_UNSEEN)
    return float(best[1]), queries


def _log_probability(grid: Floats, counts: Ints) -> Floats:
    """Log probability of each count under (mu, sigma) of the grid, but for terms of the count alone: `[grid, counts]`."""
    mu, variance = grid[:, :1], grid[:, 1:] ** 2
    n = counts[None, :].astype(np.float64)
    x = np.log(n) * np.ones_like(mu)
    for _ in range(30):
        slope, curve = n - np.exp(x) - (x - mu) / variance, np.exp(x) + 1 / variance
        x = x + np.clip(slope / curve, -2, 2)
    return n * x - np.exp(x) - (x - mu) ** 2 / (2 * variance) - np.log1p(variance * np.exp(x)) / 2


def _unseen(grid: Floats) -> Floats:
    """Probability of a count of 0 under (mu, sigma): `[grid]`."""
    node, weight = np.polynomial.hermite_e.hermegauss(64)
    return np.minimum(np.exp(-np.exp(grid[:, :1] + grid[:, 1:] * node)) @ weight / weight.sum(), 1 - 1e-9)


def additive_effects(value: Floats, first: Ints, second: Ints) -> tuple[Floats, Floats]:
    """Least squares of `value = first effect + second effect`, by turns; the second has mean 0 over the values."""
    of_first, of_second = np.zeros(first.max() + 1), np.zeros(second.max() + 1)
    n_first, n_second = (np.maximum(np.bincount(code), 1) for code in (first, second))
    for _ in range(500):
        before = of_second
        of_first = np.bincount(first, value - of_second[second]) / n_first
        of_second = np.bincount(second, value - of_first[first]) / n_second
        if np.abs(of_second - before).max() < 1e-12:
            break
    shift = of_second[second].mean()
    return of_first + shift, of_second - shift


def pooled_variance(value: Floats, group: Ints) -> float:
    """Variance within groups, pooled; 0 where no group has two values."""
    size = np.bincount(group)
    mean = np.bincount(group, value) / np.maximum(size, 1)
    freedom = (size[size > 0] - 1).sum()
    return float(((value - mean[group]) ** 2).sum() / freedom) if freedom else 0.0


def drift_variance(counts: Floats, days: Ints) -> float:
    """Variance a day of log volumes that walk at random, beyond that of drawing them; 0 where nothing tells.

    Given the draws of a query on two days together, those of the first are binomial with a chance p, whatever the volumes;
    n(n - 1) and n n' estimate p^2 and p(1 - p) without bias, and log(E[p^2] E[(1 - p)^2] / E[p(1 - p)]^2) is the variance of
    the log ratio of volumes, to its second order. It grows with the days between, which is what is fitted.

    Args:
        counts: Draws of each query on each day, `[days, queries]`.
        days: Their numbers, ascending.
    """
    above = below = 0.0
    for i, j in combinations(range(len(days)), 2):
        gap, early, late = float(days[j] - days[i]), counts[i], counts[j]
        if gap > _LONGEST_GAP:
            continue
        both = early + late
        # Small counts tell less, large ones no more than their volumes' walk.
        weight = np.where(both >= 2, 1 / (np.maximum(both - 1, 1) * (both + _DRAWS)), 0.0)
        first, second, mixed = (
            float((weight * product).sum()) for product in (early * (early - 1), late * (late - 1), early * late)
        )
        if min(first, second, mixed) > 0:
            above += gap * float(np.log(first * second / mixed**2))
            below += gap**2
    return max(above / below, 0.0) if below else 0.0
