"""Evolution strategy for many agents at once: ask and tell, state in and state out.

One replay of a day perturbs all agents jointly. Their perturbations are independent, so those of the others are zero-mean noise
in each agent's fitness, and a generation costs the same number of replays however many agents there are. Mirrored pairs, ranks
and Adam follow Salimans et al. 2017 (OpenAI-ES); ranks per agent are ours (docs/macg.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.adam import adam_direction
from auctionsim.streams import stream

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ESState:
    """Parameters and Adam's moments, each `[agents, parameters]`, after `iteration` generations."""

    mean: Array
    first_moment: Array
    second_moment: Array
    iteration: int

    @classmethod
    def start(cls, mean: Array) -> ESState:
        """Return the state before the first generation."""
        return cls(mean, np.zeros_like(mean), np.zeros_like(mean), 0)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> ESState:
        """Return the state that `arrays` gave."""
        return cls(arrays["mean"], arrays["first_moment"], arrays["second_moment"], int(arrays["iteration"][0]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the state as a checkpoint keeps it."""
        return {
            "mean": self.mean,
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
            "iteration": np.array([self.iteration], dtype=np.int64),
        }


def pair_noise(seed: int, iteration: int, pairs: range, shape: tuple[int, ...]) -> Array:
    """Draw the noise of some mirrored pairs of a generation, `[pairs, *shape]`, standard normal.

    Each pair has a stream of its own, so that a worker draws its own block and only the seed travels.
    """
    return np.stack([_noise_of(seed, iteration, pair, shape) for pair in pairs])


@lru_cache(maxsize=96)
def _noise_of(seed: int, iteration: int, pair: int, shape: tuple[int, ...]) -> Array:
    # Each training day of a generation asks for the same noise, and its update once more.
    noise = arithmetic.normal(stream(seed, "es-noise", iteration, pair), shape)
    noise.flags.writeable = False
    return noise


def candidates(mean: Array, noise: Array, sigma: float) -> Array:
    """Return the candidates' parameters, `[2 * pairs, *mean.shape]`; candidates 2k and 2k + 1 mirror each other.

    For example mean 1.0, sigma 0.1 and noise [0.5, -2.0] make 1.05, 0.95, 0.8 and 1.2.
    """
    signed = np.stack([noise, -noise], axis=1).reshape(-1, *mean.shape)
    return mean + sigma * signed


def centred_ranks(fitness: Array) -> Array:
    """Return ranks along the last axis, scaled to [-0.5, 0.5]; the worst is -0.5.

    Ties share their average rank: many losing bids earn exactly the same, and an arbitrary order would be noise. For example
    fitness [3, 1, 1, 9] has ranks [2, 0.5, 0.5, 3] and gives [0.17, -0.33, -0.33, 0.5]. NaN, a failed evaluation, ranks last.
    A row of equal candidates gets zeros.
    """
    value = np.where(np.isnan(fitness), -np.inf, fitness)
    n = value.shape[-1]
    order = np.argsort(value, axis=-1)
    rising = np.take_along_axis(value, order, axis=-1)
    is_new = np.concatenate([np.ones_like(rising[..., :1], dtype=bool), rising[..., 1:] != rising[..., :-1]], axis=-1)
    is_last = np.concatenate([is_new[..., 1:], np.ones_like(is_new[..., :1])], axis=-1)
    first = np.maximum.accumulate(np.where(is_new, np.arange(n), 0), axis=-1)
    last = np.minimum.accumulate(np.where(is_last, np.arange(n), n)[..., ::-1], axis=-1)[..., ::-1]
    rank = np.empty_like(value)
    np.put_along_axis(rank, order, (first + last) / 2, axis=-1)
    return rank / max(n - 1, 1) - 0.5


def rank_differences(fitness: Array, sigma: float) -> Array:
    """Return how much better each candidate ranks than its mirror, per unit of noise: `[agents, pairs]`.

    All that `adam_step` needs but the noise: the gradient is their sum weighted by the pairs' noise.

    Args:
        fitness: Fitness `[agents, candidates]`, in the order of `candidates`.
        sigma: Standard deviation of the perturbation.
    """
    ranks = centred_ranks(fitness)
    difference: Array = ranks[:, 0::2] - ranks[:, 1::2]
    return difference / (2 * sigma * difference.shape[1])


def adam_step(state: ESState, rank_difference: Array, noise: Array, learning_rate: float) -> ESState:
    """Return the state after a generation.

    Args:
        state: The state before it.
        rank_difference: Rank differences of the pairs, `[agents, pairs]`.
        noise: Noise of the generation's pairs, `[pairs, agents, parameters]`.
        learning_rate: Size of Adam's step.
    """
    gradient = (rank_difference.T[:, :, None] * noise).sum(axis=0)
    step = state.iteration + 1
    ascent, first, second = adam_direction(state.first_moment, state.second_moment, gradient, step)
    return replace(
        state,
        mean=state.mean + learning_rate * ascent,
        first_moment=first,
        second_moment=second,
        iteration=step,
    )
