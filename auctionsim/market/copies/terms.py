"""Everything by which copies of days are scored and observed: goals, scales of observations, rates of costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auctionsim.market.copies.relocated import on_processor, relocated
from auctionsim.market.goals import training_goals
from auctionsim.market.market import Market
from auctionsim.market.observations import Scales
from auctionsim.objectives.costs import CostRates, binding
from auctionsim.objectives.goals import Goals, goals_of_policies
from auctionsim.traffic.table import HOURS


@dataclass(frozen=True, eq=False)
class DayTerms:
    """Goals, scales and cost rates of one day, or of P copies on days of their own."""

    goals: Goals
    scales: Scales
    rates: CostRates
    binding: tuple[str, ...]
    """Keys of the constraints that bind anybody: a step takes no time for others."""

    @classmethod
    def of(cls, market: Market, day: int, home: Callable[[Any], Any] = on_processor) -> DayTerms:
        """Return the terms of one day.

        Args:
            market: The market.
            day: A training or test day.
            home: Function that puts an array of numpy where the copies' arrays are.
        """
        goals = training_goals(market, day)
        scales, rates = Scales.of(market, day, market.learners), CostRates.of(goals, HOURS)
        return cls(relocated(goals, home), relocated(scales, home), relocated(rates, home), binding(goals))

    @classmethod
    def of_copies(cls, known: Sequence[DayTerms], day: Any) -> DayTerms:
        """Return the terms of copies on days of their own.

        Args:
            known: Terms of the different days.
            day: Index into `known` of each copy's day, `[P]`, where the copies' arrays are.
        """
        if len(known) == 1:
            return known[0]
        keys = {key for one in known for key in one.binding}
        return cls(
            goals_of_policies([one.goals for one in known], day),
            Scales.of_policies([one.scales for one in known], day),
            CostRates.of_policies([one.rates for one in known], day),
            tuple(key for key in known[0].goals.limits if key in keys),
        )
