"""Measure a policy's revenue on validation days, and raise it by one factor until a further day keeps the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auctionsim import arithmetic
from auctionsim.agents.learners.validated.aimed import Aimed, aims_at_floor
from auctionsim.agents.learners.validated.prediction import lower_prediction_bound
from auctionsim.agents.policies.base import Constant, Policy, Scaled
from auctionsim.auction.outcome import COST
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.names.display import short_repr
from auctionsim.objectives.floor_days import SeedDay
from auctionsim.objectives.goals import day_totals, of_all
from auctionsim.ratios import ROUNDING

MAX_FACTOR = 1.25
"""Bids are raised by no more than this factor: a floor that is not in reach by then is not in reach by higher bids."""
NEXT_BEST = (1.0, 1.01, 1.02)
"""Factors to choose from where the floor is out of reach: so small that caps are exceeded by 2 % at most."""
_TOLERANCE = 5e-4
# Revenue rises about as bids do where budgets do not bind; a step is a little longer, so that few are needed.
_ELASTICITY, _LEAST_STEP = 0.8, 0.002


@dataclass(frozen=True, eq=False)
class Validation:
    """Revenue of a policy on the validation days of one seed."""

    days: tuple[SeedDay, ...]
    floor: float
    """The revenue floor, as a share of the baseline's revenue."""
    factor: float
    """The factor of `raised_policy`, >= 1."""
    bound: float
    """The revenue, as a ratio to the floor, that a further day exceeds with a probability of 95 %; infinite without days."""

    __repr__ = short_repr

    @property
    def held(self) -> int:
        """Return the number of validation days on which revenue is at the floor or above."""
        return sum(one.keeps(self.floor) for one in self.days)

    @property
    def holds(self) -> bool:
        """Return True if a further day keeps the floor with that probability."""
        return self.bound >= 1.0 - ROUNDING


def validated(market: Market, policy: Policy, factor: float = 1.0) -> Validation:
    """Replay the validation days under a policy, its bids raised by a factor.

    The bound is that of logs of ratios. Days on which the baseline earns nothing say nothing.
    """
    raised, floor = raised_policy(market, policy, factor), market.scenario.platform.revenue_floor
    days = []
    for day in market.scenario.traffic.validation_days:
        totals, usual = day_totals(simulate_day(market, day, raised).outcome), day_totals(market.baseline[day])
        revenue, baseline = (float(of_all(one[:, COST])[0]) for one in (totals, usual))
        if baseline > 0:
            days.append(SeedDay(market.seed, day, revenue, baseline))
    logs = [float(arithmetic.log(max(one.revenue, 1e-12 * one.baseline) / (floor * one.baseline))) for one in days]
    bound = float(arithmetic.exp(lower_prediction_bound(logs))) if len(logs) > 1 else float("inf")
    return Validation(tuple(days), floor, factor, bound)


def raised_policy(market: Market, policy: Policy, factor: float) -> Policy:
    """Return the policy raised by a factor; the policy itself if it is 1 and the policy does not aim at the floor.

    The factor is on the bids of the advertisers that learn. A policy that adapts to revenue within the day would undo it: with
    the attribute `aims_at_floor` it aims at the floor times the factor instead.
    """
    if aims_at_floor(policy):
        return Aimed(policy, factor - 1.0)
    if factor == 1.0:
        return policy
    factors = np.ones(len(market.advertisers))
    factors[market.learners] = factor
    if isinstance(policy, Constant):
        return Constant(policy.theta * factors[:, None, None])
    return Scaled(policy, factors)


def raised_until_held(market: Market, policy: Policy) -> Validation:
    """Return the smallest factor on bids, to 0.05 %, at which a further day keeps the floor with a probability of 95 %.

    Revenue rises with a common factor where budgets do not bind. Where they do, it may not get there on every day, however high
    the bids: then the factor is the one of `NEXT_BEST` that keeps the floor on most validation days, the smallest of equals.
    """
    found = validated(market, policy)
    fails, holds = 1.0, found if found.holds else None
    if holds is not None:
        return holds
    while holds is None and fails < MAX_FACTOR:
        step = max(-float(arithmetic.log(found.bound)) / _ELASTICITY, _LEAST_STEP)
        found = validated(market, policy, min(fails * float(arithmetic.exp(step)), MAX_FACTOR))
        fails, holds = (fails, found) if found.holds else (found.factor, None)
    if holds is None:
        return max((validated(market, policy, factor) for factor in NEXT_BEST), key=lambda one: (one.held, -one.factor))
    while holds.factor / fails > 1 + _TOLERANCE:
        found = validated(market, policy, (holds.factor + fails) / 2)
        fails, holds = (fails, found) if found.holds else (found.factor, holds)
    return holds
