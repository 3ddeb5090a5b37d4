"""Estimate from logged episodes what another policy would have earned: importance sampling, self-normalized, doubly robust.

With importance weights w_t = prod_{s <= t} pi(a_s | state) / b(a_s | state), and w_{-1} = 1, the day's value is estimated by

    ips     mean of  w_last sum_t r_t                                            (trajectory-wise; Precup, Sutton, Singh 2000)
    pdis    mean of  sum_t w_t r_t                                               (per decision; the same)
    snips   ips over the mean of w_last
    snpdis  sum over t of the weighted mean of r_t, weights w_t
    dr      mean of  sum_t w_{t-1} V(s_t) + w_t (r_t - Q(s_t, a_t))              (Jiang and Li 2016)
    sndr    dr with every w_t divided by its mean                                (Thomas and Brunskill 2016)
    dm      mean of  V(s_0)                                                      (the model alone)

`ips`, `pdis` and `dr` are unbiased; the self-normalized ones are biased by an order of 1 / episodes and vary less. `dm` is
as wrong as its model, by an amount that no interval knows. Q and V come from `fitted_q.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.statistics import t_quantile
from auctionsim.ratios import NotDefined

Array = NDArray[np.float64]

ESTIMATORS = {
    "ips": "importance sampling, whole days",
    "pdis": "importance sampling, per decision",
    "snips": "self-normalized, whole days",
    "snpdis": "self-normalized, per decision",
    "dr": "doubly robust",
    "sndr": "self-normalized, doubly robust",
    "dm": "the fitted model alone",
}
"""The estimators by name, each with its words."""
MIN_EFFECTIVE = 30.0
"""Effective sample size below which an estimate counts as not defined; just above it, 95 % intervals cover 85 to 93 %."""


@dataclass(frozen=True, eq=False)
class Episodes:
    """Logged episodes, as the estimators need them: N days of T steps."""

    log_ratios: Array
    """Log of pi(a | state) / b(a | state) of each step, `[N, T]`; -inf where the target would never act so."""
    rewards: Array
    """Rewards, `[N, T]`."""
    days: NDArray[np.int64]
    """Day that each episode replays, `[N]`: days are fixed, and what is drawn anew is the exploration on them."""
    q: Array
    """Model's value of the logged action in its state, `[N, T]`."""
    v: Array
    """Model's value of the state under the target policy, `[N, T]`."""

    @property
    def weights(self) -> Array:
        """Return the importance weights w_t, `[N, T]`."""
        found: Array = arithmetic.exp(np.cumsum(self.log_ratios, axis=1))
        return found


@dataclass(frozen=True)
class Estimate:
    """An estimate of a policy's value, with its 95 % interval."""

    value: float
    low: float
    """Lower end of the interval; NaN for the model alone, whose error no interval knows."""
    high: float
    effective: float
    """Effective sample size (Kish): the square of the weights' sum over the sum of their squares, at the last step."""


def effective_size(weights: Array) -> float:
    """Return Kish's effective sample size of weights `[N]`; 0 where all are 0."""
    total, squares = float(weights.sum()), float((weights * weights).sum())
    return total * total / squares if squares > 0 else 0.0


def estimate(name: str, episodes: Episodes) -> Estimate | NotDefined:
    """Estimate a policy's mean return over the logged days.

    Args:
        name: A key of `ESTIMATORS`.
        episodes: The logged episodes.

    Returns:
        The estimate; or why there is none: the weights rest on too few episodes.
    """
    effective = effective_size(episodes.weights[:, -1])
    if name == "dm":
        return Estimate(float(episodes.v[:, 0].mean()), math.nan, math.nan, effective)
    if effective < MIN_EFFECTIVE:
        return NotDefined(
            f"the weights of {len(episodes.rewards)} episodes count as those of {effective:.1f}, < {MIN_EFFECTIVE:g}"
        )
    value, parts = _parts(name, episodes)
    half = t_quantile(_freedom(parts, episodes.days)) * math.sqrt(_variance(parts, episodes.days))
    return Estimate(value, value - half, value + half, effective)


def _parts(name: str, episodes: Episodes) -> tuple[float, Array]:
    """Return an estimate, and what each episode adds to it, `[N]`: its influence where the estimate is a ratio."""
    weights, rewards = episodes.weights, episodes.rewards
    before = np.concatenate([np.ones((len(weights), 1)), weights[:, :-1]], axis=1)
    if name == "ips":
        parts = weights[:, -1] * rewards.sum(axis=1)
    elif name == "pdis":
        parts = (weights * rewards).sum(axis=1)
    elif name == "dr":
        parts = (before * episodes.v + weights * (rewards - episodes.q)).sum(axis=1)
    elif name == "snips":
        return _of_ratios(weights[:, -1:], rewards.sum(axis=1, keepdims=True))
    elif name == "snpdis":
        return _of_ratios(weights, rewards)
    else:
        return _of_ratios(np.concatenate([before, weights], axis=1), np.concatenate([episodes.v, rewards - episodes.q], axis=1))
    return float(parts.mean()), parts


def _of_ratios(weights: Array, amounts: Array) -> tuple[float, Array]:
    """Return the sum of weighted means over columns, and each episode's influence on it (the delta method).

    Args:
        weights: Weights, `[N, columns]`.
        amounts: Amounts that are averaged, `[N, columns]`.
    """
    mean_weight = weights.mean(axis=0)
    scaled = weights / np.where(mean_weight > 0, mean_weight, 1.0)
    means = (scaled * amounts).mean(axis=0)
    return float(means.sum()), (scaled * (amounts - means)).sum(axis=1)


def _variance(parts: Array, days: NDArray[np.int64]) -> float:
    """Return the variance of the mean of parts, days being fixed: each day's mean has an error of its own."""
    return float(sum(share * share * spread / size for share, spread, size in _by_day(parts, days)))


def _freedom(parts: Array, days: NDArray[np.int64]) -> float:
    """Return the degrees of freedom of `_variance` (Satterthwaite 1946), >= 1."""
    terms = [(share * share * spread / size, size) for share, spread, size in _by_day(parts, days)]
    squares = sum(term * term / max(size - 1, 1) for term, size in terms)
    total = sum(term for term, _ in terms)
    return max(total * total / squares, 1.0) if squares > 0 else float(max(len(parts) - 1, 1))


def _by_day(parts: Array, days: NDArray[np.int64]) -> list[tuple[float, float, int]]:
    """Return each day's share of the episodes, the variance of its parts, and its number of episodes.

    A day that was logged once shows no spread, so that all days then count as one.
    """
    groups = [parts[days == day] for day in np.unique(days)]
    groups = groups if min(len(group) for group in groups) > 1 else [parts]
    return [(len(group) / len(parts), float(group.var(ddof=min(1, len(group) - 1))), len(group)) for group in groups]
