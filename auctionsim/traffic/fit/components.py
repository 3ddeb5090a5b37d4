"""Statistics of the fit: variance components of pairs, query volumes under sampling, effects of hours, drift."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.ratios import safe_ratio

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MAX_UNSEEN = 5.0
"""Upper limit of the estimated number of queries, as a multiple of those seen."""
_DRAWS, _LONGEST_GAP = 50.0, 7
"""Drift: the count from which on a query's weight no longer grows, and the most days between two days that are compared."""


@dataclass(frozen=True)
class Components:
    """Variance components of a value `level + query + advertiser + pair`."""

    level: float
    """Mean of the values."""
    query: float
    """Variance between queries, >= 0."""
    advertiser: float
    """Variance between advertisers, >= 0."""
    pair: float
    """Variance between pairs of query and advertiser beyond these two, >= 0."""


def variance_components(value: Floats, noise: Floats, query: Ints, advertiser: Ints) -> Components:
    """Estimate the variance components of a crossed layout with missing pairs, by moments of differences.

    Half the mean squared difference of two values, less the mean noise, estimates query + advertiser + pair if they share
    neither, advertiser + pair if they share the query, and query + pair if they share the advertiser.

    Args:
        value: A value for each pair of query and advertiser, `[n]`.
        noise: Variance of each value's error, `[n]`.
        query: Query index of each value, `[n]`.
        advertiser: Advertiser index of each value, `[n]`.
    """
    everything = np.zeros(len(value), dtype=np.int64)
    sums = np.array([_half_squares(value, noise, group) for group in (everything, query, advertiser)])
    # Differences that share neither are all differences minus those that share one, as each pair occurs once.
    share_neither = _share(sums[0] - sums[1] - sums[2])
    same_query, same_advertiser = _share(sums[1]), _share(sums[2])
    if sums[2][1] == 0:
        # If each advertiser is seen once, its effect cannot be separated from the pair's.
        return Components(float(value.mean()), max(share_neither - same_query, 0.0), 0.0, max(same_query, 0.0))
    by_query, by_advertiser = max(share_neither - same_query, 0.0), max(share_neither - same_advertiser, 0.0)
    return Components(float(value.mean()), by_query, by_advertiser, max(share_neither - by_query - by_advertiser, 0.0))


def _half_squares(value: Floats, noise: Floats, group: Ints) -> tuple[float, float]:
    """Sum half the squared difference minus the mean noise over all pairs of values of a group.

    Returns:
        The sum, and the number of pairs.
    """
    size = np.bincount(group).astype(np.float64)
    mean = np.bincount(group, value) / np.maximum(size, 1)
    squares = np.bincount(group, np.square(value - mean[group]))
    # The squared differences of a group add up to its size times its squares about the mean: 1, 2, 6 give 1 + 25 + 16 = 3 x 14.
    return float((size * squares / 2 - (size - 1) * np.bincount(group, noise) / 2).sum()), float((size * (size - 1) / 2).sum())


def _share(squares: Floats) -> float:
    """Return the mean of squared differences from their sum and their number, `[2]`; 0 where there are none."""
    return safe_ratio(squares[0], squares[1], otherwise=0.0)


def log_volumes(counts: Ints) -> tuple[float, float]:
    """Estimate the spread of lognormal volumes from Poisson counts, and the number of queries, unseen ones included.

    The estimate is the maximum likelihood of the Poisson-lognormal distribution truncated at 0, by Laplace's method, on a grid
    that is refined six times.

    Args:
        counts: Draws of each query that was seen, >= 1, `[queries]`.

    Returns:
        The log standard deviation of volumes, and the estimated number of queries.
    """
    seen, times = np.unique(counts, return_counts=True)
    logs = arithmetic.log(counts)
    low, high = np.array([logs.mean() - 4, 0.02]), np.array([logs.mean() + 1, 4.0])
    best = (low + high) / 2
    for _ in range(6):
        mu, sigma = (np.linspace(a, b, 15) for a, b in zip(low, high, strict=True))
        grid = np.stack(np.meshgrid(mu, sigma, indexing="ij"), axis=-1).reshape(-1, 2)
        likelihood = arithmetic.dot(_log_probability(grid, seen), times) - len(counts) * arithmetic.log1p(-_unseen(grid))
        best = grid[np.argmax(likelihood)]
        step = (high - low) / 14
        low, high = best - 2 * step, best + 2 * step
        low[1] = max(low[1], 0.005)
    queries = len(counts) / max(1 - float(_unseen(best[None])[0]), 1 / _MAX_UNSEEN)
    return float(best[1]), queries


def _log_probability(grid: Floats, counts: Ints) -> Floats:
    """Return the log probability of each count under each (mu, sigma), without terms of the count alone, `[grid, counts]`."""
    mu, variance = grid[:, :1], np.square(grid[:, 1:])
    n = counts[None, :].astype(np.float64)
    x = arithmetic.log(n) * np.ones_like(mu)
    for _ in range(30):
        rate = arithmetic.exp(x)
        slope, curve = n - rate - (x - mu) / variance, rate + 1 / variance
        x = x + np.clip(slope / curve, -2, 2)
    rate = arithmetic.exp(x)
    return n * x - rate - np.square(x - mu) / (2 * variance) - arithmetic.log1p(variance * rate) / 2


def _unseen(grid: Floats) -> Floats:
    """Return the probability of a count of 0 under each (mu, sigma), by the trapezoid rule, `[grid]`."""
    # The nodes of Gauss and Hermite are eigenvalues, which differ between libraries. Sums at equal steps are as exact here.
    node = np.linspace(-9.0, 9.0, 145)
    weight = arithmetic.exp(-np.square(node) / 2)
    seen_never = arithmetic.exp(-arithmetic.exp(grid[:, :1] + grid[:, 1:] * node))
    return np.minimum(arithmetic.dot(seen_never, weight) / weight.sum(), 1 - 1e-9)


def additive_effects(value: Floats, first: Ints, second: Ints) -> tuple[Floats, Floats]:
    """Fit `value = first effect + second effect` by least squares, by alternating between the two.

    Args:
        value: The values, `[n]`.
        first: Index of each value's first effect, `[n]`.
        second: Index of each value's second effect, `[n]`.

    Returns:
        The first effects, and the second effects, whose mean over the values is 0.
    """
    first_effect, second_effect = np.zeros(first.max() + 1), np.zeros(second.max() + 1)
    n_first, n_second = (np.maximum(np.bincount(code), 1) for code in (first, second))
    for _ in range(500):
        before = second_effect
        first_effect = np.bincount(first, value - second_effect[second]) / n_first
        second_effect = np.bincount(second, value - first_effect[first]) / n_second
        if np.abs(second_effect - before).max() < 1e-12:
            break
    shift = second_effect[second].mean()
    return first_effect + shift, second_effect - shift


def pooled_variance(value: Floats, group: Ints) -> float:
    """Pool the variance within groups. Returns 0 if no group has two values."""
    size = np.bincount(group)
    mean = np.bincount(group, value) / np.maximum(size, 1)
    freedom = (size[size > 0] - 1).sum()
    return float(np.square(value - mean[group]).sum() / freedom) if freedom else 0.0


def drift_variance(counts: Floats, days: Ints) -> float:
    """Estimate the variance per day of log volumes that follow a random walk, beyond that of sampling.

    Given a query's draws on two days together, those on the first day are binomial with a probability p, whatever the volumes.
    n(n - 1) and n n' estimate p^2 and p(1 - p) without bias, and log(E[p^2] E[(1 - p)^2] / E[p(1 - p)]^2) is, to second order,
    the variance of the log ratio of volumes. It grows in proportion to the days between the two, and the fit is its slope.

    Args:
        counts: Draws of each query on each day, `[days, queries]`.
        days: Numbers of the days, ascending, `[days]`.

    Returns:
        The variance per day, >= 0; 0 if no two days can be compared.
    """
    numerator = denominator = 0.0
    for i, j in combinations(range(len(days)), 2):
        gap, early, late = float(days[j] - days[i]), counts[i], counts[j]
        if gap > _LONGEST_GAP:
            continue
        both = early + late
        # Small counts hold little information. That of large counts is limited by the random walk itself.
        weight = np.where(both >= 2, 1 / (np.maximum(both - 1, 1) * (both + _DRAWS)), 0.0)
        first, second, mixed = (
            float((weight * product).sum()) for product in (early * (early - 1), late * (late - 1), early * late)
        )
        if min(first, second, mixed) > 0:
            numerator += gap * float(arithmetic.log(first * second / (mixed * mixed)))
            denominator += gap * gap
    return max(numerator / denominator, 0.0) if denominator else 0.0
