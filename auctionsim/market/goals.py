"""Resolve the goals and constraints of a market's scenario on one of its days."""

from __future__ import annotations

from auctionsim.market.market import Market
from auctionsim.objectives.constraints import constraints_of
from auctionsim.objectives.goals import Goals, day_totals
from auctionsim.objectives.resolve import resolved_goals


def goals_of(market: Market, day: int) -> Goals:
    """Return the goals of a day as the scenario states them, by which bounds and reports judge."""
    return _goals(market, day, for_training=False)


def training_goals(market: Market, day: int) -> Goals:
    """Return the goals of a day at which training and rewards aim: the revenue floor is higher by `learner.floor_margin`."""
    return _goals(market, day, for_training=True)


def _goals(market: Market, day: int, *, for_training: bool) -> Goals:
    def resolved() -> Goals:
        baseline = day_totals(market.baseline[day])
        return resolved_goals(market.scenario, market.groups, ~market.is_controlled, baseline, for_training=for_training)

    # Asked for in every task of a generation. Whoever adds a constraint to the table asks for other goals.
    asked = " ".join(one.key for one in constraints_of(market.scenario))
    return market.once(f"goals {'of training ' if for_training else ''}{asked}", day, resolved)
