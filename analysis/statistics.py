"""Decide what is uncertain and what differs: intervals over seeds, paired comparisons, ranks, and inequality.

Every report, figure and study takes its intervals and comparisons from here, so that no two of them can disagree. A seed is one
independent replicate: its own traffic, initial values and noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim.streams import stream

LEVEL = 0.95
"""Nominal coverage of every interval."""
INTERVALS = f"{100 * LEVEL:.0f} % bootstrap intervals"
"""The name of these intervals in captions and notes."""
RESAMPLES = 2000
"""Bootstrap samples per interval."""

_EXACT_UP_TO = 16
_SIGN_PATTERNS = 20_000


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its percentile-bootstrap interval at `LEVEL`."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two arms over the seeds that both have: first arm minus second."""

    difference: Interval
    better: int
    """Number of seeds on which the first arm is above the second."""
    seeds: int
    p_value: float
    """p-value of the two-sided sign-flip test of no difference; with n seeds it is >= 2 / 2^n."""

    def __str__(self) -> str:
        return f"{self.difference}, above on {self.better} of {self.seeds} seeds, p = {self.p_value:.3g}"


def mean_interval(values: ArrayLike) -> Interval:
    """Return the mean of independent values, one per seed, with its interval; a single value has an interval of width 0.

    Percentile bootstrap (Efron 1979): the central 95 % of the means of 2,000 resamples, drawn from a fixed random stream.

    Raises:
        ValueError: There is no value, or one is not finite.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or len(sample) == 0 or not np.isfinite(sample).all():
        raise ValueError(f"values: expected finite numbers, one per seed, got {sample!r}")
    draws = stream(0, "bootstrap").integers(len(sample), size=(RESAMPLES, len(sample)))
    low, high = central_range(sample[draws].mean(axis=1), LEVEL)
    return Interval(float(sample.mean()), low, high)


def central_range(values: ArrayLike, level: float) -> tuple[float, float]:
    """Return the percentiles that enclose the central `level` of values, for example the 2.5th and 97.5th for 0.95."""
    low, high = np.quantile(np.asarray(values, dtype=np.float64), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def compare_paired(first: ArrayLike, second: ArrayLike) -> Comparison:
    """Compare two arms by their values on the same seeds, in the same order.

    The p-value is the share of sign patterns of the differences whose mean is at least as far from 0 as the observed one
    (Fisher 1935). Up to 16 seeds all patterns are counted, beyond that 20,000 random ones and the observed one.

    Raises:
        ValueError: The two do not have the same number of values, or one is not finite.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != other.shape:
        raise ValueError(f"expected one value of each arm per seed, got {one.shape} and {other.shape}")
    differences = one - other
    interval = mean_interval(differences)
    means = np.abs(_sign_patterns(len(differences)) @ differences) / len(differences)
    # Patterns that differ from the observed one by rounding only are as far from 0 as it is.
    p_value = float((means >= abs(interval.mean) * (1 - 1e-12)).mean())
    return Comparison(interval, int((differences > 0).sum()), len(differences), p_value)


def ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Return each name's rank by its score, 1 for the highest, best first; equal scores are ranked in alphabetical order."""
    best_first = sorted(scores, key=lambda name: (-scores[name], name))
    return {name: rank for rank, name in enumerate(best_first, start=1)}


def gini(values: ArrayLike) -> float:
    """Return the Gini coefficient: half the mean absolute difference of two values, divided by the mean; 0 if all are equal.

    With negative values it can exceed 1. It is NaN unless the mean is > 0.
    """
    sample = np.sort(np.asarray(values, dtype=np.float64))
    n, total = len(sample), float(sample.sum())
    if n == 0 or not total > 0:
        return float("nan")
    return float(2 * (np.arange(1, n + 1) * sample).sum() / (n * total) - (n + 1) / n)


def _sign_patterns(n: int) -> NDArray[np.float64]:
    """Return sign patterns of n differences, `[patterns, n]`: every one if there are few, else the observed and random ones."""
    if n <= _EXACT_UP_TO:
        return np.array(list(product((-1.0, 1.0), repeat=n)))
    drawn = stream(0, "sign-flips").choice((-1.0, 1.0), size=(_SIGN_PATTERNS, n))
    # The differences as they were observed are one of the patterns.
    return np.concatenate([np.ones((1, n)), drawn])
