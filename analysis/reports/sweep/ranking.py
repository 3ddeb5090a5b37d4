"""Rank trials that were measured after the same number of iterations: floors first, then the figure; equal trials share a rank.

The order is Deb's (2000, "An efficient constraint handling method for genetic algorithms", section 3): a trial that keeps the
floors is better than one that does not; of two that keep them the better figure wins; of two that miss them the one that misses
by less.
"""

from __future__ import annotations

from collections.abc import Sequence

ROUNDING = 1e-9
"""A floor counts as kept up to this relative shortfall: the baseline's own revenue keeps a floor of 1.0."""


def ranks(figures: Sequence[float | None], shortfalls: Sequence[float | None], *, is_max: bool) -> list[int]:
    """Return each trial's rank, 1 for the best. Equal trials share a rank: figures 3, 5, 5, 2 have ranks 3, 1, 1, 4.

    Args:
        figures: The figure of each trial; None where it is not defined, which is never better than one that is.
        shortfalls: Shortfall of each trial from the floors, relative to them; 0 where it keeps them, None where not defined.
        is_max: True if a larger figure is better.
    """
    order = [_order(figure, missed, is_max=is_max) for figure, missed in zip(figures, shortfalls, strict=True)]
    sorted_order = sorted(order)
    first = {key: position for position, key in reversed(list(enumerate(sorted_order, start=1)))}
    return [first[key] for key in order]


def going_on(rank: Sequence[int], wanted: int) -> list[bool]:
    """Return which trials go on where `wanted` are to: the best by rank, all of a tie for the last of them included.

    Each trial that stops is worse than each that goes on. With ranks 1, 1, 1, 4 and one wanted, three go on: nothing tells
    them apart.
    """
    return [one <= wanted for one in rank]


def _order(figure: float | None, missed: float | None, *, is_max: bool) -> tuple[int, float, float]:
    """Return a tuple by which trials sort, the best first."""
    if figure is None or missed is None:
        return 2, 0.0, 0.0
    cost = -figure if is_max else figure
    return (0, 0.0, cost) if missed <= ROUNDING else (1, missed, cost)
