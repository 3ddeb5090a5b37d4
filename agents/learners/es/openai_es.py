"""The learner `openai-es`: one evolution strategy over everybody's parameters (Salimans et al. 2017).

All parameters are one vector and all advertisers share one fitness, the mean of theirs: the plain baseline beside `macg-es`,
at the same replays a generation. What it lacks is the credit of each advertiser for its own parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.learners.es.generations import (
    apply_update,
    logged,
    mean_fitness,
    mirrored_blocks,
    run_pairs,
    scored_days,
    sigma_now,
    started,
    update_of,
)
from auctionsim.agents.learners.es.scores import Scores
from auctionsim.agents.learners.es.starts import first_parameters
from auctionsim.agents.learners.es.strategy import ESState
from auctionsim.agents.policies.base import Policy
from auctionsim.agents.policies.parameterization import learned_policy, n_agents
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario

Array = NDArray[np.float64]


class OpenAIES:
    """The learner `openai-es`; see the module's text. State is that of one agent, `[1, agents * size]`."""

    apply_update = staticmethod(apply_update)

    follows_margin = True
    """Revenue is charged where results are told, by the margin of the scenario at hand."""

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def start(self, market: Market) -> Arrays:
        """Start at the bids that `learner.start` names, and multipliers of 0."""
        settings = self._scenario.learner
        return started(market, settings, ESState.start(first_parameters(market, settings).reshape(1, -1)).arrays())

    def ask(self, market: Market, state: Arrays) -> TaskBatch:  # noqa: ARG002  (a learner may need the market)
        """Return one task per training day and block of mirrored pairs."""
        sigma = sigma_now(self._scenario, ESState.of(state))
        return TaskBatch(run_pairs, state, mirrored_blocks(self._scenario, sigma, local_credit=False))

    def tell(self, market: Market, state: Arrays, results: Sequence[Scores]) -> tuple[Arrays, Mapping[str, float]]:
        """Take one Adam step on the agents' mean fitness over training days."""
        return self.tell_with_update(market, state, results)[:2]

    def tell_with_update(
        self, market: Market, state: Arrays, results: Sequence[Scores]
    ) -> tuple[Arrays, Mapping[str, float], Arrays]:
        """Take the same step, and return its scalars too."""
        days = scored_days(self._scenario, results)
        fitness = mean_fitness(market, self._scenario, days, state.get("multipliers"))
        update = update_of(self._scenario, state, fitness.mean(axis=0, keepdims=True), days)
        after = apply_update(market, state, update)
        return after, logged(self._scenario, state, after, fitness, days), update

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return the policy of the search distribution's mean."""
        settings = self._scenario.learner
        return learned_policy(market, settings, ESState.of(state).mean.reshape(n_agents(market, settings), -1))

    def replays_per_iteration(self, market: Market) -> int:  # noqa: ARG002  (as other learners)
        """Return the population's size."""
        return self._scenario.learner.population
