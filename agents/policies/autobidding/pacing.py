"""Find multipliers on values hour by hour: mirror descent on the multipliers of budget and targets, combined in four ways.

The methods are those of Balseiro et al., A Field Guide for Pacing Budget and ROS Constraints (arXiv 2302.08530): a constraint's
multiplier grows by `exp(step x breach)` after every period. With lambda for a target, mu for the budget and a value v in units
of the target, `dual` bids `(1 + lambda) / (mu + lambda) v`, which is optimal where bidding the value is; `min` bids
`min((1 + lambda) / lambda, 1 / mu) v`; and `sequential` bids `(1 + lambda) / lambda / mu v`. `throttle` leaves the budget to a
share of the auctions.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.autobidding.task import TARGETS, Task
from auctionsim.agents.policies.pacing.plan import spend_error

Array = NDArray[np.float64]

BUDGET, FLOOR, N_ROWS = len(TARGETS), len(TARGETS) + 1, len(TARGETS) + 2
"""Rows of a pacer's state: one for each target, then the budget's and that of the least spend."""
LARGEST_LOG = 7.0
"""Bound of the logarithm of a multiplier: a factor of 1,100 either way."""
_MOST_ERROR = 3.0
"""Largest overspend of an hour that moves a multiplier, relative to its plan: more says no more."""
_SMALLEST_SHARE = -4.6
"""Logarithm of the smallest share of auctions that `throttle` enters, 1 in 100."""


class Steps(NamedTuple):
    """Step sizes, `[n]` each."""

    target: Array
    budget: Array


class Period(NamedTuple):
    """What a period brought, an hour or a single auction."""

    cost: Array
    """Cost, currency, `[n, P]`."""
    shared_cost: Array
    """Cost of all who share the budget, currency, `[n, P]`: of the account's campaigns, else the own."""
    earned: Array
    """Currency that each target allowed to pay for what was won, `[K, n, P]`."""
    planned: Array
    """Planned spend of all who share the budget, currency, infinite without one, `[n, P]`."""
    floor_cost: Array
    """Cost of all who share the least spend of the day, currency, `[n, P]`."""
    floor_planned: Array
    """Planned spend by the least spend of the day, currency, 0 where there is none or it is reached, `[n, P]`."""


class Bids(NamedTuple):
    """Bids of the next period."""

    coefficients: Array
    """Coefficients over `bid_formula.FEATURES`, `[n, 4, P]`."""
    share: Array
    """Share of auctions to enter, `[n, P]`."""


class Pacer(Protocol):
    """Finds the multipliers of n advertisers on a day."""

    state: Array
    """Numbers that it carries from day to day, `[N_ROWS, n, P]`; zeros before anything is known."""

    def observe(self, period: Period) -> None:
        """Learn from a period."""

    def bids(self, is_due: NDArray[np.bool_]) -> Bids:
        """Return the bids of the next period.

        Args:
            is_due: Whether the least spend of the day is not reached yet, `[n, P]`.
        """


class MirrorDescent:
    """The methods `dual`, `min`, `sequential` and `throttle`. The state holds logarithms of multipliers.

    A target's breach is counted in usual hourly spends S, so that over any number of periods in which lambda does not meet its
    upper bound, `cost - earned <= S / step x log(lambda_end / lambda_begin)`: the breach does not grow with time where lambda
    settles.

    Args:
        method: One of the four.
        task: The advertisers' goals.
        steps: Step sizes.
        usual: Usual hourly spend S, currency > 0, `[n]`.
        state: The state to begin with, `[N_ROWS, n, P]`.
    """

    def __init__(self, method: str, task: Task, steps: Steps, usual: Array, state: Array) -> None:
        self._method, self._task, self._usual = method, task, usual[:, None]
        self._steps, self._top = Steps(*(one[:, None] for one in steps)), 0.0 if method == "throttle" else LARGEST_LOG
        self.state = state

    def observe(self, period: Period) -> None:
        """Raise the multipliers of what was breached, and lower the others."""
        gap = np.minimum((period.earned - period.cost) / self._usual, _MOST_ERROR) * self._task.has_target[:, :, None]
        targets = np.clip(self.state[:BUDGET] - self._steps.target * gap, -LARGEST_LOG, LARGEST_LOG)
        error = np.clip(spend_error(period.shared_cost, period.planned), -1.0, _MOST_ERROR)
        # The budget's row holds log mu, or the log of the share of auctions.
        way = -1.0 if self._method == "throttle" else 1.0
        bottom = _SMALLEST_SHARE if self._method == "throttle" else -LARGEST_LOG
        budget = np.clip(self.state[BUDGET] + way * self._steps.budget * error, bottom, self._top)
        self.state = np.stack([*targets, budget, after_floor(self.state[FLOOR], period, self._steps.budget)])

    def bids(self, is_due: NDArray[np.bool_]) -> Bids:
        """Combine the multipliers."""
        task, shape = self._task, self.state.shape[1:]
        held = task.has_target[:, :, None]
        lam = np.where(held, arithmetic.exp(self.state[:BUDGET]), 0.0)
        mu = np.where(task.has_budget[:, None], arithmetic.exp(self.state[BUDGET]), 0.0)
        share = np.ones(shape)
        if self._method == "throttle":
            share, mu = np.where(task.has_budget[:, None], mu, 1.0), np.zeros(shape)
        theta = np.repeat(task.value[:, :, None], shape[1], axis=2)
        if self._method == "dual":
            allowed = lam[:, :, None] * task.target_value[:, :, :, None]
            total = lam.sum(axis=0) + mu
            # A target relative to a baseline that spent nothing is none, and bids are then the value.
            theta = (theta + allowed.sum(axis=0)) / np.where(total > 0, total, 1.0)[:, None]
        else:
            by_target = np.where(held, (1.0 + lam) / np.where(held, lam, 1.0), np.inf).min(axis=0)
            by_budget = np.where(mu > 0, 1.0 / np.where(mu > 0, mu, 1.0), np.inf)
            factors = (np.minimum(by_target, by_budget),) if self._method == "min" else (by_target, by_budget)
            for factor in factors:
                theta = theta * np.where(np.isfinite(factor), factor, 1.0)[:, None]
        return Bids(with_floor(theta, self.state[FLOOR], task, is_due), share)


def after_floor(log: Array, period: Period, step: Array) -> Array:
    """Return the logarithm of the multiplier that spends the least spend of a day, after a period, `[n, P]`."""
    planned = np.where(period.floor_planned > 0, period.floor_planned, np.inf)
    error = np.clip(spend_error(period.floor_cost, planned), -1.0, _MOST_ERROR)
    return np.clip(log - step * error, -LARGEST_LOG, LARGEST_LOG)


def with_floor(theta: Array, log: Array, task: Task, is_due: NDArray[np.bool_]) -> Array:
    """Return bids that are raised, where less must be spent by the day's end than a commitment asks for.

    A commitment to spend comes before the targets, and a budget before both.

    Args:
        theta: Coefficients without it, `[n, 4, P]`.
        log: Logarithm of the multiplier that spends it, `[n, P]`.
        task: The advertisers' goals.
        is_due: Whether the least spend of the day is not reached yet, `[n, P]`.
    """
    needed = np.where(is_due, arithmetic.exp(log), 0.0)[:, None] * task.value[:, :, None]
    return np.maximum(theta, needed)
