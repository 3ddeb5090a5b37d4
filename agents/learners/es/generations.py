"""Generations of the evolutionary learners: cut into tasks of the same size whatever the number of workers, and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.learners.base import Arrays, Work
from auctionsim.agents.learners.es.scores import Scores, day_fitness, joined, new_multipliers, score, updated_multipliers
from auctionsim.agents.learners.es.strategy import ESState, climb, falling_rate, falling_sigma, members, pair_noise, slopes
from auctionsim.agents.policies.parameterization import agent_of_learners
from auctionsim.market.market import Market
from auctionsim.objectives.constraints import REVENUE_FLOOR
from auctionsim.objectives.multipliers import Multipliers, flatten
from auctionsim.scenario import LearnerSection, Scenario

Array = NDArray[np.float64]

_PAIRS_PER_TASK = 16


@dataclass(frozen=True, eq=False)
class Block:
    """One task: a few mirrored pairs of a generation on one training day. The worker draws their noise itself."""

    day: int
    pairs: tuple[int, int]
    sigma: float
    local_credit: bool
    only: int | None = None
    """The one agent that is perturbed; all where None."""


@dataclass(frozen=True, eq=False)
class Members:
    """One task: a few members of those that are shared, on one training day, without local credit."""

    day: int
    members: tuple[int, int]


def mirrored_blocks(scenario: Scenario, sigma: float, *, local_credit: bool, only: int | None = None) -> list[Block]:
    """A generation of mirrored pairs: one task per training day and run of pairs."""
    n_pairs = scenario.learner.population // 2
    runs = [(first, min(first + _PAIRS_PER_TASK, n_pairs)) for first in range(0, n_pairs, _PAIRS_PER_TASK)]
    days = scenario.traffic.train_days
    return [Block(day, run, sigma, local_credit, only) for day in days for run in runs]


def member_work(scenario: Scenario, parameters: Array, multipliers: Array | None) -> Work:
    """A generation of members `[members, agents, size]`: one task per training day and run of members."""
    size, n = 2 * _PAIRS_PER_TASK, len(parameters)
    runs = [(first, min(first + size, n)) for first in range(0, n, size)]
    shared = {"parameters": parameters} if multipliers is None else {"parameters": parameters, "multipliers": multipliers}
    return Work(run_members, shared, [Members(day, run) for day in scenario.traffic.train_days for run in runs])


def run_block(market: Market, state: Arrays, block: Block) -> Scores:
    """Replay a day for some mirrored pairs and score them; `state` is the generation's, `ESState.arrays` and multipliers."""
    es = ESState.of(state)
    noise = block_noise(market, es, range(*block.pairs))
    if block.only is not None:
        noise[:, np.arange(noise.shape[1]) != block.only] = 0.0
    mean = es.mean.reshape(noise.shape[1:])
    parameters = members(mean, noise, block.sigma)[:, agent_of_learners(market, market.scenario.learner)]
    return score(market, block.day, parameters, state.get("multipliers"), local_credit=block.local_credit)


def run_members(market: Market, shared: Arrays, task: Members) -> Scores:
    """Replay a day for given members and score them."""
    parameters = shared["parameters"][slice(*task.members)][:, agent_of_learners(market, market.scenario.learner)]
    return score(market, task.day, parameters, shared.get("multipliers"), local_credit=False)


def block_noise(market: Market, es: ESState, pairs: range) -> Array:
    """Noise of some pairs `[pairs, agents, size]`, however the search's state holds the agents' parameters."""
    n_agents = int(agent_of_learners(market, market.scenario.learner).max()) + 1
    return pair_noise(market.seed, es.iteration, pairs, (n_agents, es.mean.size // n_agents))


def scored_days(scenario: Scenario, results: Sequence[Scores]) -> list[Scores]:
    """A generation's results by training day; in the order of the tasks: days, and blocks within a day."""
    n_days = len(scenario.traffic.train_days)
    n_blocks = len(results) // n_days
    return [joined(list(results[i * n_blocks : (i + 1) * n_blocks])) for i in range(n_days)]


def mean_fitness(market: Market, scenario: Scenario, days: list[Scores], multipliers: Array | None) -> Array:
    """Mean fitness over training days, `[agents, members]`; an agent of several advertisers has the mean of theirs."""
    by_learner = np.mean([day_fitness(day, scenario, multipliers) for day in days], axis=0)
    agent = agent_of_learners(market, scenario.learner)
    n_agents = int(agent.max()) + 1
    sums = np.zeros((n_agents, by_learner.shape[1]))
    np.add.at(sums, agent, by_learner)
    return sums / np.bincount(agent, minlength=n_agents)[:, None]


def started(market: Market, settings: LearnerSection, arrays: Arrays) -> Arrays:
    """The first state: a method's own arrays, and the constraints' multipliers where they are learned."""
    multipliers = new_multipliers(market, settings)
    return arrays if multipliers is None else {**arrays, "multipliers": multipliers}


def sigma_now(scenario: Scenario, es: ESState) -> float:
    """The perturbation of the generation to come."""
    settings = scenario.learner
    return falling_sigma(settings.sigma, settings.sigma_last, es.iteration / scenario.train.iterations)


def scalars_of(scenario: Scenario, state: Arrays, fitness: Array, days: list[Scores]) -> Arrays:
    """All that `advance` needs of a generation; `fitness` is that of the search's agents, `[agents, members]`."""
    es, multipliers = ESState.of(state), state.get("multipliers")
    rate = falling_rate(scenario.learner.learning_rate, es.iteration / scenario.train.iterations)
    scalars = {"slope": slopes(fitness, sigma_now(scenario, es)), "rate": np.array([rate])}
    return scalars if multipliers is None else {**scalars, "multipliers": updated_multipliers(scenario, multipliers, days)}


def advance(market: Market, state: Arrays, scalars: Arrays) -> Arrays:
    """The state after a generation: its noise is drawn again, weighed by the slopes, and Adam steps."""
    es = ESState.of(state)
    noise = block_noise(market, es, range(scalars["slope"].shape[1])).reshape(-1, *es.mean.shape)
    after = climb(es, scalars["slope"], noise, float(scalars["rate"][0])).arrays()
    return {**after, "multipliers": scalars["multipliers"]} if "multipliers" in scalars else after


def logged(scenario: Scenario, before: Arrays, after: Arrays, fitness: Array, days: list[Scores]) -> Mapping[str, float]:
    """Return what every evolutionary learner logs of a generation."""
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


def credit_is_local(settings: LearnerSection) -> bool:
    """Whether an advertiser is scored by its own auctions: not where several share what is perturbed."""
    return settings.local_credit and settings.sharing == "advertiser"
