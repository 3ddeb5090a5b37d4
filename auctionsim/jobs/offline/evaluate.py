"""Estimate a policy's value from a logged dataset, and hold the estimates against the simulator's truth on the same days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.offline.estimators import ESTIMATORS, Episodes, Estimate, estimate
from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.analysis.offline.fitted_q import fit_values
from auctionsim.arguments import one_of
from auctionsim.errors import InputError
from auctionsim.jobs.offline.dataset import METRICS, Dataset, logged_checkpoint
from auctionsim.jobs.offline.export import SETTINGS
from auctionsim.jobs.offline.logged_replay import own_actions
from auctionsim.jobs.offline.plan import Plan, make_plan
from auctionsim.jobs.offline.rollout import SIDE_BY_SIDE, episode_seeds, exploration_numbers, named_amounts, play
from auctionsim.jobs.offline.run_policy import Checkpoint
from auctionsim.market.market import Market
from auctionsim.ratios import NotDefined, ratio_to_amount

Array = NDArray[np.float64]
TRUTH = "truth"
"""Word that keys the random streams of the days that measure the truth."""
Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Row:
    """One estimator's answer."""

    name: str
    found: Estimate | NotDefined
    error: float | NotDefined
    """Estimate over truth, less 1."""


@dataclass(frozen=True)
class Judged:
    """A policy judged from logs: what the estimators say, and what is true."""

    agent: str
    metric: str
    logged: float
    """Mean of the logged days: the behavior policy's own value."""
    truth: float
    """Mean of the policy's days in the simulator."""
    truth_error: float | NotDefined
    """Standard error of `truth`, which is measured by draws of the exploration; one draw of each day has none."""
    rows: tuple[Row, ...]
    episodes: int
    is_late: bool
    """Whether conversions are reported late: the metric is then of those that were reported on the day, in the truth too."""


def judge(
    dataset: Dataset,
    policy: str,
    *,
    agent: str | None = None,
    metric: str = "reward",
    factor: float = 1.0,
    noise: float | None = None,
    uniform: float | None = None,
    draws: int = 200,
    report: Report | None = None,
) -> Judged:
    """Judge a policy from logged days, of one agent that would have followed it while the others did what they did.

    The policy explores as well: without noise of its own, no logged action would have been drawn by it.

    Args:
        dataset: The logged days.
        policy: `start`, a rule, or the path of a run.
        agent: The agent; the first where None.
        metric: One of `METRICS`, summed over a day.
        factor: Factor on the policy's bids, > 0.
        noise: Standard deviation of the policy's exploration; the dataset's where None.
        uniform: Probability of its uniform actions; the dataset's where None.
        draws: Number of days, of each logged one, that measure the truth.
        report: A progress callback.

    Raises:
        InputError: There is no such policy, agent or metric; the replay of the logged actions ends otherwise than logged; or
            the other agents' behavior policy is not there any more, or is another one now.
    """
    one_of("--metric", metric, METRICS)
    j = dataset.agents.index(one_of("--agent", agent, dataset.agents)) if agent is not None else 0
    market, logged_with = dataset.market(), dataset.exploration
    exploration = Exploration(
        logged_with.noise if noise is None else noise, logged_with.uniform if uniform is None else uniform
    )
    target = _plan(dataset, market, policy, factor)
    behavior = _behavior(dataset, market) if len(dataset.agents) > 1 else None
    if report is not None:
        report("replaying the logged days", 0.0)
    means = own_actions(dataset, target, j, behavior)
    episodes = episodes_of(dataset, means, exploration, j, metric)
    if report is not None:
        report("measuring the truth", 0.5)
    truth, error = true_value(dataset, target, exploration, behavior, j, metric, draws)
    turnover = float(np.abs(dataset.amounts[metric][:, :, j]).sum(axis=1).mean())
    rows = tuple(
        Row(name, found, _error(found, truth, turnover)) for name in ESTIMATORS for found in [estimate(name, episodes)]
    )
    logged = float(episodes.rewards.sum(axis=1).mean())
    return Judged(dataset.agents[j], metric, logged, truth, error, rows, len(episodes.rewards), market.delays is not None)


def episodes_of(dataset: Dataset, means: Array, exploration: Exploration, agent: int, metric: str) -> Episodes:
    """Return logged days as the estimators need them, with the value function of a policy fitted to them.

    Args:
        dataset: The logged days.
        means: The policy's own actions in the logged states, `[N, T, k]`.
        exploration: The policy's exploration.
        agent: Index of the agent that follows it.
        metric: One of `METRICS`.
    """
    actions = dataset.actions[:, :, agent].astype(np.float64)
    rewards = dataset.amounts[metric][:, :, agent]
    ratios = exploration.log_density(actions, means) - dataset.log_propensity[:, :, agent]
    observations = dataset.observations[:, :, agent].astype(np.float64)
    q, v = fit_values(observations, actions, exploration.moments(means), rewards, dataset.days)
    return Episodes(ratios, rewards, dataset.days, q, v)


def true_value(
    dataset: Dataset, target: Plan, exploration: Exploration, behavior: Plan | None, agent: int, metric: str, draws: int
) -> tuple[float, float | NotDefined]:
    """Return a policy's mean return over the logged days in the simulator, and its standard error.

    One agent follows it, with its exploration; the others do what they did, with theirs.

    Args:
        dataset: The logged days.
        target: The policy.
        exploration: The policy's exploration.
        behavior: The policy of the other agents; None where there are none.
        agent: Index of the agent.
        metric: One of `METRICS`.
        draws: Number of days that are played of each logged one; the standard error is not defined for 1.
    """
    plans = [target] if behavior is None else [target, behavior]
    means, errors = [], []
    for day in np.unique(dataset.days).tolist():
        totals = []
        for first in range(0, draws, SIDE_BY_SIDE):
            numbers = range(first, min(first + SIDE_BY_SIDE, draws))
            uniforms = exploration_numbers(target.market, TRUTH, day, numbers, len(target.coefficients))

            def choose(hour: int, own: object, uniforms: Array = uniforms) -> Array:
                return _chosen(own, uniforms[hour], exploration, dataset.exploration, agent)  # type: ignore[arg-type]

            seeds = [episode for _, episode in episode_seeds(target.market, dataset.settings["split"], TRUTH, day, numbers)]
            rollout = play(plans, day, seeds, choose)
            amounts = named_amounts(rollout.outcomes) | {"reward": rollout.rewards}
            totals.append(amounts[metric][:, :, agent].sum(axis=0))
        of_day = np.concatenate(totals)
        means.append(float(of_day.mean()))
        if draws > 1:
            errors.append(float(of_day.var(ddof=1)) / draws)
    error = float(np.sqrt(sum(errors))) / len(means) if draws > 1 else NotDefined("one draw of a day has no spread")
    return float(np.mean(means)), error


def _chosen(own: list[Array], uniforms: Array, target: Exploration, behavior: Exploration, agent: int) -> Array:
    """Draw everybody's actions: the agent's around the target's own, the others' around the behavior policy's."""
    actions = target.draw(own[0], uniforms)
    if len(own) > 1:
        others = behavior.draw(own[1], uniforms)
        others[:, agent] = actions[:, agent]
        return others
    return actions


def _behavior(dataset: Dataset, market: Market) -> Plan:
    """Return the policy that was logged: of a run, the checkpoint that was logged, though the run may have gone on."""
    settings = dataset.settings
    checkpoint = logged_checkpoint(settings)
    if checkpoint is not None and not Path(settings["policy"]).is_dir():
        raise InputError(
            f"{dataset.path / SETTINGS}: policy: expected the folder of the run that was logged, got none at "
            f"{settings['policy']} (the other agents follow its policy)"
        )
    return _plan(dataset, market, settings["policy"], settings["factor"], checkpoint)


def _plan(dataset: Dataset, market: Market, policy: str, factor: float, checkpoint: Checkpoint | None = None) -> Plan:
    """Return a policy of the dataset's market, in the dataset's actions."""
    settings = dataset.settings
    return make_plan(
        market, policy, bidder=settings["bidder"], rivals=settings["rivals"] or "manual", bid_model=settings["bid_model"],
        factor=factor, checkpoint=checkpoint,
    )  # fmt: skip


def _error(found: Estimate | NotDefined, truth: float, turnover: float) -> float | NotDefined:
    """Return the relative error of an estimate."""
    if isinstance(found, NotDefined):
        return found
    return ratio_to_amount(found.value - truth, abs(truth), turnover, "the policy")
