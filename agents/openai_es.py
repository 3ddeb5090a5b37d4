"""The learner `openai-es`: one evolution strategy over everybody's parameters (Salimans et al. 2017).

All parameters are one vector and all advertisers share one fitness, the mean of theirs: the plain baseline beside `macg-es`,
at the same replays a generation. What it lacks is the credit of each advertiser for its own parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from auctionsim.agents.es import ESState, falling_rate, falling_sigma, tell
from auctionsim.agents.forms import learned_policy, start_parameters
from auctionsim.agents.generations import Block, block_noise, logged, mean_fitness, mirrored_blocks, run_block, scored_days
from auctionsim.agents.learner import Arrays, Work
from auctionsim.agents.policy import Policy
from auctionsim.agents.scores import Scores, new_multipliers, updated_multipliers
from numpy.typing import NDArray

from auctionsim.market.setup import Market
from auctionsim.scenario import Scenario

Array = NDArray[np.float64]


class OpenAIES:
    """The learner `openai-es`; see the module's text. State is that of one agent, `[1, agents * size]`."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def start(self, market: Market) -> Arrays:
        """Bids about as the keyword bids, and multipliers of 0."""
        settings = self._scenario.learner
        arrays = ESState.start(start_parameters(market, settings).reshape(1, -1)).arrays()
        multipliers = new_multipliers(market, settings)
        return arrays if multipliers is None else {**arrays, "multipliers": multipliers}

    def ask(self, market: Market, state: Arrays) -> Work:
        """One task per training day and block of mirrored pairs."""
        es = ESState.of(state)
        mean = es.mean.reshape(self._shape(market))
        whole = Block(0, (0, 0), es.iteration, mean, self._sigma(es), state.get("multipliers"), local_credit=False)
        return Work(run_block, mirrored_blocks(self._scenario, whole))

    def tell(self, market: Market, state: Arrays, results: Sequence[Scores]) -> tuple[Arrays, Mapping[str, float]]:
        """One Adam step on the agents' mean fitness over training days."""
        es, settings, multipliers = ESState.of(state), self._scenario.learner, state.get("multipliers")
        days = scored_days(self._scenario, results)
        fitness = mean_fitness(market, self._scenario, days, multipliers)
        # The workers draw by agent and parameter; the same numbers in a row.
        pairs = range(settings.population // 2)
        noise = block_noise(market, es.iteration, pairs, self._shape(market), None).reshape(-1, *es.mean.shape)
        rate = falling_rate(settings.learning_rate, es.iteration / self._scenario.train.iterations)
        after = tell(es, fitness.mean(axis=0, keepdims=True), noise, sigma=self._sigma(es), learning_rate=rate)
        arrays = after.arrays()
        if multipliers is not None:
            arrays["multipliers"] = updated_multipliers(self._scenario, multipliers, days)
        step = float(np.abs(after.mean - es.mean).mean())
        return arrays, {**logged(fitness, days, multipliers), "step": step}

    def policy(self, market: Market, state: Arrays) -> Policy:
        """That of the mean of the search distribution."""
        return learned_policy(market, self._scenario.learner, ESState.of(state).mean.reshape(self._shape(market)))

    def _shape(self, market: Market) -> tuple[int, ...]:
        return start_parameters(market, self._scenario.learner).shape

    def _sigma(self, es: ESState) -> float:
        settings = self._scenario.learner
        return falling_sigma(settings.sigma, settings.sigma_last, es.iteration / self._scenario.train.iterations)
