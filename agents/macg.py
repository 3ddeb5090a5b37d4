"""MACG by multi-agent evolution strategy: the learner `macg-es`. Our reconstruction; only the paper's abstract was available.

Each controlled advertiser bids `theta0 + theta1 pcvr + theta2 pcvr item_price` (bid model `macg`) with coefficients that
hold all day; parameters are logs of the coefficients over a start that bids about as the keyword bids do.

Fitness of advertiser i is `objectives.day_score`, averaged over training days. With local credit its global and revenue
terms move only with the auctions in which i is a candidate; what the others' perturbations do elsewhere enters as the
population's mean. docs/macg.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from auctionsim.agents.es import ESState, falling_rate, pair_noise, tell
from auctionsim.agents.learner import Arrays, Work
from auctionsim.agents.scores import Scores, generation_fitness, mirrored_work
from auctionsim.envs.bidding import market_coefficients, starting_coefficients
from numpy.typing import NDArray

from auctionsim.market.bids import BID_MODELS
from auctionsim.market.setup import Market
from auctionsim.scenario import Scenario

Array = NDArray[np.float64]


class MacgES:
    """The learner `macg-es`; see the module's text."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def start(self, market: Market) -> Arrays:
        """Zero log multipliers on the starting coefficients."""
        return ESState.start(np.zeros((len(market.learners), len(BID_MODELS["macg"])))).arrays()

    def ask(self, market: Market, state: Arrays) -> Work:  # noqa: ARG002  (a learner may need the market)
        """One task per training day and block of mirrored pairs."""
        es = ESState.of(state)
        return mirrored_work(self._scenario, es.iteration, es.mean, local_credit=self._scenario.learner.local_credit)

    def tell(self, market: Market, state: Arrays, results: Sequence[Scores]) -> tuple[Arrays, Mapping[str, float]]:
        """One Adam step on the mean fitness over training days."""
        es, settings = ESState.of(state), self._scenario.learner
        fitness, logged = generation_fitness(self._scenario, results)
        noise = pair_noise(market.seed, es.iteration, range(settings.population // 2), es.mean.shape)
        rate = falling_rate(settings.learning_rate, es.iteration / self._scenario.train.iterations)
        after = tell(es, fitness, noise, sigma=settings.sigma, learning_rate=rate)
        return after.arrays(), {**logged, "step": float(np.abs(after.mean - es.mean).mean())}

    def coefficients(self, market: Market, state: Arrays) -> Array:
        """The mean of the search distribution."""
        return market_coefficients(market, ESState.of(state).mean[None], starting_coefficients(market))
