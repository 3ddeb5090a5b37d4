"""MACG by multi-agent evolution strategy: the learner `macg-es`. Our reconstruction; only the paper's abstract was available.

Each controlled advertiser bids `theta0 + theta1 pcvr + theta2 pcvr item_price` (bid model `macg`) with coefficients that a
policy gives (`agents/policies/parameterization.py`): constants, or a network's.

Fitness of advertiser i is `objectives.fitness.day_score`, averaged over training days. With local credit its global and revenue
terms move only with the auctions in which i is a candidate; what the others' perturbations do elsewhere enters as the
population's mean. docs/macg.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.learners.es.generations import (
    apply_update,
    credit_is_local,
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


class MacgES:
    """The learner `macg-es`; see the module's text."""

    apply_update = staticmethod(apply_update)

    follows_margin = True
    """Revenue is charged where results are told, by the margin of the scenario at hand."""

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def start(self, market: Market) -> Arrays:
        """Start at the bids that `learner.start` names, and multipliers of 0."""
        settings = self._scenario.learner
        return started(market, settings, ESState.start(first_parameters(market, settings)).arrays())

    def ask(self, market: Market, state: Arrays) -> TaskBatch:  # noqa: ARG002  (a learner may need the market)
        """Return one task per training day and block of pairs; as many for every agent, where one is perturbed at a time."""
        es, settings = ESState.of(state), self._scenario.learner
        sigma, local = sigma_now(self._scenario, es), credit_is_local(self._scenario)
        alone = range(len(es.mean)) if settings.perturbation == "single" else (None,)
        runs = [mirrored_blocks(self._scenario, sigma, local_credit=local, only=only) for only in alone]
        return TaskBatch(run_pairs, state, [task for run in runs for task in run])

    def tell(self, market: Market, state: Arrays, results: Sequence[Scores]) -> tuple[Arrays, Mapping[str, float]]:
        """Take one Adam step on the mean fitness over training days, and one of the multipliers."""
        return self.tell_with_update(market, state, results)[:2]

    def tell_with_update(
        self, market: Market, state: Arrays, results: Sequence[Scores]
    ) -> tuple[Arrays, Mapping[str, float], Arrays]:
        """Take the same step, and return its scalars too."""
        n, multipliers = len(state["mean"]), state.get("multipliers")
        if self._scenario.learner.perturbation == "single":
            size = len(results) // n
            runs = [scored_days(self._scenario, results[k * size : (k + 1) * size]) for k in range(n)]
            by_run = [mean_fitness(market, self._scenario, days, multipliers) for days in runs]
            fitness, days = np.stack([by_run[k][k] for k in range(n)]), [day for run in runs for day in run]
        else:
            days = scored_days(self._scenario, results)
            fitness = mean_fitness(market, self._scenario, days, multipliers)
        update = update_of(self._scenario, state, fitness, days)
        after = apply_update(market, state, update)
        return after, logged(self._scenario, state, after, fitness, days), update

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return the policy of the search distribution's mean."""
        return learned_policy(market, self._scenario.learner, ESState.of(state).mean)

    def replays_per_iteration(self, market: Market) -> int:
        """Return the population's size, times the agents where one is perturbed at a time."""
        settings = self._scenario.learner
        return settings.population * (n_agents(market, settings) if settings.perturbation == "single" else 1)
