"""Replay the actions of logged days, and check that they bring what was logged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.envs.episode_sampler import EpisodeSampler, days_of
from auctionsim.errors import InputError
from auctionsim.jobs.offline.dataset import METRICS, Dataset
from auctionsim.jobs.offline.plan import Plan
from auctionsim.jobs.offline.rollout import SIDE_BY_SIDE, Rollout, named_amounts, play

Array = NDArray[np.float64]
_SAME_ACTION = 1e-6
"""Largest difference between actions that count as the same: 50^0.000001 is a bid 0.0004 % higher."""


def own_actions(dataset: Dataset, plan: Plan, agent: int, behavior: Plan | None = None) -> Array:
    """Replay the logged actions; return what a policy would have done in each state itself, `[N, T, k]`.

    A rule with a memory, such as `pid`, thereby sees what it would have seen.

    Args:
        dataset: The logged days.
        plan: The policy.
        agent: Index of the agent that follows it.
        behavior: The policy that was logged, whose own actions must be the logged `behavior_*`; not compared where None.

    Raises:
        InputError: The replay brings other outcomes or rewards than were logged, or other actions of the behavior policy.
    """
    found = np.zeros((*dataset.actions.shape[:2], dataset.actions.shape[-1]))
    plans = [plan] if behavior is None else [plan, behavior]
    everyone = days_of(plan.market, dataset.settings["split"])
    for day in np.unique(dataset.days).tolist():
        on_day = np.flatnonzero(dataset.days == day)
        for own in np.array_split(on_day, -(-len(on_day) // SIDE_BY_SIDE)):
            episodes = [EpisodeSampler(everyone, int(seed)).next(day) for seed in dataset.reset_seeds[own]]
            logged = dataset.actions[own].swapaxes(0, 1)
            rollout = play(plans, day, episodes, lambda hour, _, logged=logged: logged[hour])  # type: ignore[misc]
            _expect_logged(dataset, own, day, rollout)
            found[own] = rollout.means[0][:, :, agent].swapaxes(0, 1)
    return found


def _expect_logged(dataset: Dataset, own: NDArray[np.int64], day: int, rollout: Rollout) -> None:
    """Check that a replay of some episodes brings what was logged, and that the behavior policy would do what it did."""
    amounts = named_amounts(rollout.outcomes) | {"reward": rollout.rewards}
    if not all(np.allclose(amounts[name].swapaxes(0, 1), dataset.amounts[name][own], rtol=1e-9, atol=1e-9) for name in METRICS):
        raise InputError(
            f"{dataset.path}: expected the outcomes that a replay of its actions has, got others on day {day} (made by "
            f"version {dataset.settings['version']}, or its traffic has changed)"
        )
    if len(rollout.means) > 1:
        off = np.abs(rollout.means[1].swapaxes(0, 1) - dataset.behavior[own]).max()
        if off > _SAME_ACTION:
            raise InputError(
                f"{dataset.path}: expected the actions of the columns behavior_* from "
                f"{dataset.settings['policy']}, got "
                f"others on day {day}, by up to {off:.2g} (the policy has changed since; export again)"
            )
