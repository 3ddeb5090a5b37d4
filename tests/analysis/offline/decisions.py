"""A decision process whose value is known in closed form, for any policy that explores around a constant action."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.offline.estimators import Episodes
from auctionsim.analysis.offline.exploration import Exploration

Array = NDArray[np.float64]
STEPS = 6


def log(rng: np.random.Generator, n: int, behavior: Exploration, mean: float, noise: float = 0.3, steps: int = STEPS):
    """States and actions `[n, steps]`, and rewards 1 + s + 2 x - 3 x^2 with normal noise; the state becomes s / 2 + x."""
    states, actions, rewards = np.zeros((n, steps)), np.zeros((n, steps)), np.zeros((n, steps))
    state = np.zeros(n)
    for t in range(steps):
        x = behavior.draw(np.full((n, 1), mean), rng.random((n, 2)))[:, 0]
        states[:, t], actions[:, t] = state, x
        rewards[:, t] = 1 + state + 2 * x - 3 * x * x + noise * rng.standard_normal(n)
        state = 0.5 * state + x
    return states, actions, rewards


def exact(target: Exploration, mean: float, states: Array, actions: Array) -> tuple[float, Array, Array]:
    """The target's value, and its true Q and V of logged states: V_t(s) = slope_t s + level_t."""
    first, second = (float(moment[0]) for moment in target.moments(np.array([mean])))
    q, v, slope, level = np.zeros(states.shape), np.zeros(states.shape), 0.0, 0.0
    for t in range(states.shape[1] - 1, -1, -1):
        s, x = states[:, t], actions[:, t]
        q[:, t] = 1 + s + 2 * x - 3 * x * x + slope * (0.5 * s + x) + level
        slope, level = 1 + 0.5 * slope, 1 + 2 * first - 3 * second + slope * first + level
        v[:, t] = slope * s + level
    return level, q, v


def episodes(target: Exploration, behavior: Exploration, means: tuple[float, float], actions, rewards, q, v) -> Episodes:
    """The same as the estimators take it; `means` are the target's and the behavior policy's own actions."""
    ratios = [
        who.log_density(actions[..., None], np.full((*actions.shape, 1), mean))
        for who, mean in zip((target, behavior), means, strict=True)
    ]
    return Episodes(ratios[0] - ratios[1], rewards, np.arange(len(rewards)) % 2, q, v)
