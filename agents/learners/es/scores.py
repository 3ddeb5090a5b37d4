"""Scores of a population: replay days for many members at once, and make one fitness of a day's results.

What the evolutionary learners share. What a member's parameters mean is up to the policy's form (`forms.py`); docs/macg.md has
the fitness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.forms import make_form
from auctionsim.auction.kernel.engine import COST
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives import constraints
from auctionsim.objectives import goals as obj
from auctionsim.objectives.multipliers import Multipliers, cost
from auctionsim.scenario import LearnerSection, Scenario

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scores:
    """Results of some members on one day, ratios to the reference's profit and revenue; members last."""

    own: Array
    """Own objective less the cost of own constraints and of those on advertisers' profits, `[learners, members]`."""
    profit: Array
    """Total profit, `[members]`."""
    revenue: Array
    """Platform revenue, `[members]`."""
    profit_share: Array
    """Profit in the auctions of each learner, `[learners, members]`; all profit without local credit."""
    revenue_share: Array
    """Revenue in the auctions of each learner, likewise."""
    violation: Array
    """Mean over members of every constraint's violation but the revenue floor's, `[3 * advertisers + 1]`, in the order of
    `Multipliers.vector`."""


def score(market: Market, day: int, parameters: Array, multipliers: Array | None, *, local_credit: bool) -> Scores:
    """Scores of members `[members, learners, size]` on one day; with penalties where there are no multipliers."""
    form = make_form(market.scenario.learner)
    if form.side_by_side:
        return _score(market, day, parameters, multipliers, local_credit=local_credit)
    alone = [parameters[k : k + 1] for k in range(len(parameters))]
    return joined([_score(market, day, one, multipliers, local_credit=local_credit) for one in alone])


def _score(market: Market, day: int, parameters: Array, multipliers: Array | None, *, local_credit: bool) -> Scores:
    settings, learners = market.scenario.learner, market.learners
    policy = make_form(settings).policy(market, parameters)
    day_run = simulate_day(market, day, policy, n_policies=len(parameters), local_credit=local_credit)
    totals = obj.day_totals(day_run.outcome)
    goals = goals_of(market, day)
    found = constraints.violations(totals, goals)
    if multipliers is None:
        own_cost = constraints.own_penalty(found, settings)
        common_cost = constraints.common_penalty(found, settings)
    else:
        weights = Multipliers.of(multipliers)
        own_cost, common_cost = weights.own_cost(found), weights.common_cost(found)
    profit = obj.global_profit(totals, goals)
    revenue = totals[:, COST].sum(axis=0) / goals.revenue_scale
    everywhere = (len(learners), 1)
    return Scores(
        own=(obj.own_score(totals, goals, settings) - own_cost)[learners] - common_cost,
        profit=profit,
        revenue=revenue,
        profit_share=day_run.sim.shared[learners, 0] / goals.profit_scale if local_credit else np.tile(profit, everywhere),
        revenue_share=day_run.sim.shared[learners, 1] / goals.revenue_scale if local_credit else np.tile(revenue, everywhere),
        violation=np.concatenate(
            [found.cpc.mean(axis=1), found.roi.mean(axis=1), found.profit.mean(axis=1), [found.self_bidders.mean()]]
        ),
    )


def day_fitness(day: Scores, scenario: Scenario, multipliers: Array | None) -> Array:
    """Fitness of a day, `[learners, members]`.

    An advertiser's own share moves member by member, the rest stands at the population's mean: what it cannot move is
    no noise in its gradient.
    """
    settings = scenario.learner
    profit = day.profit_share + (day.profit.mean() - day.profit_share.mean(axis=1, keepdims=True))
    revenue = day.revenue_share + (day.revenue.mean() - day.revenue_share.mean(axis=1, keepdims=True))
    floor = aimed_floor(scenario)
    shortfall = 1 - revenue / floor if floor > 0 else np.full_like(revenue, constraints.NO_CONSTRAINT)
    if multipliers is None:
        floor_cost = constraints.penalty(shortfall, settings.penalty)
    else:
        floor_cost = cost(shortfall, Multipliers.of(multipliers).revenue)
    return day.own + settings.global_weight * profit - floor_cost


def aimed_floor(scenario: Scenario) -> float:
    """The revenue floor that training aims at, a ratio to the reference's revenue; 0 for none."""
    return scenario.platform.revenue_floor * (1 + scenario.learner.floor_margin)


def new_multipliers(market: Market, settings: LearnerSection) -> Array | None:
    """Multipliers before learning; None where constraints are penalties."""
    return None if settings.constraint == "penalty" else Multipliers.start(len(market.advertisers)).vector


def updated_multipliers(scenario: Scenario, multipliers: Array, days: list[Scores]) -> Array:
    """Multipliers after a generation."""
    floor = aimed_floor(scenario)
    revenue = float(np.mean([day.revenue.mean() for day in days]))
    violation = np.append(
        np.mean([day.violation for day in days], axis=0), 1 - revenue / floor if floor > 0 else constraints.NO_CONSTRAINT
    )
    return Multipliers.of(multipliers).after(violation, scenario.learner.multiplier_rate).vector


def joined(blocks: list[Scores]) -> Scores:
    """The scores of one day's blocks, members in order."""
    names = ("own", "profit", "revenue", "profit_share", "revenue_share")
    arrays = {name: np.concatenate([getattr(block, name) for block in blocks], axis=-1) for name in names}
    sizes = [len(block.profit) for block in blocks]
    return Scores(**arrays, violation=np.average([block.violation for block in blocks], axis=0, weights=sizes))
