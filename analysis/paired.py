"""Two arms over the same seeds: their difference, how sure it is, and on how many seeds it holds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from auctionsim.analysis.reports.metrics import Interval, bootstrap
from auctionsim.streams import stream

_ALL_SIGNS_UP_TO = 16
_DRAWS = 20_000


@dataclass(frozen=True)
class Comparison:
    """One arm less the other, seed by seed."""

    difference: Interval
    better: int
    """On how many seeds the first arm is above the second."""
    seeds: int
    p_value: float
    """Of the two-sided sign-flip test of no difference; with n seeds it cannot be below 2 / 2^n."""

    def __str__(self) -> str:
        return f"{self.difference}, above on {self.better} of {self.seeds} seeds, p = {self.p_value:.3g}"


def compare(one: ArrayLike, other: ArrayLike) -> Comparison:
    """Compare values that belong together, one of each per seed.

    The p-value is the share of sign patterns of the differences whose mean is at least as far from 0 (Fisher 1935): all
    patterns up to 16 seeds, 20,000 drawn ones beyond.

    Raises:
        ValueError: The two do not have the same number of values, or one is not finite.
    """
    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"expected one value of each arm per seed, got {first.shape} and {second.shape}")
    differences = first - second
    interval = bootstrap(differences)
    n = len(differences)
    if n <= _ALL_SIGNS_UP_TO:
        signs = np.array(list(product((-1.0, 1.0), repeat=n)))
    else:
        drawn = stream(0, "sign-flips").choice((-1.0, 1.0), size=(_DRAWS, n))
        signs = np.concatenate([np.ones((1, n)), drawn])  # what was observed is one of the patterns
    means = np.abs(signs @ differences) / n
    # Patterns that differ in rounding only are as far from 0 as the observed one.
    p_value = float((means >= abs(interval.mean) * (1 - 1e-12)).mean())
    return Comparison(interval, int((differences > 0).sum()), n, p_value)
