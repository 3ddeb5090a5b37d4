"""Evolution strategy for many agents at once: ask and tell, state in and state out.

One replay of a day perturbs all agents jointly; since their noises are independent, the others' are zero-mean noise in each
agent's fitness, and a generation costs the same number of replays however many agents there are. Mirrored pairs, ranks and
Adam after Salimans et al. 2017 (OpenAI-ES); per-agent ranks are ours (docs/macg.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.streams import stream

Array = NDArray[np.float64]

_DECAY_1, _DECAY_2, _EPSILON = 0.9, 0.999, 1e-8
# The last generations step less, so that the end does not depend on where the noise happened to stand.
_FULL_RATE_UNTIL = 0.5
_LAST_RATE = 0.05


@dataclass(frozen=True, eq=False)
class ESState:
    """Parameters and Adam's moments, each `[agents, parameters]`, after `iteration` generations."""

    mean: Array
    first_moment: Array
    second_moment: Array
    iteration: int

    @classmethod
    def start(cls, mean: Array) -> ESState:
        """The state before the first generation."""
        return cls(mean, np.zeros_like(mean), np.zeros_like(mean), 0)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> ESState:
        """The state that `arrays` gave."""
        return cls(arrays["mean"], arrays["first_moment"], arrays["second_moment"], int(arrays["iteration"][0]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As a checkpoint keeps it."""
        return {
            "mean": self.mean,
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
            "iteration": np.array([self.iteration], dtype=np.int64),
        }


def pair_noise(seed: int, iteration: int, pairs: range, shape: tuple[int, ...]) -> Array:
    """Noise of some mirrored pairs of a generation, `[pairs, *shape]`, standard normal.

    Keyed by pair, so that a worker draws its own block and nothing but the seed travels.
    """
    return np.stack([stream(seed, "es-noise", iteration, pair).standard_normal(shape) for pair in pairs])


def members(mean: Array, noise: Array, sigma: float) -> Array:
    """Parameters of the members, `[2 * pairs, *mean.shape]`; members 2k and 2k + 1 mirror each other."""
    signed = np.stack([noise, -noise], axis=1).reshape(-1, *mean.shape)
    return mean + sigma * signed


def centred_ranks(fitness: Array) -> Array:
    """Ranks along the last axis, scaled to [-0.5, 0.5]: the worst is -0.5.

    Ties share their average rank: many losing bids earn exactly the same, and an arbitrary order would be noise. NaN, a
    failed evaluation, ranks last. A row whose members are all equal gets zeros.
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


def slopes(fitness: Array, sigma: float) -> Array:
    """How much better one member of each pair ranks than its mirror, `[agents, pairs]`; all that a step needs but the noise.

    Args:
        fitness: `[agents, members]`, members in the order of `members`.
        sigma: The perturbation's standard deviation.
    """
    ranks = centred_ranks(fitness)
    difference: Array = ranks[:, 0::2] - ranks[:, 1::2]
    return difference / (2 * sigma * difference.shape[1])


def climb(state: ESState, slope: Array, noise: Array, learning_rate: float) -> ESState:
    """The state after a generation.

    Args:
        state: Before it.
        slope: Of `slopes`.
        noise: `[pairs, agents, parameters]`, the generation's.
        learning_rate: Adam's step.
    """
    gradient = np.einsum("as,sap->ap", slope, noise)
    step = state.iteration + 1
    first = _DECAY_1 * state.first_moment + (1 - _DECAY_1) * gradient
    second = _DECAY_2 * state.second_moment + (1 - _DECAY_2) * gradient**2
    ascent = (first / (1 - _DECAY_1**step)) / (np.sqrt(second / (1 - _DECAY_2**step)) + _EPSILON)
    return replace(
        state,
        mean=state.mean + learning_rate * ascent,
        first_moment=first,
        second_moment=second,
        iteration=step,
    )


def falling_rate(rate: float, done: float) -> float:
    """The learning rate after a share `done` of all generations: full for the first half, then falling to a twentieth."""
    falling = 1 - (done - _FULL_RATE_UNTIL) / (1 - _FULL_RATE_UNTIL)
    return rate * max(min(1.0, falling), _LAST_RATE)


def falling_sigma(first: float, last: float | None, done: float) -> float:
    """The perturbation after a share `done` of all generations, from first to last in equal ratios."""
    return first if last is None else float(first * (last / first) ** done)
