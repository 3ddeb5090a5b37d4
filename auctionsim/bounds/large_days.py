"""Bound a day that is too large for a solver of linear programs: the program of `oracle.py`, by multipliers alone.

`lp_bound` hands the contested cells to a solver, which takes hours where thousands of advertisers have limits that bind. The
bound here takes one pass over the candidates a step, memory in proportion to them, and is as proven. It is a little looser,
for its multipliers are not the best ones. Where nothing binds but the floor on revenue it is the closed form G* = W* - R.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auctionsim.bounds.eligible_wins import eligible_wins
from auctionsim.bounds.lagrangian import STEPS, proven_bound
from auctionsim.bounds.oracle import Allocation, Duals, rewarded_goals
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.numbers import whole_number
from auctionsim.objectives.goals import Goals


@dataclass(frozen=True, eq=False)
class LargeDayBound:
    """The bound of a day, without a point where it is reached."""

    value: float
    """Upper bound on the sum of rewards, for every policy that keeps the constraints."""
    duals: Duals
    """Multipliers that prove it."""

    __repr__ = short_repr


def lagrangian_bound(
    market: Market,
    day: int,
    *,
    goals: Goals | None = None,
    own_weight: float | None = None,
    global_weight: float | None = None,
    self_bidder_floor: float | None = None,
    steps: int = STEPS,
) -> LargeDayBound:
    """Bound what `lp_bound` bounds, in the same markets, by a descent over the multipliers.

    Args:
        market: The market whose day is bounded.
        day: One of the market's training or test days.
        goals: Weights, scales and limits of the day; None for the scenario's.
        own_weight: Weight of the own objectives; None for the scenario's.
        global_weight: Weight of total profit; None for the scenario's. 1 with `own_weight` 0 bounds the total profit.
        self_bidder_floor: Floor of the total profit of self-bidders, as a share of the baseline's; None for that of `goals`.
        steps: Number of steps of the descent; more of them make a tighter bound.

    Raises:
        InputError: An argument is of another kind or range, or the market is of a kind for which the bound does not hold.
    """
    steps = whole_number("steps", steps, 1)
    linear = rewarded_goals(market, day, goals, own_weight, global_weight, self_bidder_floor)
    written = Allocation.of(eligible_wins(market, day, merge=False), linear)
    # The program's side variables are extra payments and then discounts, of each advertiser; discounts have small limits.
    is_extra = np.arange(len(written.program.side_value)) < len(linear.budget)
    proof = proven_bound(written.program, held=is_extra, steps=steps)
    return LargeDayBound(proof.bound, written.duals(linear, proof.multipliers))
