"""Play days hour by hour in many episodes side by side, with actions chosen around those of one or several policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.outcome import COST, IMPRESSIONS
from auctionsim.envs.actions import MAX_MULTIPLIER
from auctionsim.envs.batched_days import BatchedDays
from auctionsim.envs.episode_sampler import EpisodeSampler, EpisodeSeed, days_of
from auctionsim.jobs.offline.plan import Plan
from auctionsim.market.market import Market
from auctionsim.objectives import goals as obj
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Choose = Callable[[int, Sequence[Array]], Array]
"""`choose(hour, means)` returns the actions `[E, A, k]`, given each policy's own ones, `[E, A, k]`."""

SIDE_BY_SIDE = 64
"""Episodes of a day that are replayed in one call of the kernel, and the size of a worker's task."""


@dataclass(frozen=True, eq=False)
class Rollout:
    """Days as they went: T = 24 hours, E episodes, A agents, actions of k numbers."""

    observations: NDArray[np.float32]
    """Observations before each hour and after the last, `[T + 1, E, A, 15]`."""
    actions: NDArray[np.float32]
    """Actions, in [-1, 1], `[T, E, A, k]`."""
    means: tuple[Array, ...]
    """Each policy's own actions, `[T, E, A, k]`."""
    is_clipped: NDArray[np.bool_]
    """Mask of the first policy's own actions that had to be clipped to [-1, 1], `[T, E, A, k]`."""
    rewards: Array
    """Rewards of the environments, `[T, E, A]`."""
    outcomes: Array
    """Impressions, clicks, conversions, GMV and cost of each hour, `[T, E, A, 5]`."""
    costs: Array
    """Costs of the constraints, `[T, E, A, C]`, in the order of `objectives.costs.COSTS`."""


def play(plans: Sequence[Plan], day: int, episodes: Sequence[EpisodeSeed], choose: Choose) -> Rollout:
    """Play a day in several episodes side by side.

    Args:
        plans: Policies in the same market and bid model, whose own actions are asked for before every hour.
        day: A training or test day.
        episodes: Seeds of the episodes' sampling noise, E.
        choose: Function that chooses the actions.
    """
    market, model = plans[0].market, plans[0].bid_model
    days = BatchedDays(market, model, len(episodes))
    days.begin(np.arange(len(episodes)), episodes)
    policies = [plan.begin(day, len(episodes)) for plan in plans]
    log_most = arithmetic.log(MAX_MULTIPLIER)
    seen, acted, rewards, outcomes, costs, clipped = [days.observations()], [], [], [], [], []
    means: list[list[Array]] = [[] for _ in plans]
    for hour in range(HOURS):
        state = days.state()
        own = [policy(state) for policy in policies]
        actions = choose(hour, [mean for mean, _ in own]).astype(np.float32)
        step = days.step(log_most * actions.astype(np.float64))
        acted.append(actions)
        rewards.append(step.rewards)
        outcomes.append(days.last_step[market.learners].transpose(2, 0, 1))
        costs.append(step.costs)
        clipped.append(own[0][1])
        seen.append(days.observations())
        for found, (mean, _) in zip(means, own, strict=True):
            found.append(mean)
    return Rollout(
        np.array(seen), np.array(acted), tuple(np.array(found) for found in means), np.array(clipped), np.array(rewards),
        np.array(outcomes), np.array(costs),
    )  # fmt: skip


def episode_seeds(market: Market, split: str, purpose: str, day: int, numbers: Sequence[int]) -> list[tuple[int, EpisodeSeed]]:
    """Return the seed of `reset` and the sampling noise of some episodes of a day.

    The `reset` of an environment of the same split begins the same episode with this seed and `options={"day": day}`.

    Args:
        market: The market.
        split: `train` or `test`.
        purpose: Word that keeps these episodes apart from others.
        day: The day.
        numbers: Numbers of the episodes on that day.
    """
    seeds = [int(stream(market.seed, purpose, "episode", day, number).integers(2**62)) for number in numbers]
    return [(seed, EpisodeSampler(days_of(market, split), seed).next(day)) for seed in seeds]


def exploration_numbers(market: Market, purpose: str, day: int, numbers: Sequence[int], k: int) -> Array:
    """Return the uniform numbers of some episodes' exploration, `[T, E, A, k + 1]`; an episode's depend on its number alone."""
    shape = (HOURS, len(market.learners), k + 1)
    drawn = [stream(market.seed, purpose, "exploration", day, number).random(shape) for number in numbers]
    return np.stack(drawn, axis=1)


def named_amounts(outcomes: Array) -> dict[str, Array]:
    """Return impressions, cost and the four objectives of outcomes `[..., 5]`, by name, `[...]` each."""
    flat = outcomes.reshape(-1, outcomes.shape[-1])
    vector = obj.objective_vector(flat[:, :, None])[:, :, 0]
    found = dict(zip(obj.OBJECTIVES, vector.T, strict=True))
    rows = {"impressions": flat[:, IMPRESSIONS], **found, "cost": flat[:, COST]}
    return {name: values.reshape(outcomes.shape[:-1]) for name, values in rows.items()}
