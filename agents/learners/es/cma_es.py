"""The learner `cma-es`: covariance matrix adaptation over everybody's parameters, by the library `cmaes` (Hansen 2016).

All parameters are one vector and all advertisers share one fitness, the mean of theirs, as in `openai-es`. Above `FULL_UP_TO`
parameters the separable variant (Ros and Hansen 2008) keeps a diagonal only. `learner.sigma` is the first standard
deviation, `learner.population` the candidates of a generation; the learning rate is the method's own.

The library's object holds the constants and the state. It is made anew for every call from arrays: its own way of saving is
a pickle that forgets the generator. The population of a generation is drawn from a seed keyed by generation, so asking again
gives the same candidates. `covariance` samples and updates in place of the library, whose bytes depend on the processor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from cmaes import CMA, SepCMA
from numpy.typing import NDArray

from auctionsim.agents.learners.base import Arrays, TaskBatch, learner_repr
from auctionsim.agents.learners.es.covariance import Roots, roots, sample, update
from auctionsim.agents.learners.es.generations import candidate_tasks, logged, mean_fitness, scored_days, started
from auctionsim.agents.learners.es.scores import Scores, updated_multipliers
from auctionsim.agents.learners.es.starts import first_parameters
from auctionsim.agents.policies.base import Policy
from auctionsim.agents.policies.parameterization import learned_policy, n_agents
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario
from auctionsim.streams import stream

Array = NDArray[np.float64]

FULL_UP_TO = 100
"""Parameters up to which the whole covariance matrix is kept."""

# What changes from generation to generation, as the library names it; its other fields follow from the constructor or serve its
# own stopping rule, which is not used. `test_cma_es.py` holds the update equal to the library's.
_CHANGING = ("mean", "sigma", "C", "p_sigma", "pc", "g")


class CmaES:
    """The learner `cma-es`; see the module's text."""

    follows_margin = True
    """Revenue is charged where results are told, by the margin of the scenario at hand."""

    __repr__ = learner_repr

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def start(self, market: Market) -> Arrays:
        """Start at the bids that `learner.start` names, the unit covariance, and multipliers of 0."""
        settings = self._scenario.learner
        mean = first_parameters(market, settings).ravel()
        return started(market, settings, optimizer_state(new_optimizer(mean, settings.sigma, settings.population, seed=0)))

    def ask(self, market: Market, state: Arrays) -> TaskBatch:
        """Return one task per training day and block of candidates."""
        population = self._asked(market, state)[2]
        parameters = population.reshape(len(population), n_agents(market, self._scenario.learner), -1)
        return candidate_tasks(self._scenario, parameters, state.get("multipliers"))

    def tell(self, market: Market, state: Arrays, results: Sequence[Scores]) -> tuple[Arrays, Mapping[str, float]]:
        """Update on the advertisers' mean fitness over training days; a failed candidate ranks last."""
        days = scored_days(self._scenario, results)
        fitness = mean_fitness(market, self._scenario, days, state.get("multipliers"))
        loss = np.nan_to_num(-fitness.mean(axis=0), nan=np.inf)
        optimizer, of, population = self._asked(market, state)
        update(optimizer, of, population, loss)
        after, multipliers = optimizer_state(optimizer), state.get("multipliers")
        if multipliers is not None:
            after["multipliers"] = updated_multipliers(self._scenario, multipliers, days)
        return after, {**logged(self._scenario, state, after, fitness, days), "sigma": float(after["sigma"][0])}

    def policy(self, market: Market, state: Arrays) -> Policy:
        """Return the policy of the search distribution's mean."""
        settings = self._scenario.learner
        return learned_policy(market, settings, state["mean"].reshape(n_agents(market, settings), -1))

    def replays_per_iteration(self, market: Market) -> int:  # noqa: ARG002  (as other learners)
        """Return the population's size."""
        return self._scenario.learner.population

    def _asked(self, market: Market, state: Arrays) -> tuple[CMA | SepCMA, Roots, Array]:
        """Return the optimizer of a generation after it drew its population, its covariance's roots, and the population."""
        size = self._scenario.learner.population
        seed = int(stream(market.seed, "cma", int(state["g"][0])).integers(2**32))
        optimizer = remade_optimizer(state, size, seed)
        of = roots(optimizer._C)
        return optimizer, of, sample(optimizer, of, size)


def new_optimizer(mean: Array, sigma: float, population: int, seed: int) -> CMA | SepCMA:
    """Return the library's optimizer, separable where there are many parameters."""
    kind = CMA if len(mean) <= FULL_UP_TO else SepCMA
    return kind(mean.copy(), sigma, seed=seed, population_size=population)


def optimizer_state(optimizer: CMA | SepCMA) -> Arrays:
    """Return all of an optimizer that changes, as arrays: `mean sigma C p_sigma pc g`."""
    return {name: np.atleast_1d(getattr(optimizer, f"_{name}")).copy() for name in _CHANGING}


def remade_optimizer(state: Arrays, population: int, seed: int) -> CMA | SepCMA:
    """Return the optimizer of a state, with a fresh generator."""
    optimizer = new_optimizer(state["mean"], float(state["sigma"][0]), population, seed)
    for name in ("C", "p_sigma", "pc"):
        setattr(optimizer, f"_{name}", state[name].copy())
    optimizer._g = int(state["g"][0])
    return optimizer
