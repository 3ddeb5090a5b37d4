"""The learner `openai-es`: one evolution strategy over everybody's parameters (Salimans et al. 2017).

All parameters are one vector and all advertisers share one fitness, the mean of theirs: the plain baseline beside `macg-es`,
at the same replays a generation. What it lacks is the credit of each advertiser for its own parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from auctionsim.agents.es import ESState
from auctionsim.agents.forms import learned_policy, start_parameters
from auctionsim.agents.generations import (
    Block,
    block_noise,
    climbed,
    mean_fitness,
    mirrored_blocks,
    run_block,
    scored_days,
    sigma_now,
    started,
    told,
)
from auctionsim.agents.learner import Arrays, Work
from auctionsim.agents.policy import Policy
from auctionsim.agents.scores import Scores
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
        return started(market, settings, ESState.start(start_parameters(market, settings).reshape(1, -1)).arrays())

    def ask(self, market: Market, state: Arrays) -> Work:
        """One task per training day and block of mirrored pairs."""
        es = ESState.of(state)
        mean = es.mean.reshape(self._shape(market))
        whole = Block(
            0, (0, 0), es.iteration, mean, sigma_now(self._scenario, es), state.get("multipliers"), local_credit=False
        )
        return Work(run_block, mirrored_blocks(self._scenario, whole))

    def tell(self, market: Market, state: Arrays, results: Sequence[Scores]) -> tuple[Arrays, Mapping[str, float]]:
        """One Adam step on the agents' mean fitness over training days."""
        es, settings = ESState.of(state), self._scenario.learner
        days = scored_days(self._scenario, results)
        fitness = mean_fitness(market, self._scenario, days, state.get("multipliers"))
        # The workers draw by agent and parameter; the same numbers in a row.
        pairs = range(settings.population // 2)
        noise = block_noise(market, es.iteration, pairs, self._shape(market), None).reshape(-1, *es.mean.shape)
        shared = fitness.mean(axis=0, keepdims=True)
        return told(self._scenario, state, climbed(self._scenario, es, shared, noise), fitness, days)

    def policy(self, market: Market, state: Arrays) -> Policy:
        """That of the mean of the search distribution."""
        return learned_policy(market, self._scenario.learner, ESState.of(state).mean.reshape(self._shape(market)))

    def _shape(self, market: Market) -> tuple[int, ...]:
        return start_parameters(market, self._scenario.learner).shape
