"""Solve the cooperative program for the mean training day: multipliers that bids of later days may start from.

It is the program of `oracle.py` with three differences, which make it an estimate and no bound. Cells are a sample of all
training days, weighted so that they add up to a mean day. Bids under a fixed rule stand all day, whatever their budgets, since
a learner meets them while they last. And where the floors cannot be met together, all of them are lowered until they can.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.bounds.dual_bids import DualForm
from auctionsim.bounds.eligible_wins import EligibleWins, standing_wins
from auctionsim.bounds.linear_goals import LinearGoals
from auctionsim.bounds.oracle import Bound, best_allocation, binding_limits, linear_rewards
from auctionsim.market.goals import training_goals
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.objectives.constraints import constraints_in

Array = NDArray[np.float64]

SAMPLE = 3000
"""Cells of the sample: solved whole in about a second."""
_LOWERED = (1.0, 0.97, 0.9, 0.8, 0.5, 0.0)
"""Factors on the floors, tried in this order until the program is feasible."""


@dataclass(frozen=True, eq=False)
class MeanDay:
    """The mean training day and its best allocation."""

    goals: LinearGoals
    """Rewards and limits, means over the training days."""
    bound: Bound
    """The best allocation."""
    form: DualForm
    """Values of wins at its multipliers."""

    __repr__ = short_repr


def mean_day(market: Market, sample: int = SAMPLE) -> MeanDay:
    """Solve the cooperative program for the mean training day.

    Args:
        market: The market, with one slot.
        sample: Number of cells to solve for, about.

    Raises:
        InputError: The market has several slots or first-price payments.
        RunError: The solver gave up.
    """
    days = market.scenario.traffic.train_days
    # A rule that bids hour by hour is taken for the keyword bid.
    fixed = np.where(np.isnan(market.fixed), STATIC_BIDS["manual"], market.fixed)
    known = replace(market.in_expectation(), fixed=fixed)
    wins = _sampled([standing_wins(known, day) for day in days], sample)
    found = [training_goals(market, day) for day in days]
    is_self_bidding = ~market.is_controlled
    settings = market.scenario.learner
    rewards = np.mean([linear_rewards(market, goals, settings.own_weight, settings.global_weight) for goals in found], axis=0)
    limits = [binding_limits(goals, market.is_controlled) for goals in found]
    for factor in _LOWERED:
        goals = LinearGoals(rewards, market.budgets, is_self_bidding, _mean_limits(limits, factor))
        bound = best_allocation(wins, goals)
        if bound.status == "optimal":
            break
    return MeanDay(goals, bound, DualForm.of(goals, bound.duals))


def _mean_limits(days: list[dict[str, Array]], factor: float) -> dict[str, Array]:
    """Return the limits by key, means over days, with the floors times a factor; no floors where it is 0."""
    limits = {}
    for one in constraints_in(days[0]):
        limit = np.mean([day[one.key] for day in days], axis=0)
        if one.sense == "floor":
            limit = limit * factor if factor else np.full_like(limit, one.absent)
        limits[one.key] = limit
    return limits


def _sampled(days: list[EligibleWins], sample: int) -> EligibleWins:
    """Return every k-th cell of the days, weighted to add up to the mean day."""
    step = max(1, sum(len(wins.weight) for wins in days) // sample)
    parts = []
    for index, wins in enumerate(days):
        kept = np.zeros(len(wins.weight), dtype=bool)
        kept[index % step :: step] = True
        columns = kept[wins.cell]
        weight = wins.weight[kept] * (wins.weight.sum() / max(wins.weight[kept].sum(), 1e-12) / len(days))
        names = ("advertiser", "clicks", "conversions", "gmv", "payment_min", "payment_max")
        parts.append((np.diff(wins.cell_start)[kept], weight, {name: getattr(wins, name)[columns] for name in names}))
    sizes, weights = np.concatenate([size for size, _, _ in parts]), np.concatenate([weight for _, weight, _ in parts])
    return EligibleWins(
        np.concatenate([[0], np.cumsum(sizes)]),
        weights,
        # A fixed bid may have run out of budget, so that no cell is sure to be filled.
        np.zeros(len(weights), dtype=bool),
        **{name: np.concatenate([columns[name] for _, _, columns in parts]) for name in parts[0][2]},
    )
