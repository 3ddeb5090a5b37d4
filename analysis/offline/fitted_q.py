"""Fit a policy's value function to logged episodes, by linear regression from the last step to the first.

Q_t(s, a) = E[r_t + V_{t+1}(s_{t+1}) | s_t = s, a_t = a] and V_t(s) = E[Q_t(s, a) | a ~ pi(s)]: fitted Q evaluation (Le,
Voloshin and Yue 2019) with a regression for each step. Q is linear in the day, the observation, the action's numbers and their
squares. So V needs no sampling: it follows from the mean of x_j and of x_j^2 under the target policy (`Exploration.moments`).

The model of an episode never saw that episode (cross-fitting), which keeps the doubly robust estimate unbiased.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic

Array = NDArray[np.float64]

FOLDS = 5
RIDGE = 1e-3
"""Penalty on the squared coefficients of standardized features, as a share of the number of episodes."""


def fit_values(
    observations: Array,
    actions: Array,
    moments: tuple[Array, Array],
    rewards: Array,
    days: NDArray[np.int64],
    *,
    folds: int = FOLDS,
    ridge: float = RIDGE,
) -> tuple[Array, Array]:
    """Fit the target's value function, each episode's by the other folds' episodes.

    Args:
        observations: Observations before each step, `[N, T, d]`.
        actions: Logged actions, `[N, T, k]`.
        moments: Means of x_j and of x_j^2 under the target policy in each logged state, `[N, T, k]` each.
        rewards: Rewards, `[N, T]`.
        days: Day of each episode, `[N]`.
        folds: Number of parts, >= 2, that the episodes of each day are dealt to in turn.
        ridge: Penalty on squared coefficients, as a share of the number of episodes, > 0.

    Returns:
        Q of each logged action and V of each logged state, `[N, T]` each.
    """
    n, horizon = rewards.shape
    q, v = np.zeros((n, horizon)), np.zeros((n, horizon))
    fold = _folds(days, folds)
    state = np.concatenate([_indicators(days, horizon), observations], axis=2)
    logged = np.concatenate([state, actions, actions * actions], axis=2)
    expected = np.concatenate([state, *moments], axis=2)
    for part in range(folds):
        is_own = fold == part
        train, own = ~is_own, is_own
        if not own.any() or not train.any():
            continue
        value = np.zeros(n)
        for t in range(horizon - 1, -1, -1):
            line = _regression(logged[train, t], (rewards[:, t] + value)[train], ridge)
            value = line(expected[:, t])
            q[own, t], v[own, t] = line(logged[own, t]), value[own]
    return q, v


class _Line:
    """A fitted linear function of features `[n, p]`."""

    def __init__(self, mean: Array, scale: Array, slope: Array, level: float) -> None:
        self._mean, self._scale, self._slope, self._level = mean, scale, slope, level

    def __call__(self, features: Array) -> Array:
        found: Array = arithmetic.dot((features - self._mean) / self._scale, self._slope) + self._level
        return found


def _regression(features: Array, wanted: Array, ridge: float) -> _Line:
    """Return the ridge regression of `wanted` `[n]` on features `[n, p]`; the level is not penalized."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    is_constant = scale <= 1e-12 * (1.0 + np.abs(mean))
    scale = np.where(is_constant, 1.0, scale)
    x = np.where(is_constant, 0.0, (features - mean) / scale)
    level = float(wanted.mean())
    normal = arithmetic.matmul(np.ascontiguousarray(x.T), x)
    normal[np.diag_indices_from(normal)] += ridge * len(x)
    slope = _solved(normal, arithmetic.dot(x.T, (wanted - level)[None]))
    return _Line(mean, scale, np.where(is_constant, 0.0, slope), level)


def _solved(matrix: Array, right: Array) -> Array:
    """Solve a symmetric positive definite system by Gaussian elimination: the same bits on every processor."""
    a, b = matrix.copy(), right.copy()
    n = len(b)
    for i in range(n - 1):
        factor = a[i + 1 :, i] / a[i, i]
        a[i + 1 :, i:] -= factor[:, None] * a[i, i:]
        b[i + 1 :] -= factor * b[i]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        x[i] = (b[i] - (a[i, i + 1 :] * x[i + 1 :]).sum()) / a[i, i]
    return x


def _folds(days: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """Deal the episodes of each day to the folds in turn, `[N]`."""
    fold = np.zeros(len(days), dtype=np.int64)
    for day in np.unique(days):
        on_day = np.flatnonzero(days == day)
        fold[on_day] = np.arange(len(on_day)) % folds
    return fold


def _indicators(days: NDArray[np.int64], horizon: int) -> Array:
    """Return one feature per day but the first, 1 on it and 0 elsewhere, `[N, T, days - 1]`."""
    known = np.unique(days)[1:]
    return np.repeat((days[:, None] == known).astype(np.float64)[:, None], horizon, axis=1)
