"""Pace by PID controllers: one for the budget, one for each target, of which the one that asks for the lowest bid has its way.

The selection of the lowest is the override control of process industries (Astrom and Hagglund, Advanced PID Control, 2006,
chapter 3 on anti-windup, recalled). A controller that is not heard would add up its error without end, and be late when its
turn comes; so its integral follows the bids that are made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.autobidding.pacing import BUDGET, FLOOR, Bids, Period, after_floor, with_floor
from auctionsim.agents.policies.autobidding.task import Task
from auctionsim.agents.policies.pacing.plan import spend_error

Array = NDArray[np.float64]

# Proportional, integral and derivative gain as those of `pid`: our choice, for 24 updates a day.
_P, _I, _D = 0.1, 0.1, 0.02
_LARGEST_EXPONENT = 3.0
_AHEAD = 0.1
"""Most by which the exponent of a controller that is not heard may lie above the one that is."""


class PidSelector:
    """Bid `value x exp(phi)`, phi the lowest of `P e + I sum e + D (e - e before)` over budget and targets.

    The budget's error is how far the period's cost stayed under its plan, relative to it; a target's how far the cost stayed
    under what was earned, in usual hourly spends. Both are clipped to [-1, 1]. The state holds the sums.

    Args:
        task: The advertisers' goals.
        usual: Usual hourly spend, currency > 0, `[n]`.
        step: Step size of the least spend's multiplier, `[n]`.
        state: The state to begin with, `[N_ROWS, n, P]`.
    """

    def __init__(self, task: Task, usual: Array, step: Array, state: Array) -> None:
        self._task, self._usual, self._step = task, usual[:, None], step[:, None]
        self._is_active = np.concatenate([task.has_target, task.has_budget[None]])[:, :, None]
        self.state = state
        self._before = np.zeros_like(state[: BUDGET + 1])
        self._exponent = self._lowest(_I * state[: BUDGET + 1])

    def observe(self, period: Period) -> None:
        """Add up the errors, as far as they are heard."""
        by_target = (period.earned - period.cost) / self._usual
        by_budget = -spend_error(period.shared_cost, period.planned)
        error = np.where(self._is_active, np.clip(np.concatenate([by_target, by_budget[None]]), -1.0, 1.0), 0.0)
        moving = _P * error + _D * (error - self._before)
        total = np.clip(self.state[: BUDGET + 1] + error, -_LARGEST_EXPONENT / _I, _LARGEST_EXPONENT / _I)
        self._exponent = self._lowest(moving + _I * total)
        total = np.where(self._is_active, np.minimum(total, (self._exponent + _AHEAD - moving) / _I), 0.0)
        self._before = error
        self.state = np.stack([*total, after_floor(self.state[FLOOR], period, self._step)])

    def bids(self, is_due: NDArray[np.bool_]) -> Bids:
        """Return the value times the multiplier."""
        theta = self._task.value[:, :, None] * arithmetic.exp(self._exponent)[:, None]
        return Bids(with_floor(theta, self.state[FLOOR], self._task, is_due), np.ones_like(self._exponent))

    def _lowest(self, exponents: Array) -> Array:
        """Return the lowest exponent of what is asked for, `[n, P]`."""
        lowest = np.where(self._is_active, exponents, np.inf).min(axis=0)
        return np.clip(np.where(self._is_active.any(axis=0), lowest, 0.0), -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
