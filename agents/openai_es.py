"""The learner `openai-es`: one evolution strategy over everybody's parameters (Salimans et al. 2017).

All parameters are one vector and all advertisers share one fitness, the mean of theirs: the plain baseline beside `macg-es`,
at the same replays a generation. What it lacks is the credit of each advertiser for its own parameters.
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


class OpenAIES:
    """The learner `openai-es`; see the module's text. State is that of one agent, `[1, learners * features]`."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def start(self, market: Market) -> Arrays:
        """Zero log multipliers on the starting coefficients."""
        return ESState.start(np.zeros((1, len(market.learners) * len(BID_MODELS["macg"])))).arrays()

    def ask(self, market: Market, state: Arrays) -> Work:
        """One task per training day and block of mirrored pairs."""
        es = ESState.of(state)
        return mirrored_work(self._scenario, es.iteration, _by_learner(market, es.mean), local_credit=False)

    def tell(self, market: Market, state: Arrays, results: Sequence[Scores]) -> tuple[Arrays, Mapping[str, float]]:
        """One Adam step on the advertisers' mean fitness over training days."""
        es, settings = ESState.of(state), self._scenario.learner
        fitness, logged = generation_fitness(self._scenario, results)
        shared = fitness.mean(axis=0, keepdims=True)
        # The workers draw by learner and feature; the same numbers in a row.
        shape = _by_learner(market, es.mean).shape
        noise = pair_noise(market.seed, es.iteration, range(settings.population // 2), shape).reshape(-1, *es.mean.shape)
        rate = falling_rate(settings.learning_rate, es.iteration / self._scenario.train.iterations)
        after = tell(es, shared, noise, sigma=settings.sigma, learning_rate=rate)
        return after.arrays(), {**logged, "step": float(np.abs(after.mean - es.mean).mean())}

    def coefficients(self, market: Market, state: Arrays) -> Array:
        """The mean of the search distribution."""
        parameters = _by_learner(market, ESState.of(state).mean)
        return market_coefficients(market, parameters[None], starting_coefficients(market))


def _by_learner(market: Market, mean: Array) -> Array:
    return mean.reshape(len(market.learners), -1)
