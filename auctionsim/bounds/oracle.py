"""`oracle-lp`: what any bids could reach on a day, bounded from above in hindsight by a linear program.

The program shares out every cell among the candidates that can win it and lets them pay anything between the limits of
`eligible_wins.py`. Whatever bids do, auction by auction, is one of its points, so its optimum is an upper bound for every
policy that keeps the same constraints. It is a relaxation in four ways, each of which only raises it: auctions may be shared
out in parts; payments need not be the result of any bids between their limits; advertisers without budget left may still
win; and a bid under a fixed rule whose budget might run out sets no lower limit from then on.

The last charge of a budget is capped at what is left. An advertiser with a budget may therefore pay once a day less than the
least payment of one auction, where its budget is spent: variable d_i <= D_i spend_i / B_i with D_i its largest least payment.

The program and why it bounds the market stand in docs/macg-theory.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack

from auctionsim.bounds.column_generation import solve
from auctionsim.bounds.eligible_wins import Contests, contests
from auctionsim.bounds.linear_goals import QUANTITIES, LinearGoals, Quantities, RowBlock, program_rows
from auctionsim.bounds.linear_program import Program
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.objectives.constraints import constraints_in
from auctionsim.objectives.goals import Goals

Array = NDArray[np.float64]
_PROFIT = 3


@dataclass(frozen=True, eq=False)
class Duals:
    """Multipliers, >= 0: how much the bound's value rises per unit of slack."""

    budget: Array
    """alpha, per unit of currency, `[advertisers]`."""
    of: Mapping[str, Array]
    """Those of the constraints' rows (`Constraint.row`), by key: `[advertisers]` or `[1]`; 0 where there is no row."""


@dataclass(frozen=True, eq=False)
class Bound:
    """The bound of a day and the point of the relaxation where it is reached."""

    status: Literal["optimal", "infeasible"]
    """`infeasible`: no bids keep the constraints; all numbers are then minus infinity or empty."""
    value: float
    """Upper bound on sum of rewards; holds for every policy whatever the solver's rounding."""
    reached: float
    """What the point below reaches; `value` but for the solver's tolerance."""
    total_profit: float
    """Currency, at the optimum. Bounds total profit where it is all that is rewarded (`own_weight` 0)."""
    revenue: float
    """Currency, at the optimum."""
    objectives: Array
    """Clicks, conversions, GMV and profit at the optimum, `[advertisers, 4]`."""
    wins: Array
    """Auctions won by each column of the contests."""
    duals: Duals


def lp_bound(
    market: Market,
    day: int,
    *,
    goals: Goals | None = None,
    own_weight: float | None = None,
    global_weight: float | None = None,
    self_bidder_floor: float | None = None,
) -> Bound:
    """Bound sum over learners of own_weight / n x own objective + global_weight x total profit over the baseline's.

    Holds for one slot, `gsp` or `vcg` (which agree there), expected outcomes, any reserve, squash, budgets, outside bidders and
    fixed rules, for bids that may change from auction to auction, of policies that keep the constraints as the scenario states
    them. As in the fitness, a constraint whose owner is charged (CPC cap, ROI floor, spend floor) binds learners only.

    Args:
        market: The market.
        day: One of its training or test days.
        goals: Weights, scales and limits; the scenario's where None.
        own_weight: The scenario's where None.
        global_weight: The scenario's where None; 1 with `own_weight` 0 bounds the total profit.
        self_bidder_floor: Least profit of all self-bidders together, as a share of the baseline's; that of `goals` where None.

    Raises:
        InputError: The market is of a kind for which the bound does not hold.
        RunError: The solver gave up.
    """
    goals = goals_of(market, day) if goals is None else goals
    learner = market.scenario.learner
    own = learner.own_weight if own_weight is None else own_weight
    shared = learner.global_weight if global_weight is None else global_weight
    n, is_controlled = len(market.advertisers), market.is_controlled
    rewards = np.where(is_controlled[:, None], own / n * goals.weights[:, :, 0] / goals.scales[:, :, 0], 0.0)
    rewards[:, _PROFIT] += shared / float(goals.profit_scale[0])
    if self_bidder_floor is not None and not is_controlled.all():
        goals = goals.with_limits(self_bidder_floor=self_bidder_floor * goals.self_bidder_profit)
    return best_allocation(
        contests(market, day), LinearGoals(rewards, market.budgets, ~is_controlled, _limits(goals, is_controlled))
    )


def _limits(goals: Goals, is_controlled: NDArray[np.bool_]) -> dict[str, Array]:
    """Limits of a day's goals; where the owner is charged, of learners only."""
    limits = {}
    for one in constraints_in(goals.limits):
        limit = goals.limits[one.key][..., 0] if one.is_each else goals.limits[one.key]
        limits[one.key] = np.where(is_controlled, limit, one.absent) if one.is_each and one.charged == "owner" else limit
    return limits


def best_allocation(offered: Contests, goals: LinearGoals) -> Bound:
    """Find the best point of the relaxation: who wins how many auctions of each cell, and what advertisers pay in all."""
    n = len(goals.budget)
    quantities = Quantities.of(offered, goals)
    kinds = program_rows(quantities, goals)
    rows = vstack([kind.matrix.tocsr()[kind.holds] for kind in kinds]).tocsr()
    limits = np.concatenate([kind.right[kind.holds] for kind in kinds])
    clicks, conversions, gmv, cost = (quantities.of_each[k] for k in QUANTITIES)
    objectives = (clicks, conversions, gmv, gmv - cost)
    value = sum((objective.T @ goals.rewards[:, k] for k, objective in enumerate(objectives)), np.zeros(clicks.shape[1]))
    columns = len(offered.advertiser)
    solution = solve(
        Program(
            value[:columns],
            offered.cell_start,
            offered.weight,
            offered.must_fill,
            value[columns:],
            quantities.side_limit,
            rows,
            limits,
        )
    )
    duals = _duals(kinds, solution.multipliers, {key: np.zeros(len(limit)) for key, limit in goals.limits.items()})
    if solution.status == "infeasible":
        nothing = np.zeros(0)
        return Bound("infeasible", -np.inf, -np.inf, -np.inf, -np.inf, np.zeros((n, 0)), nothing, duals)
    point = np.concatenate([solution.x, solution.t])
    reached = np.stack([objective @ point for objective in objectives], axis=1)
    return Bound(
        "optimal",
        solution.bound,
        solution.value,
        float(reached[:, _PROFIT].sum()),
        float((cost @ point).sum()),
        reached,
        solution.x,
        duals,
    )


def _duals(kinds: list[RowBlock], multipliers: Array, nothing: dict[str, Array]) -> Duals:
    """Multipliers of the rows by kind, 0 for rows that do not hold; all 0 where the program had no solution."""
    found, first = {**nothing}, 0
    for kind in kinds:
        found[kind.name] = np.zeros(len(kind.holds))
        if len(multipliers):
            found[kind.name][kind.holds] = multipliers[first : first + kind.holds.sum()]
            first += int(kind.holds.sum())
    return Duals(found["budget"], {key: found[key] for key in nothing})
