"""Scores of a population: replay days for many members at once, and make one fitness of a day's results.

What the evolutionary learners share. A member's parameters are log multipliers on the starting coefficients of the bid model
`macg`, `[learners, features]`; docs/macg.md has the fitness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from auctionsim.agents.es import members, pair_noise
from auctionsim.agents.learner import Work
from auctionsim.envs import objectives as obj
from auctionsim.envs.bidding import market_coefficients, starting_coefficients
from numpy.typing import NDArray

from auctionsim.market.engine import COST
from auctionsim.market.replay import run_day
from auctionsim.market.setup import Market
from auctionsim.scenario import LearnerSection, Scenario

Array = NDArray[np.float64]

# The same blocks whatever the number of workers, so that results do not depend on it.
_PAIRS_PER_TASK = 16


@dataclass(frozen=True, eq=False)
class Block:
    """One task: a few mirrored pairs of a generation on one training day. The worker draws their noise itself."""

    day: int
    pairs: tuple[int, int]
    iteration: int
    mean: Array
    """`[learners, features]`."""
    local_credit: bool


@dataclass(frozen=True, eq=False)
class Members:
    """One task: a few members, given whole, on one training day, without local credit."""

    day: int
    parameters: Array
    """`[members, learners, features]`."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Results of one task, ratios to the reference's profit and revenue of the day; members last."""

    own: Array
    """Own objective less own penalties and those on advertisers' profits, `[learners, members]`."""
    profit: Array
    """Total profit, `[members]`."""
    revenue: Array
    """Platform revenue, `[members]`."""
    profit_share: Array
    """Profit in the auctions of each learner, `[learners, members]`; all profit without local credit."""
    revenue_share: Array
    """Revenue in the auctions of each learner, likewise."""


def mirrored_work(scenario: Scenario, iteration: int, mean: Array, *, local_credit: bool) -> Work:
    """A generation of mirrored pairs around a mean `[learners, features]`: one task per training day and block of pairs."""
    n_pairs = scenario.learner.population // 2
    blocks = [(first, min(first + _PAIRS_PER_TASK, n_pairs)) for first in range(0, n_pairs, _PAIRS_PER_TASK)]
    days = scenario.traffic.train_days
    return Work(run_block, [Block(day, block, iteration, mean, local_credit) for day in days for block in blocks])


def member_work(scenario: Scenario, parameters: Array) -> Work:
    """A generation of members `[members, learners, features]`: one task per training day and block of members."""
    size = 2 * _PAIRS_PER_TASK
    blocks = [parameters[first : first + size] for first in range(0, len(parameters), size)]
    return Work(run_members, [Members(day, block) for day in scenario.traffic.train_days for block in blocks])


def run_block(market: Market, block: Block) -> Scores:
    """Replay a day for some mirrored pairs and score them."""
    noise = pair_noise(market.seed, block.iteration, range(*block.pairs), block.mean.shape)
    parameters = members(block.mean, noise, market.scenario.learner.sigma)
    return score(market, block.day, parameters, local_credit=block.local_credit)


def run_members(market: Market, task: Members) -> Scores:
    """Replay a day for given members and score them."""
    return score(market, task.day, task.parameters, local_credit=False)


def score(market: Market, day_number: int, parameters: Array, *, local_credit: bool) -> Scores:
    """Scores of members `[members, learners, features]` on one day."""
    settings, learners = market.scenario.learner, market.learners
    theta = market_coefficients(market, parameters, starting_coefficients(market))
    day = market.day(day_number, theta.shape[-1], local_credit=local_credit)
    totals = obj.day_totals(run_day(day, lambda _: theta))
    goals = obj.goals_of(market, day_number)
    profit = obj.global_profit(totals, goals)
    revenue = totals[:, COST].sum(axis=0) / goals.revenue_scale
    everywhere = (len(learners), 1)
    return Scores(
        own=(obj.own_score(totals, goals, settings) - obj.own_penalty(totals, goals, settings))[learners]
        - obj.common_penalty(totals, goals, settings),
        profit=profit,
        revenue=revenue,
        profit_share=day.shared[learners, 0] / goals.profit_scale if local_credit else np.tile(profit, everywhere),
        revenue_share=day.shared[learners, 1] / goals.revenue_scale if local_credit else np.tile(revenue, everywhere),
    )


def generation_fitness(scenario: Scenario, results: Sequence[Scores]) -> tuple[Array, dict[str, float]]:
    """Mean fitness over training days, `[learners, members]`, and what every evolutionary learner logs.

    Args:
        scenario: The scenario.
        results: In the order of the tasks: days, and blocks within a day.
    """
    settings, n_days = scenario.learner, len(scenario.traffic.train_days)
    n_blocks = len(results) // n_days
    days = [_joined(results[i * n_blocks : (i + 1) * n_blocks]) for i in range(n_days)]
    floor = scenario.platform.revenue_floor * (1 + settings.floor_margin)
    fitness = np.mean([population_fitness(day, settings, floor) for day in days], axis=0)
    return fitness, {
        "fitness": float(fitness.mean()),
        "revenue_ratio": float(np.mean([day.revenue.mean() for day in days])),
        "profit_ratio": float(np.mean([day.profit.mean() for day in days])),
    }


def population_fitness(day: Scores, settings: LearnerSection, floor: float) -> Array:
    """Fitness of a day, `[learners, members]`.

    An advertiser's own share moves member by member, the rest stands at the population's mean: what it cannot move is
    no noise in its gradient.
    """
    profit = day.profit_share + (day.profit.mean() - day.profit_share.mean(axis=1, keepdims=True))
    revenue = day.revenue_share + (day.revenue.mean() - day.revenue_share.mean(axis=1, keepdims=True))
    shortfall = np.maximum(1 - revenue / floor, 0.0) if floor > 0 else np.zeros_like(revenue)
    return day.own + settings.global_weight * profit - obj.penalty(shortfall, settings.penalty)


def _joined(blocks: Sequence[Scores]) -> Scores:
    """The scores of one day's blocks, members in order."""
    names = ("own", "profit", "revenue", "profit_share", "revenue_share")
    return Scores(*(np.concatenate([getattr(block, name) for block in blocks], axis=-1) for name in names))
