"""Distributions that are known at a few quantiles, as published aggregates are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim import arithmetic
from auctionsim.errors import InputError
from auctionsim.traffic.profiles.figures import figures

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Quantiles:
    """A distribution of numbers >= 0, known at some levels.

    Between two of them the logarithm is uniform: prices and floors are denser at the lower end of an interval. From 0 on the
    number itself is.
    """

    levels: Array
    """Levels, ascending from 0 to 1, `[n]`."""
    values: Array
    """Quantiles at these levels, ascending, >= 0, `[n]`."""

    def at(self, level: ArrayLike) -> Array:
        """Return the quantiles at levels in [0, 1]; the highest where a jump has several."""
        level = np.asarray(level, dtype=np.float64)
        low = np.clip(np.searchsorted(self.levels, level, side="right") - 1, 0, len(self.levels) - 2)
        first, last = self.values[low], self.values[low + 1]
        share = (level - self.levels[low]) / (self.levels[low + 1] - self.levels[low])
        even = first + share * (last - first)
        ratio = np.where(first > 0, last, 1.0) / np.where(first > 0, first, 1.0)
        return np.where(first > 0, first * np.asarray(arithmetic.exp(share * arithmetic.log(ratio))), even)

    def below(self, value: ArrayLike) -> Array:
        """Return the share of the distribution that is <= each value, in [0, 1]: the inverse of `at`."""
        value = np.asarray(value, dtype=np.float64)
        low = np.clip(np.searchsorted(self.values, value, side="right") - 1, 0, len(self.values) - 2)
        first, last = self.values[low], self.values[low + 1]
        is_flat = last <= first
        inside = np.clip(value, first, last)
        even = (inside - first) / np.where(is_flat, 1.0, last - first)
        is_log = (first > 0) & ~is_flat
        base = np.where(is_log, first, 1.0)
        steps = arithmetic.log(np.where(is_log, inside, 1.0) / base)
        whole = arithmetic.log(np.where(is_log, last, np.e) / base)
        share = np.where(is_flat, 1.0, np.where(is_log, np.asarray(steps) / np.asarray(whole), even))
        found = self.levels[low] + share * (self.levels[low + 1] - self.levels[low])
        return np.where(value < self.values[0], 0.0, np.where(value >= self.values[-1], 1.0, found))


def read_quantiles(tree: dict[str, Any], source: str, key: str, maximum: float) -> Quantiles:
    """Read the levels and values of a distribution from the section at a key.

    Raises:
        InputError: They are no distribution.
    """
    levels = figures(tree, source, f"{key}.levels", (None,), minimum=0.0, maximum=1.0)
    values = figures(tree, source, f"{key}.values", (len(levels),), minimum=0.0, maximum=maximum)
    if len(levels) < 2 or levels[0] != 0 or levels[-1] != 1 or (np.diff(levels) <= 0).any():
        raise InputError(f"{source}: {key}.levels: expected numbers that ascend from 0 to 1, got {levels.tolist()}")
    if (np.diff(values) < 0).any():
        raise InputError(f"{source}: {key}.values: expected ascending numbers, got {values.tolist()}")
    return Quantiles(levels, values)
