"""The designs of experiments: what is assigned to an arm at random, whose budgets are shared, and how effects are estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.experiments.arms import CONTROL, TREATMENT, Arms, Mix, metrics
from auctionsim.analysis.experiments.estimates import Estimate, paired, two_sample
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
FEWEST_UNITS = 7
"""Halves of 7 can be drawn in 35 ways. 6 have 20, in mirrored pairs: one pair that finds an effect is 10 % false alarms."""


class Design(Protocol):
    """A way to run an experiment on a change."""

    @property
    def name(self) -> str:
        """Return the design's name."""

    @property
    def words(self) -> str:
        """Say in one line what is assigned at random, and whose budgets are shared."""

    def days(self, days: Sequence[int]) -> tuple[int, ...]:
        """Return the days that the design uses."""

    def problem(self, arms: Arms, days: Sequence[int]) -> str:
        """Return why the design is not defined for a change and days; empty where it is."""

    def run(self, arms: Arms, days: Sequence[int], rng: np.random.Generator) -> Estimate:
        """Run the experiment once, with an assignment drawn from `rng`."""


@dataclass(frozen=True)
class ByUser:
    """Assign users, each with auctions of its own, to arms; budgets are shared by both arms, or split between them.

    Every block of auctions falls into one of `n_units` buckets of users, half of which are treated. The estimate compares means
    per auction over buckets.
    """

    splits_budgets: bool
    n_units: int = 40

    @property
    def name(self) -> str:
        """Return `user` or `budget-split`."""
        return "budget-split" if self.splits_budgets else "user"

    @property
    def words(self) -> str:
        """Say what is assigned, and whose budgets are shared."""
        return "auctions at random, every budget " + (
            "halved, one half for each arm" if self.splits_budgets else "shared by both"
        )

    def days(self, days: Sequence[int]) -> tuple[int, ...]:
        """Return all days."""
        return tuple(days)

    def problem(self, arms: Arms, days: Sequence[int]) -> str:
        """Return why the design is not defined; empty where it is."""
        if not self.splits_budgets and not arms.has_same_budgets:
            return "a budget that both arms share cannot be another one in each"
        fewest = min(len(arms.blocks(day)[0]) for day in days)
        return (
            f"a day has {fewest} auctions, fewer than 10 for each of {self.n_units} buckets"
            if fewest < 10 * self.n_units
            else ""
        )

    def run(self, arms: Arms, days: Sequence[int], rng: np.random.Generator) -> Estimate:
        """Run the experiment once."""
        n = self.n_units
        is_treated = rng.permutation(n) < n // 2
        budgets = [arms.budgets(arm) for arm in (CONTROL, TREATMENT)]
        pots = (budgets[0] / 2, budgets[1] / 2) if self.splits_budgets else (budgets[0],)
        totals, auctions = np.zeros((n, 5)), np.zeros(n)
        for day in days:
            weight = arms.blocks(day)[1]
            unit = rng.integers(n, size=len(weight))
            totals += arms.replay(day, Mix(is_treated[unit].astype(np.int64), unit, pots), n).by_unit
            auctions += np.bincount(unit, weights=weight, minlength=n)
        per_auction = metrics(totals) / auctions[:, None]
        scale = sum(arms.auctions(day) for day in days) / len(days)
        return two_sample(per_auction[~is_treated], per_auction[is_treated], scale)


@dataclass(frozen=True)
class ByAdvertiser:
    """Assign advertisers to arms; they meet in the same auctions. The estimate compares means over advertisers."""

    name: str = "advertiser"
    words: str = "advertisers at random, who meet in the same auctions"

    def days(self, days: Sequence[int]) -> tuple[int, ...]:
        """Return all days."""
        return tuple(days)

    def problem(self, arms: Arms, days: Sequence[int]) -> str:  # noqa: ARG002  (any days will do)
        """Return why the design is not defined; empty where it is."""
        if not arms.has_same_rules:
            return "a mechanism holds for an auction and not for an advertiser"
        n = arms.n_advertisers
        few = f"{n} advertisers are fewer than {FEWEST_UNITS}, with too few assignments for a valid 95 % interval"
        return few if n < FEWEST_UNITS else ""

    def run(self, arms: Arms, days: Sequence[int], rng: np.random.Generator) -> Estimate:
        """Run the experiment once."""
        n = arms.n_advertisers
        is_treated = rng.permutation(n) < n // 2
        budgets = np.where(is_treated, arms.budgets(TREATMENT), arms.budgets(CONTROL))
        totals = np.zeros((n, 5))
        for day in days:
            zeros = np.zeros(len(arms.blocks(day)[0]), dtype=np.int64)
            totals += arms.replay(day, Mix(zeros, zeros, (budgets,), is_treated), 1).by_arm[0]
        figures = metrics(totals) / len(days)
        return two_sample(figures[~is_treated], figures[is_treated], n)


@dataclass(frozen=True)
class Switchback:
    """Assign periods of time to arms. Two consecutive days are a pair: each period is treated on one of them, at random which.

    Budgets are those of a day, so that periods shorter than a day share them. The estimate is the mean difference of a pair's
    periods.
    """

    period: int
    """Hours of a period, a divisor of 24."""

    @property
    def name(self) -> str:
        """Return `switchback`, or `switchback-days` where a period is a day."""
        return "switchback-days" if self.period == HOURS else "switchback"

    @property
    def words(self) -> str:
        """Say what is assigned, and whose budgets are shared."""
        if self.period == HOURS:
            return "days at random, one of two consecutive ones treated"
        return f"periods of {self.period} h at random on one of two consecutive days, a day's budgets shared by its periods"

    def days(self, days: Sequence[int]) -> tuple[int, ...]:
        """Return the days that make pairs: all, or all but the last."""
        return tuple(days[: len(days) // 2 * 2])

    def problem(self, arms: Arms, days: Sequence[int]) -> str:
        """Return why the design is not defined; empty where it is."""
        if self.period < HOURS and not arms.has_same_budgets:
            return "a budget that periods share cannot be another one in each"
        n_pairs = len(days) // 2 * (HOURS // self.period)
        return f"expected 2 pairs of periods or more, got {n_pairs} (days: {len(days)})" if n_pairs < 2 else ""

    def run(self, arms: Arms, days: Sequence[int], rng: np.random.Generator) -> Estimate:
        """Run the experiment once."""
        used, n = self.days(days), HOURS // self.period
        differences = []
        for first, second in zip(used[::2], used[1::2], strict=True):
            first_arm = rng.integers(2, size=n)
            totals = [self._periods(arms, day, arm) for day, arm in ((first, first_arm), (second, 1 - first_arm))]
            sign = np.where(first_arm == TREATMENT, 1.0, -1.0)[:, None]
            differences.append(sign * (totals[0] - totals[1]))
        return paired(np.concatenate(differences), n)

    def _periods(self, arms: Arms, day: int, arm: NDArray[np.int64]) -> Array:
        """Return the metrics of each period of a day, `[periods, 5]`, given the arm of each."""
        period = arms.hours(day) // self.period
        pot = arms.budgets(int(arm[0]) if len(arm) == 1 else CONTROL)
        return metrics(arms.replay(day, Mix(arm[period], period, (pot,)), len(arm)).by_unit)


DESIGNS: dict[str, Design] = {
    one.name: one for one in (ByUser(False), ByUser(True), ByAdvertiser(), Switchback(4), Switchback(HOURS))
}
"""The designs by name."""
