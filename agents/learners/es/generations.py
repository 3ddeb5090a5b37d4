"""Generations of the evolution strategies: cut into tasks of the same size whatever the number of workers, and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.base import Arrays, TaskBatch
from auctionsim.agents.learners.es.scores import Scores, day_fitness, joined, new_multipliers, score, updated_multipliers
from auctionsim.agents.learners.es.strategy import ESState, adam_step, candidates, pair_noise, rank_differences
from auctionsim.agents.learners.schedules import lr_schedule, sigma_schedule
from auctionsim.agents.policies.parameterization import agent_of_learners, mean_by_agent, n_agents
from auctionsim.market.market import Market
from auctionsim.objectives.constraints import REVENUE_FLOOR
from auctionsim.objectives.multipliers import Multipliers, flatten
from auctionsim.scenario import LearnerSection, Scenario

Array = NDArray[np.float64]

_PAIRS_PER_TASK = 16


@dataclass(frozen=True, eq=False)
class PairBlock:
    """One task: a few mirrored pairs of a generation on one training day. The worker draws their noise itself."""

    day: int
    pairs: tuple[int, int]
    """The first pair, and the one after the last."""
    sigma: float
    local_credit: bool
    only: int | None = None
    """The one agent that is perturbed; all where None."""


@dataclass(frozen=True, eq=False)
class CandidateBlock:
    """One task: a few of the candidates that are shared, on one training day, without local credit."""

    day: int
    candidates: tuple[int, int]
    """The first candidate, and the one after the last."""
    local_credit: bool = False


def mirrored_blocks(scenario: Scenario, sigma: float, *, local_credit: bool, only: int | None = None) -> list[PairBlock]:
    """Cut a generation of mirrored pairs into one task per training day and run of pairs."""
    n_pairs = scenario.learner.population // 2
    runs = [(first, min(first + _PAIRS_PER_TASK, n_pairs)) for first in range(0, n_pairs, _PAIRS_PER_TASK)]
    days = scenario.traffic.train_days
    return [PairBlock(day, run, sigma, local_credit, only) for day in days for run in runs]


def candidate_tasks(scenario: Scenario, parameters: Array, multipliers: Array | None) -> TaskBatch:
    """Cut a generation of candidates `[candidates, agents, size]` into one task per training day and run of candidates."""
    size, n = 2 * _PAIRS_PER_TASK, len(parameters)
    runs = [(first, min(first + size, n)) for first in range(0, n, size)]
    shared = {"parameters": parameters} if multipliers is None else {"parameters": parameters, "multipliers": multipliers}
    return TaskBatch(run_candidates, shared, [CandidateBlock(day, run) for day in scenario.traffic.train_days for run in runs])


def run_pairs(market: Market, state: Arrays, block: PairBlock) -> Scores:
    """Replay a day for some mirrored pairs and score them; `state` is the generation's, `ESState.arrays` and multipliers."""
    parameters = pair_parameters(market, state, block)
    return score(market, block.day, parameters, state.get("multipliers"), local_credit=block.local_credit)


def pair_parameters(market: Market, state: Arrays, block: PairBlock) -> Array:
    """Return the parameters of the candidates of some mirrored pairs, `[candidates, learners, size]`."""
    es = ESState.of(state)
    noise = block_noise(market, es, range(*block.pairs))
    if block.only is not None:
        noise[:, np.arange(noise.shape[1]) != block.only] = 0.0
    mean = es.mean.reshape(noise.shape[1:])
    return candidates(mean, noise, block.sigma)[:, agent_of_learners(market, market.scenario.learner)]


def run_candidates(market: Market, shared: Arrays, task: CandidateBlock) -> Scores:
    """Replay a day for some of the shared candidates and score them."""
    parameters = candidate_parameters(market, shared, task)
    return score(market, task.day, parameters, shared.get("multipliers"), local_credit=task.local_credit)


def candidate_parameters(market: Market, shared: Arrays, task: CandidateBlock) -> Array:
    """Return the parameters of some of the shared candidates, `[candidates, learners, size]`."""
    return shared["parameters"][slice(*task.candidates)][:, agent_of_learners(market, market.scenario.learner)]


def block_noise(market: Market, es: ESState, pairs: range) -> Array:
    """Draw the noise of some pairs `[pairs, agents, size]`, however the search's state holds the agents' parameters."""
    n = n_agents(market, market.scenario.learner)
    return pair_noise(market.seed, es.iteration, pairs, (n, es.mean.size // n))


def scored_days(scenario: Scenario, results: Sequence[Scores]) -> list[Scores]:
    """Join a generation's results by training day; they come in the order of the tasks: days, and blocks within a day."""
    n_days = len(scenario.traffic.train_days)
    n_blocks = len(results) // n_days
    return [joined(list(results[i * n_blocks : (i + 1) * n_blocks])) for i in range(n_days)]


def mean_fitness(market: Market, scenario: Scenario, days: list[Scores], multipliers: Array | None) -> Array:
    """Return the mean fitness over training days, `[agents, candidates]`; an agent of several advertisers has their mean."""
    by_learner = np.mean([day_fitness(day, scenario, multipliers) for day in days], axis=0)
    return mean_by_agent(market, scenario.learner, by_learner)


def started(market: Market, settings: LearnerSection, arrays: Arrays) -> Arrays:
    """Return the first state: a method's own arrays, and the constraints' multipliers where they are learned."""
    multipliers = new_multipliers(market, settings)
    return arrays if multipliers is None else {**arrays, "multipliers": multipliers}


def sigma_now(scenario: Scenario, es: ESState) -> float:
    """Return the perturbation of the generation to come."""
    settings = scenario.learner
    return sigma_schedule(settings.sigma, settings.sigma_end, es.iteration / scenario.train.iterations)


def update_of(scenario: Scenario, state: Arrays, fitness: Array, days: list[Scores]) -> Arrays:
    """Return all that `apply_update` needs of a generation.

    Args:
        scenario: The scenario.
        state: The state before the generation.
        fitness: Fitness of the search's agents, `[agents, candidates]`.
        days: Scores of the training days.
    """
    es, multipliers = ESState.of(state), state.get("multipliers")
    rate = lr_schedule(scenario.learner.learning_rate, es.iteration / scenario.train.iterations)
    update = {"rank_difference": rank_differences(fitness, sigma_now(scenario, es)), "learning_rate": np.array([rate])}
    return update if multipliers is None else {**update, "multipliers": updated_multipliers(scenario, multipliers, days)}


def apply_update(market: Market, state: Arrays, update: Arrays) -> Arrays:
    """Return the state after a generation: regenerate its noise, weight it by the rank differences, take the Adam step."""
    es = ESState.of(state)
    noise = block_noise(market, es, range(update["rank_difference"].shape[1])).reshape(-1, *es.mean.shape)
    after = adam_step(es, update["rank_difference"], noise, float(update["learning_rate"][0])).arrays()
    return {**after, "multipliers": update["multipliers"]} if "multipliers" in update else after


def logged(scenario: Scenario, before: Arrays, after: Arrays, fitness: Array, days: list[Scores]) -> Mapping[str, float]:
    """Return what every evolution strategy logs of a generation."""
    found = {
        "fitness": float(fitness.mean()),
        "revenue_ratio": float(np.mean([day.revenue.mean() for day in days])),
        "profit_ratio": float(np.mean([day.profit.mean() for day in days])),
    }
    if "multipliers" in before:
        others = dict(Multipliers.of(before["multipliers"], scenario).by_key)
        revenue = others.pop(REVENUE_FLOOR.key)
        found |= {"revenue_multiplier": float(revenue[0]), "mean_multiplier": float(flatten(others).mean())}
    return found | {"step": float(np.abs(after["mean"] - before["mean"]).mean())}


def credit_is_local(scenario: Scenario) -> bool:
    """Return whether an advertiser is scored by its own auctions.

    It is not where several share what is perturbed, nor where conversions are reported late, by no single auction.
    """
    settings = scenario.learner
    return settings.local_credit and settings.sharing == "advertiser" and scenario.delays is None
