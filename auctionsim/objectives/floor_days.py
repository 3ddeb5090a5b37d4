"""Judge by day whether the platform's revenue floor was kept: the share of days, and the worst of them.

One definition for reports, `evaluate`, comparisons and studies. A day is one test day on one seed; it keeps the floor if its
revenue is at least the floor's share of the baseline's revenue on the same day and seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from auctionsim.names.display import short_repr
from auctionsim.ratios import ROUNDING, NotDefined, ratio_to_amount

NO_FLOOR = "the scenario has no revenue floor"


@dataclass(frozen=True)
class SeedDay:
    """The platform's revenue on one day of one seed, beside the baseline's, currency."""

    seed: int
    day: int
    revenue: float
    baseline: float

    def keeps(self, floor: float) -> bool:
        """Return True if revenue is at least the floor, a share of the baseline's, up to rounding.

        Budgets that are spent to the last unit add up to the same sum in another order.
        """
        return self.revenue >= floor * self.baseline * (1 - ROUNDING)


@dataclass(frozen=True)
class FloorDays:
    """How a revenue floor was kept, day by day."""

    held: int
    """Number of days on which it was kept."""
    days: int
    """Number of days."""
    worst: float
    """The smallest revenue of a day as a ratio to the baseline's, among days on which the baseline earned anything."""
    worst_seed: int
    """Seed of that day."""
    worst_day: int

    __repr__ = short_repr

    @property
    def share(self) -> float:
        """Return the share of days on which the floor was kept, in [0, 1]."""
        return self.held / self.days

    def __str__(self) -> str:
        return f"{self.held} of {self.days} days ({self.share:.1%}), worst {self.worst_text}"

    @property
    def worst_text(self) -> str:
        """Return the worst day in words: its revenue as a ratio to the baseline's, its seed and day."""
        return f"{self.worst:.3f} (seed {self.worst_seed}, day {self.worst_day})"


def floor_days(days: Iterable[SeedDay], floor: float) -> FloorDays | NotDefined:
    """Count the days that keep a floor, and find the worst.

    For example, with a floor of 1.0 and revenues of 102, 99 and 100 over a baseline of 100 on days 4, 5 and 6 of seed 0: 2 of
    3 days, worst 0.990 (seed 0, day 5).

    Args:
        days: The days; of equal ones the first is the worst.
        floor: The floor as a share of the baseline's revenue.

    Returns:
        The count and the worst day, or why they are not defined: there is no floor, or the baseline earned nothing.
    """
    if not floor > 0:
        return NotDefined(NO_FLOOR)
    listed = list(days)
    ratios = [(ratio_to_amount(one.revenue, one.baseline, one.baseline), one) for one in listed]
    known = [(ratio, one) for ratio, one in ratios if not isinstance(ratio, NotDefined)]
    if not known:
        return next((ratio for ratio, _ in ratios if isinstance(ratio, NotDefined)), NotDefined("there is no day"))
    worst, where = min(known, key=lambda pair: pair[0])
    return FloorDays(sum(one.keeps(floor) for one in listed), len(listed), worst, where.seed, where.day)
