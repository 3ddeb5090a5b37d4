"""Measure how much of the difference between trials goes with each swept key, and how much of that chance alone would give.

Eta squared is the share of the figures' variance that lies between the values of a key (Fisher's correlation ratio): 1 if
trials with the same value have the same figure, 0 if all values have one mean. Many values and few trials make it large by
chance alone, so that it is compared with that of the same figures dealt to the trials at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim.streams import stream

PERMUTATIONS = 999
MOST_BINS = 4
"""Numbers of more distinct values than this are put into as many bins of equal size, or into fewer where trials are few."""
LEAST_TRIALS = 8
"""Fewer trials say nothing about chance: four trials in two pairs can be dealt in three ways only."""


@dataclass(frozen=True)
class Importance:
    """The share of the trials' figures that a key's values explain."""

    share: float
    """Eta squared, in [0, 1]: the share of variance between values or bins."""
    by_chance: float
    """The 95 % quantile of the same under random dealing."""
    p_value: float
    """The share of dealings with an eta squared at least as large, the trials' own counted as one."""
    groups: int
    """The number of values or bins."""
    kind: Literal["values", "bins"]
    """The groups that were compared: single values, or bins of numbers."""


def importance(values: Sequence[Any], figures: Sequence[float | None], name: str) -> Importance | str:
    """Measure the importance of one key.

    Args:
        values: The key's value in each trial.
        figures: The figure of each trial after the same number of iterations; trials with None are left out.
        name: The name of the key, from which the random dealings are seeded.

    Returns:
        The importance, or the reason why it is not defined.
    """
    defined = [(value, figure) for value, figure in zip(values, figures, strict=True) if figure is not None]
    if len(defined) < LEAST_TRIALS:
        return f"fewer than {LEAST_TRIALS} trials ({len(defined)})"
    group, kind = _groups([value for value, _ in defined])
    groups = int(group.max()) + 1
    if groups < 2:
        return "one value"
    if len(defined) < 2 * groups:
        return "fewer than two trials a value"
    figure = np.array([figure for _, figure in defined])
    if np.ptp(figure) == 0:
        return "all figures are equal"
    # Scaled, so that squares neither overflow nor vanish, and in the order of groups, whose sums are then those of slices.
    figure = (figure / np.abs(figure).max())[np.argsort(group, kind="stable")]
    starts = np.searchsorted(np.sort(group), np.arange(groups))
    share = float(_eta_squared(figure[None], starts)[0])
    rng = stream(0, "importance", name)
    dealt = _eta_squared(rng.permuted(np.tile(figure, (PERMUTATIONS, 1)), axis=1), starts)
    # Equal dealings differ in the last bits, as sums in another order do.
    p_value = (1 + int((dealt >= share - 1e-12).sum())) / (PERMUTATIONS + 1)
    return Importance(share, float(np.quantile(dealt, 0.95)), p_value, groups, kind)


def _groups(values: Sequence[Any]) -> tuple[NDArray[np.int64], Literal["values", "bins"]]:
    """Return the number of each trial's value or bin, and which of the two it is."""
    names = [repr(value) for value in values]
    distinct = {value: number for number, value in enumerate(dict.fromkeys(names))}
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not are_numbers or len(distinct) <= MOST_BINS:
        return np.array([distinct[value] for value in names]), "values"
    numbers = np.array([float(value) for value in values])
    bins = min(MOST_BINS, len(numbers) // 4)
    edges = np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1])
    # Equal numbers stay together; a bin that they leave empty goes.
    return np.unique(np.searchsorted(edges, numbers, side="left"), return_inverse=True)[1].astype(np.int64), "bins"


def _eta_squared(figures: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of variance between groups of each row; group g starts at column `starts[g]`."""
    centered = figures - figures.mean(axis=1, keepdims=True)
    sums = np.add.reduceat(centered, starts, axis=1)
    between = (np.square(sums) / np.diff(np.append(starts, figures.shape[1]))).sum(axis=1)
    share: NDArray[np.float64] = np.minimum(between / np.square(centered).sum(axis=1), 1.0)
    return share
