"""MACG by multi-agent evolution strategy: the learner `macg-es`. Our reconstruction; only the paper's abstract was available.

Each controlled advertiser bids `theta0 + theta1 pcvr + theta2 pcvr item_price` (bid model `macg`) with coefficients that
hold all day; parameters are logs of the coefficients over a start that bids about as the keyword bids do.

Fitness of advertiser i is `objectives.day_score`, averaged over training days. With local credit its global and revenue
terms move only with the auctions in which i is a candidate; what the others' perturbations do elsewhere enters as the
population's mean. docs/macg.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from auctionsim.agents.es import ESState, members, pair_noise, tell
from auctionsim.agents.learner import Arrays, Work
from auctionsim.envs import objectives as obj
from auctionsim.envs.bidding import market_coefficients, starting_coefficients
from numpy.typing import NDArray

from auctionsim.market.bids import BID_MODELS
from auctionsim.market.engine import COST
from auctionsim.market.replay import run_day
from auctionsim.market.setup import Market
from auctionsim.scenario import LearnerSection, Scenario

Array = NDArray[np.float64]

# The same blocks whatever the number of workers, so that results do not depend on it.
_PAIRS_PER_TASK = 16
# The last generations step less, so that the end does not depend on where the noise happened to stand.
_FULL_RATE_UNTIL = 0.5
_LAST_RATE = 0.05


@dataclass(frozen=True, eq=False)
class Block:
    """One task: a few mirrored pairs of a generation on one training day."""

    day: int
    pairs: tuple[int, int]
    iteration: int
    mean: Array


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


class MacgES:
    """The learner `macg-es`; see the module's text."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def start(self, market: Market) -> Arrays:
        """Zero log multipliers on the starting coefficients."""
        return _arrays(ESState.start(np.zeros((len(market.learners), len(BID_MODELS["macg"])))))

    def ask(self, market: Market, state: Arrays) -> Work:  # noqa: ARG002  (a learner may need the market)
        """One task per training day and block of mirrored pairs."""
        es, n_pairs = _state(state), self._scenario.learner.population // 2
        blocks = [(first, min(first + _PAIRS_PER_TASK, n_pairs)) for first in range(0, n_pairs, _PAIRS_PER_TASK)]
        days = self._scenario.traffic.train_days
        return Work(run_block, [Block(day, block, es.iteration, es.mean) for day in days for block in blocks])

    def tell(self, market: Market, state: Arrays, results: Sequence[Scores]) -> tuple[Arrays, Mapping[str, float]]:
        """One Adam step on the mean fitness over training days."""
        es, settings = _state(state), self._scenario.learner
        n_days = len(self._scenario.traffic.train_days)
        n_blocks = len(results) // n_days
        days = [_joined(results[i * n_blocks : (i + 1) * n_blocks]) for i in range(n_days)]
        floor = self._scenario.platform.revenue_floor * (1 + settings.floor_margin)
        fitness = np.mean([population_fitness(day, settings, floor) for day in days], axis=0)
        noise = pair_noise(market.seed, es.iteration, range(settings.population // 2), es.mean.shape)
        after = tell(es, fitness, noise, sigma=settings.sigma, learning_rate=self._rate(es.iteration))
        logged = {
            "fitness": float(fitness.mean()),
            "revenue_ratio": float(np.mean([day.revenue.mean() for day in days])),
            "profit_ratio": float(np.mean([day.profit.mean() for day in days])),
            "step": float(np.abs(after.mean - es.mean).mean()),
        }
        return _arrays(after), logged

    def coefficients(self, market: Market, state: Arrays) -> Array:
        """The mean of the search distribution."""
        return market_coefficients(market, _state(state).mean[None], starting_coefficients(market))

    def _rate(self, iteration: int) -> float:
        done = iteration / self._scenario.train.iterations
        falling = 1 - (done - _FULL_RATE_UNTIL) / (1 - _FULL_RATE_UNTIL)
        return self._scenario.learner.learning_rate * max(min(1.0, falling), _LAST_RATE)


def run_block(market: Market, block: Block) -> Scores:
    """Replay a day for some members and score them."""
    settings, learners = market.scenario.learner, market.learners
    noise = pair_noise(market.seed, block.iteration, range(*block.pairs), block.mean.shape)
    theta = market_coefficients(market, members(block.mean, noise, settings.sigma), starting_coefficients(market))
    day = market.day(block.day, theta.shape[-1], local_credit=settings.local_credit)
    totals = obj.day_totals(run_day(day, lambda _: theta))
    goals = obj.goals_of(market, block.day)
    profit = obj.global_profit(totals, goals)
    revenue = totals[:, COST].sum(axis=0) / goals.revenue_scale
    everywhere = (len(learners), 1)
    return Scores(
        own=(obj.own_score(totals, goals, settings) - obj.own_penalty(totals, goals, settings))[learners]
        - obj.common_penalty(totals, goals, settings),
        profit=profit,
        revenue=revenue,
        profit_share=day.shared[learners, 0] / goals.profit_scale if settings.local_credit else np.tile(profit, everywhere),
        revenue_share=day.shared[learners, 1] / goals.revenue_scale if settings.local_credit else np.tile(revenue, everywhere),
    )


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


def _state(arrays: Arrays) -> ESState:
    return ESState(arrays["mean"], arrays["first_moment"], arrays["second_moment"], int(arrays["iteration"][0]))


def _arrays(state: ESState) -> Arrays:
    return {
        "mean": state.mean,
        "first_moment": state.first_moment,
        "second_moment": state.second_moment,
        "iteration": np.array([state.iteration], dtype=np.int64),
    }
