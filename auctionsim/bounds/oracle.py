"""`oracle-lp`: what any bids could reach on a day, bounded from above in hindsight by a linear program.

The program shares out every cell among the candidates that can win it and lets them pay anything between the limits of
`market/contests.py`. Whatever bids do, auction by auction, is one of its points, so its optimum is an upper bound for every
policy that keeps the same constraints. It is a relaxation in four ways, each of which only raises it: auctions may be shared
out in parts; payments need not be the result of any bids between their limits; advertisers without budget left may still
win; and a bid under a fixed rule whose budget might run out sets no lower limit from then on.

The last charge of a budget is capped at what is left. An advertiser with a budget may therefore pay once a day less than the
least payment of one auction, where its budget is spent: variable d_i <= D_i spend_i / B_i with D_i its largest least payment.

The program and why it bounds the market stand in docs/macg-theory.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array, vstack

from auctionsim.auction.budgets import SPENT_SHARE
from auctionsim.bounds.column_generation import solve
from auctionsim.bounds.eligible_wins import Contests, contests
from auctionsim.bounds.linear_program import Program
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.objectives.goals import Goals, day_totals, objective_vector

Array = NDArray[np.float64]
_PROFIT = 3


@dataclass(frozen=True, eq=False)
class Terms:
    """What is maximised and what must hold; no entry is missing, an absent limit is infinite."""

    rewards: Array
    """Of a click, a conversion, a unit of GMV and a unit of profit of each advertiser: `[advertisers, 4]`, at least 0."""
    budget: Array
    """Currency `[advertisers]`."""
    cpc_cap: Array
    """Currency per click `[advertisers]`."""
    roi_floor: Array
    """On (gmv - cost) / cost, `[advertisers]`."""
    profit_floor: Array
    """Currency `[advertisers]`."""
    revenue_floor: float
    """Currency; 0 turns it off."""
    self_bidders: NDArray[np.bool_]
    """Advertisers under a fixed rule, `[advertisers]`."""
    self_bidder_floor: float
    """On the self-bidders' profit together, currency."""


@dataclass(frozen=True, eq=False)
class Duals:
    """Multipliers, at least 0: how much the bound's value rises per unit of slack, currency unless said otherwise."""

    budget: Array
    """alpha, `[advertisers]`."""
    cpc: Array
    """beta, of cost - cap clicks <= 0, `[advertisers]`."""
    roi: Array
    """Of (1 + floor) cost - gmv <= 0, `[advertisers]`."""
    profit: Array
    """Of the profit floors, `[advertisers]`."""
    revenue: float
    """rho, of the platform's floor."""
    self_bidders: float
    """Of the floor on the self-bidders' profit."""


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
    """Bound sum over learners of own_weight / n x own objective + global_weight x total profit over the reference's.

    Holds for one slot, `gsp` or `vcg` (which agree there), expected outcomes, any reserve, squash, budgets, outside bidders and
    fixed rules, for bids that may change from auction to auction. CPC caps and ROI floors are those of learners, as in the
    fitness; profit floors are everybody's.

    Args:
        market: The market.
        day: One of its training or test days.
        goals: Weights, scales and constraints; the scenario's where None.
        own_weight: The scenario's where None.
        global_weight: The scenario's where None; 1 with `own_weight` 0 bounds the total profit.
        self_bidder_floor: Least profit of all self-bidders together, as a share of the reference's; None for no floor.

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
    reference = objective_vector(day_totals(market.baseline[day]))[~is_controlled, _PROFIT].sum()
    terms = Terms(
        rewards,
        market.budgets,
        np.where(is_controlled, goals.cpc_cap[:, 0], np.inf),
        np.where(is_controlled, goals.roi_floor[:, 0], -np.inf),
        goals.profit_floor[:, 0],
        float(goals.revenue_floor[0]),
        ~is_controlled,
        -np.inf if self_bidder_floor is None else self_bidder_floor * float(reference),
    )
    return best_allocation(contests(market, day), terms)


def best_allocation(offered: Contests, terms: Terms) -> Bound:
    """The best point of the relaxation: who wins how many auctions of each cell, and what advertisers pay in all."""
    n = len(terms.budget)
    quantities = _Quantities.of(offered, terms)
    rows, limits, names = _constraints(quantities, terms)
    clicks, conversions, gmv, cost = (quantities.of_each[k] for k in ("clicks", "conversions", "gmv", "cost"))
    objectives = (clicks, conversions, gmv, gmv - cost)
    value = sum((objective.T @ terms.rewards[:, k] for k, objective in enumerate(objectives)), np.zeros(clicks.shape[1]))
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
    duals = _duals(names, solution.multipliers, n)
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


@dataclass(frozen=True, eq=False)
class _Quantities:
    """Advertisers' totals as linear functions of the program's variables: wins of each column, then E, then d of everybody."""

    of_each: dict[str, csr_array]
    """`clicks conversions gmv cost extra discount` and `room` for extra payments: `[advertisers, variables]`."""
    side_limit: Array
    """Largest E and d, `[2 * advertisers]`."""
    is_open: NDArray[np.bool_]
    """Whether nothing but the revenue floor limits an advertiser's extra payments, `[advertisers]`."""

    @classmethod
    def of(cls, offered: Contests, terms: Terms) -> _Quantities:
        n, columns = len(terms.budget), len(offered.advertiser)
        place = (offered.advertiser, np.arange(columns))

        def won(per_win: Array) -> csr_array:
            return coo_array((per_win, place), shape=(n, columns + 2 * n)).tocsr()

        def side(k: int) -> csr_array:
            place = (np.arange(n), columns + k * n + np.arange(n))
            return coo_array((np.ones(n), place), shape=(n, columns + 2 * n)).tocsr()

        largest_least = np.zeros(n)
        np.maximum.at(largest_least, offered.advertiser, offered.least)
        has_budget = np.isfinite(terms.budget)
        discount = np.where(has_budget, largest_least + SPENT_SHARE * np.where(has_budget, terms.budget, 0.0), 0.0)
        is_open = np.zeros(n, dtype=bool)
        is_open[offered.advertiser[np.isinf(offered.most)]] = True
        room = np.where(np.isinf(offered.most), 0.0, offered.most - offered.least)
        has_room = is_open | (np.bincount(offered.advertiser, room, minlength=n) > 0)
        # Paying more than one must serves the revenue floor alone: at some optimum nobody pays extra once it is reached.
        extra = np.where(has_room, terms.revenue_floor + discount, 0.0)
        return cls(
            {
                "clicks": won(offered.clicks),
                "conversions": won(offered.conversions),
                "gmv": won(offered.gmv),
                "cost": won(offered.least) + side(0) - side(1),
                "extra": side(0),
                "discount": side(1),
                "room": won(room),
            },
            np.concatenate([extra, discount]),
            is_open,
        )


def _constraints(quantities: _Quantities, terms: Terms) -> tuple[csr_array, Array, list[tuple[str, NDArray[np.int64]]]]:
    """Rows, limits, and for each kind of constraint its name and the advertisers it has rows for."""
    each = quantities.of_each
    cost, gmv, n = each["cost"], each["gmv"], len(terms.budget)
    budget, roi = np.where(np.isfinite(terms.budget), terms.budget, 0.0), np.maximum(1 + terms.roi_floor, 0.0)
    cap = np.where(np.isfinite(terms.cpc_cap), terms.cpc_cap, 0.0)
    discount = quantities.side_limit[n:]
    self_bidders = csr_array(terms.self_bidders[None].astype(np.float64))
    everybody = csr_array(np.ones((1, n)))
    kinds: list[tuple[str, csr_array, Array, NDArray[np.bool_]]] = [
        ("budget", cost, terms.budget, np.isfinite(terms.budget)),
        ("cpc", cost - diags_array(cap) @ each["clicks"], np.zeros(n), np.isfinite(terms.cpc_cap)),
        ("roi", diags_array(roi) @ cost - gmv, np.zeros(n), roi > 0),
        ("profit", cost - gmv, -terms.profit_floor, np.isfinite(terms.profit_floor)),
        ("extra", each["extra"] - each["room"], np.zeros(n), ~quantities.is_open & (quantities.side_limit[:n] > 0)),
        ("discount", diags_array(budget) @ each["discount"] - diags_array(discount) @ cost, np.zeros(n), discount > 0),
        ("revenue", -(everybody @ cost), np.array([-terms.revenue_floor]), np.array([terms.revenue_floor > 0])),
        (
            "self_bidders",
            self_bidders @ (cost - gmv),
            np.array([-terms.self_bidder_floor]),
            np.array([np.isfinite(terms.self_bidder_floor) and terms.self_bidders.any()]),
        ),
    ]
    rows = vstack([matrix.tocsr()[holds] for _, matrix, _, holds in kinds]).tocsr()
    limits = np.concatenate([limit[holds] for _, _, limit, holds in kinds])
    return rows, limits, [(name, np.flatnonzero(holds)) for name, _, _, holds in kinds]


def _duals(names: list[tuple[str, NDArray[np.int64]]], multipliers: Array, n: int) -> Duals:
    of_kind = {name: np.zeros(n) for name, _ in names}
    first = 0
    for name, who in names if len(multipliers) else []:
        of_kind[name][who] = multipliers[first : first + len(who)]
        first += len(who)
    return Duals(
        of_kind["budget"],
        of_kind["cpc"],
        of_kind["roi"],
        of_kind["profit"],
        float(of_kind["revenue"][0]),
        float(of_kind["self_bidders"][0]),
    )
