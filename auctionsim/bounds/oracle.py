"""`oracle-lp`: bound in hindsight, by a linear program, the objective that any bids could reach on a day.

The program shares out every cell among the candidates that can win it and lets them pay anything between the payment bounds of
`eligible_wins.py`. Whatever bids do, auction by auction, is one of its points, so its optimum is an upper bound for every
policy that keeps the same constraints. It is a relaxation in four ways, each of which only raises it: auctions may be shared
out in parts; payments between their bounds need not be the result of any bids; advertisers without budget left may still win;
and a bid under a fixed rule whose budget might run out sets no lower limit from then on.

The last charge of a budget is capped at what is left. An advertiser with a budget may therefore pay once a day less than the
payment lower bound of one auction, where its budget is spent: variable d_i <= D_i spend_i / B_i with D_i the largest of these
lower bounds.

The program and why it bounds the market stand in docs/macg-theory.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from auctionsim.arguments import instance_of, number_between, one_number_of
from auctionsim.bounds.column_generation import solve
from auctionsim.bounds.eligible_wins import EligibleWins, eligible_wins
from auctionsim.bounds.linear_goals import QUANTITIES, LinearGoals, Quantities, RowBlock, program_rows
from auctionsim.bounds.linear_program import Program
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.objectives.constraints import constraints_in
from auctionsim.objectives.goals import Goals, summed_rates

Array = NDArray[np.float64]
_PROFIT = 3


@dataclass(frozen=True, eq=False)
class Duals:
    """Multipliers of the program, >= 0: the rise of the bound's value per unit of slack."""

    budget: Array
    """Multipliers alpha of the budgets, per unit of currency, `[advertisers]`."""
    of: Mapping[str, Array]
    """Multipliers of the constraints' rows (`Constraint.row`), by key: `[advertisers]` or `[1]`; 0 where there is no row."""

    __repr__ = short_repr


@dataclass(frozen=True, eq=False)
class Bound:
    """The bound of a day and the point of the relaxation where it is reached."""

    status: Literal["optimal", "infeasible"]
    """`infeasible`: no bids keep the constraints; all numbers are then minus infinity or empty."""
    value: float
    """Upper bound on the sum of rewards. It holds for every policy, whatever the solver's rounding."""
    reached: float
    """Sum of rewards at the optimum found; it equals `value` but for the solver's tolerance."""
    total_profit: float
    """Total profit at the optimum, currency. It bounds total profit where nothing else is rewarded (`own_weight` 0)."""
    revenue: float
    """Platform revenue at the optimum, currency."""
    objectives: Array
    """Clicks, conversions, GMV and profit at the optimum, `[advertisers, 4]`."""
    wins: Array
    """Auctions won by each column of the eligible wins, at the optimum, `[columns]`."""
    duals: Duals
    """Multipliers of the program's rows at the optimum."""

    __repr__ = short_repr


def lp_bound(
    market: Market,
    day: int,
    *,
    goals: Goals | None = None,
    own_weight: float | None = None,
    global_weight: float | None = None,
    self_bidder_floor: float | None = None,
) -> Bound:
    """Bound the sum over learners of own_weight / n x own objective + global_weight x total profit over the baseline's.

    Holds for one slot, `gsp` or `vcg` (which agree there), expected outcomes, any reserve, squash, budgets, outside bidders and
    fixed rules, for bids that may change from auction to auction, of policies that keep the constraints as the scenario states
    them. As in the fitness, a constraint whose owner is charged (CPC cap, ROI floor, spend floor) binds learners only.

    Args:
        market: The market whose day is bounded.
        day: One of the market's training or test days.
        goals: Weights, scales and limits of the day; None for the scenario's.
        own_weight: Weight of the own objectives; None for the scenario's.
        global_weight: Weight of total profit; None for the scenario's. 1 with `own_weight` 0 bounds the total profit.
        self_bidder_floor: Floor of the total profit of self-bidders, as a share of the baseline's; None for that of `goals`.

    Raises:
        InputError: An argument is of another kind or range, or the market is of a kind for which the bound does not hold.
        RunError: The solver gave up.
    """
    linear = rewarded_goals(market, day, goals, own_weight, global_weight, self_bidder_floor)
    return best_allocation(eligible_wins(market, day), linear)


def rewarded_goals(
    market: Market,
    day: int,
    goals: Goals | None,
    own_weight: float | None,
    global_weight: float | None,
    self_bidder_floor: float | None,
) -> LinearGoals:
    """Return the objective and the constraints of `lp_bound`, whose arguments these are."""
    instance_of("market", market, Market, "a Market (auctionsim.build_market)")
    day = one_number_of("day", day, sorted(market.baseline))
    weights = {"own_weight": own_weight, "global_weight": global_weight, "self_bidder_floor": self_bidder_floor}
    for name, weight in weights.items():
        if weight is not None:
            number_between(name, weight, 0)
    goals = goals_of(market, day) if goals is None else goals
    learner = market.scenario.learner
    own = learner.own_weight if own_weight is None else own_weight
    shared = learner.global_weight if global_weight is None else global_weight
    is_controlled = market.is_controlled
    if self_bidder_floor is not None and not is_controlled.all():
        goals = goals.with_limits(self_bidder_floor=self_bidder_floor * goals.self_bidder_profit)
    rewards = linear_rewards(market, goals, own, shared)
    return LinearGoals(rewards, market.budgets, ~is_controlled, binding_limits(goals, is_controlled))


def linear_rewards(market: Market, goals: Goals, own_weight: float, global_weight: float) -> Array:
    """Return the reward per click, conversion, unit of GMV and of profit of each advertiser on a day, `[advertisers, 4]`."""
    n, is_controlled = len(market.advertisers), market.is_controlled
    if goals.agencies:
        rewards = own_weight / n * summed_rates(goals, is_controlled)[:, :, 0]
    else:
        rewards = np.where(is_controlled[:, None], own_weight / n * goals.weights[:, :, 0] / goals.scales[:, :, 0], 0.0)
    rewards[:, _PROFIT] += global_weight / float(goals.profit_scale[0])
    return rewards


def binding_limits(goals: Goals, is_controlled: NDArray[np.bool_]) -> dict[str, Array]:
    """Return the limits of a day's goals by key; those that charge the owner bind learners only."""
    limits = {}
    for one in constraints_in(goals.limits):
        limit = goals.limits[one.key][..., 0] if one.is_each else goals.limits[one.key]
        limits[one.key] = np.where(is_controlled, limit, one.absent) if one.is_each and one.charged == "owner" else limit
    return limits


@dataclass(frozen=True, eq=False)
class Allocation:
    """The relaxation as a program, and what its rows and variables stand for."""

    program: Program
    kinds: list[RowBlock]
    """Kinds of rows, in the order of the program's."""
    totals: Mapping[str, csr_array]
    """Totals of each advertiser by name of quantity, as functions of the variables, `[advertisers, variables]`."""

    @classmethod
    def of(cls, eligible: EligibleWins, goals: LinearGoals) -> Allocation:
        """Write the relaxation of a day's eligible wins."""
        quantities = Quantities.of(eligible, goals)
        kinds = program_rows(quantities, goals)
        rows = vstack([kind.matrix.tocsr()[kind.holds] for kind in kinds]).tocsr()
        limits = np.concatenate([kind.right[kind.holds] for kind in kinds])
        totals = {name: quantities.of_each[name] for name in QUANTITIES}
        by_reward = enumerate(_objectives(totals))
        value = sum((objective.T @ goals.rewards[:, k] for k, objective in by_reward), np.zeros(rows.shape[1]))
        columns = len(eligible.advertiser)
        program = Program(
            value[:columns],
            eligible.cell_start,
            eligible.weight,
            eligible.must_fill,
            value[columns:],
            quantities.side_limit,
            rows,
            limits,
        )
        return cls(program, kinds, totals)

    def duals(self, goals: LinearGoals, multipliers: Array) -> Duals:
        """Sort multipliers by kind of row."""
        return _duals(self.kinds, multipliers, {key: np.zeros(len(limit)) for key, limit in goals.limits.items()})


def best_allocation(eligible: EligibleWins, goals: LinearGoals) -> Bound:
    """Find the best point of the relaxation: the auctions that each column wins, and the total payment of each advertiser."""
    n, written = len(goals.budget), Allocation.of(eligible, goals)
    solution = solve(written.program)
    duals = written.duals(goals, solution.multipliers)
    if solution.status == "infeasible":
        nothing = np.zeros(0)
        return Bound("infeasible", -np.inf, -np.inf, -np.inf, -np.inf, np.zeros((n, 0)), nothing, duals)
    point = np.concatenate([solution.x, solution.t])
    reached = np.stack([objective @ point for objective in _objectives(written.totals)], axis=1)
    return Bound(
        "optimal",
        solution.bound,
        solution.value,
        float(reached[:, _PROFIT].sum()),
        float((written.totals["cost"] @ point).sum()),
        reached,
        solution.x,
        duals,
    )


def _objectives(totals: Mapping[str, csr_array]) -> tuple[csr_array, ...]:
    """Return clicks, conversions, GMV and profit of each advertiser, as functions of the variables."""
    return totals["clicks"], totals["conversions"], totals["gmv"], totals["gmv"] - totals["cost"]


def _duals(kinds: list[RowBlock], multipliers: Array, nothing: dict[str, Array]) -> Duals:
    """Sort the multipliers by kind of row: 0 for rows that do not hold, all 0 where the program had no solution."""
    found, first = {**nothing}, 0
    for kind in kinds:
        found[kind.name] = np.zeros(len(kind.holds))
        if len(multipliers):
            found[kind.name][kind.holds] = multipliers[first : first + kind.holds.sum()]
            first += int(kind.holds.sum())
    return Duals(found["budget"], {key: found[key] for key in nothing})
