"""Score a population: replay days for many candidates at once, and make one fitness of a day's results.

The evolution strategies share it. A policy's parameterization (`agents/policies/parameterization.py`) says what a
candidate's parameters mean; docs/macg.md has the fitness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.parameterization import make_parameterization
from auctionsim.auction.outcome import COST
from auctionsim.market.goals import training_goals
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives import goals as obj
from auctionsim.objectives.constraints import REVENUE_FLOOR, constraints_of, trained_revenue_floor
from auctionsim.objectives.fitness import Price, common_charge, movable_charge, own_charge, penalty_price, violations
from auctionsim.objectives.multipliers import Multipliers, flatten, unflatten
from auctionsim.scenario import LearnerSection, Scenario

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scores:
    """Results of some candidates on one day, ratios to the baseline's profit and revenue; candidates last."""

    own: Array
    """Own objective less the cost of own constraints, and of everybody's as far as a learner can move it, `[learners,
    candidates]`."""
    profit: Array
    """Total profit, `[candidates]`."""
    revenue: Array
    """Platform revenue, `[candidates]`."""
    profit_share: Array
    """Profit in the auctions of each learner, `[learners, candidates]`; all profit without local credit."""
    revenue_share: Array
    """Revenue in the auctions of each learner, likewise."""
    charge_elsewhere: Array
    """Mean over candidates of the cost of everybody's constraints that a learner cannot move, `[learners]`; 0 without local
    credit."""
    violation: Array
    """Mean over candidates of every constraint's violation but the revenue floor's, `[multipliers but one]`, in the order of
    `multipliers.flatten`. The revenue floor's follows from `revenue`."""


def score(market: Market, day: int, parameters: Array, multipliers: Array | None, *, local_credit: bool) -> Scores:
    """Score candidates `[candidates, learners, size]` on one day; with penalties where there are no multipliers."""
    parameterization = make_parameterization(market.scenario.learner)
    if parameterization.side_by_side:
        return score_blocks(market, day, [parameters], multipliers, local_credit=local_credit)[0]
    alone = [parameters[k : k + 1] for k in range(len(parameters))]
    return joined([score_blocks(market, day, [one], multipliers, local_credit=local_credit)[0] for one in alone])


def score_blocks(
    market: Market, day: int, blocks: Sequence[Array], multipliers: Array | None, *, local_credit: bool, device: str = "cpu"
) -> list[Scores]:
    """Score blocks of candidates on one day that is replayed once, for all of them side by side.

    Args:
        market: The market.
        day: The day.
        blocks: Parameters of each block's candidates, `[candidates, learners, size]`.
        multipliers: Multipliers of the constraints; None for penalties.
        local_credit: Whether an advertiser is scored by its own auctions.
        device: Device that clears the auctions, `cpu`, `cuda` or `cuda:N`.

    Returns:
        The scores of each block, with the bytes of a replay of its own.
    """
    policy = make_parameterization(market.scenario.learner).policy(market, np.concatenate(blocks))
    n_policies = sum(map(len, blocks))
    day_run = simulate_day(market, day, policy, n_policies=n_policies, local_credit=local_credit, device=device)
    totals, credit, found, begin = day_run.rewarded, day_run.sim.local_credit, [], 0
    for block in blocks:
        own = slice(begin, begin + len(block))
        # Of several blocks each has arrays of its own, since sums along strided ones may be taken in another order.
        mine, credited = (totals, credit) if len(blocks) == 1 else [one[:, :, own].copy(order="K") for one in (totals, credit)]
        found.append(_scores_of(market, day, mine, credited, multipliers, local_credit=local_credit))
        begin += len(block)
    return found


def _scores_of(
    market: Market, day: int, totals: Array, credit: Array, multipliers: Array | None, *, local_credit: bool
) -> Scores:
    """Return the scores of a day's totals `[advertisers, 5, candidates]` and local credit `[advertisers, 2, candidates]`."""
    settings, learners = market.scenario.learner, market.learners
    goals, price = training_goals(market, day), price_of(market.scenario, multipliers)
    # Learners may count revenue auction by auction, so its floor is charged in `day_fitness`.
    found = {key: one for key, one in violations(totals, goals).items() if key != REVENUE_FLOOR.key}
    profit = obj.global_profit(totals, goals)
    revenue = totals[:, COST].sum(axis=0) / goals.revenue_scale
    charge = common_charge(found, price)
    charge_share = movable_charge(found, price, learners, market.meeting_share(day)) if local_credit else charge[None]
    everywhere = (len(learners), 1)
    return Scores(
        own=(obj.own_score(totals, goals, settings) - obj.pooled(own_charge(found, price), goals))[learners] - charge_share,
        profit=profit,
        revenue=revenue,
        profit_share=credit[learners, 0] / goals.profit_scale if local_credit else np.tile(profit, everywhere),
        revenue_share=credit[learners, 1] / goals.revenue_scale if local_credit else np.tile(revenue, everywhere),
        charge_elsewhere=_mean_difference(charge, charge_share) if local_credit else np.zeros(len(learners)),
        violation=flatten({key: np.atleast_1d(one.mean(axis=-1)) for key, one in found.items()}),
    )


def day_fitness(day: Scores, scenario: Scenario, multipliers: Array | None) -> Array:
    """Return the fitness of a day, `[learners, candidates]`.

    An advertiser's own share moves candidate by candidate, the rest stands at the population's mean: what it cannot move is
    no noise in its gradient.
    """
    settings = scenario.learner
    profit = day.profit_share + (day.profit.mean() - day.profit_share.mean(axis=1, keepdims=True))
    revenue = day.revenue_share + (day.revenue.mean() - day.revenue_share.mean(axis=1, keepdims=True))
    shortfall = REVENUE_FLOOR.shortfall(revenue, trained_revenue_floor(scenario))
    own = day.own - day.charge_elsewhere[:, None]
    return own + settings.global_weight * profit - price_of(scenario, multipliers)(REVENUE_FLOOR, shortfall)


def price_of(scenario: Scenario, multipliers: Array | None) -> Price:
    """Return what violations cost: penalties where there are no multipliers."""
    return penalty_price(scenario.learner) if multipliers is None else Multipliers.of(multipliers, scenario).price


def new_multipliers(market: Market, settings: LearnerSection) -> Array | None:
    """Return the multipliers before learning; None where constraints are penalties."""
    return None if settings.constraint == "penalty" else Multipliers.start(market.scenario).vector


def updated_multipliers(scenario: Scenario, multipliers: Array, days: list[Scores]) -> Array:
    """Return the multipliers after a generation."""
    others = tuple(one for one in constraints_of(scenario) if one is not REVENUE_FLOOR)
    n_advertisers = sum(group.count for group in scenario.advertisers)
    violation = unflatten(np.mean([day.violation for day in days], axis=0), others, n_advertisers)
    revenue = np.array([np.mean([day.revenue.mean() for day in days])])
    violation[REVENUE_FLOOR.key] = REVENUE_FLOOR.shortfall(revenue, trained_revenue_floor(scenario))
    return Multipliers.of(multipliers, scenario).after(violation, scenario.learner.multiplier_rate).vector


def joined(blocks: list[Scores]) -> Scores:
    """Join the scores of one day's blocks, candidates in order."""
    names = ("own", "profit", "revenue", "profit_share", "revenue_share")
    arrays = {name: np.concatenate([getattr(block, name) for block in blocks], axis=-1) for name in names}
    sizes = [len(block.profit) for block in blocks]
    for name in ("charge_elsewhere", "violation"):
        arrays[name] = np.average([getattr(block, name) for block in blocks], axis=0, weights=sizes)
    return Scores(**arrays)


def _mean_difference(charge: Array, part: Array) -> Array:
    """Return the mean over candidates of what a part leaves of a charge, `[learners]`; 0 where a penalty has no bound."""
    is_finite = np.isfinite(charge) & np.isfinite(part)
    return np.subtract(charge, part, out=np.zeros(is_finite.shape), where=is_finite).mean(axis=1)
