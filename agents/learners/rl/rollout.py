"""Roll out days under stochastic policies, in parallel copies: what policy-gradient learners learn from.

Observations, actions and rewards are those of the environments (envs/auction_env.py): fifteen features, log multipliers on the
starting coefficients, and the hour's own and global terms, with all penalties in the last hour. Only far from feasibility do
they differ: here the penalties are those of `macg-es`, up to 10^12.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import DayState
from auctionsim.auction.outcome import COST
from auctionsim.market.bidding import coefficients_with, market_coefficients, starting_coefficients
from auctionsim.market.copies.relocated import on_processor
from auctionsim.market.goals import training_goals
from auctionsim.market.market import Market
from auctionsim.market.observations import Scales, observe
from auctionsim.objectives.fitness import reward_charge
from auctionsim.objectives.goals import Goals, global_profit, running_score
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

LARGEST = 3.0
"""Log multipliers are clipped to this size when bid with."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Parallel copies of a day; hours are the first axis."""

    observations: Floats
    """`[24, P, learners, 15]`."""
    actions: Floats
    """Log multipliers as drawn, `[24, P, learners, 3]`."""
    rewards: Floats
    """`[24, P, learners]`."""
    revenue: Array
    """The platform's revenue over the baseline's, `[P]`."""
    profit: Array
    """All advertisers' profit over the baseline's, `[P]`."""


class Played(Protocol):
    """Copies of days under way: a `MarketDay`, or days on a device."""

    @property
    def state(self) -> DayState:
        """Return what is known before the next hour."""

    @property
    def cumulative(self) -> Any:
        """Return the totals so far, `[advertisers, 5, P]`."""

    @property
    def rewarded(self) -> Any:
        """Return the totals so far that learners are paid by, `[advertisers, 5, P]`."""

    def step(self, coefficients: Any) -> Any:
        """Clear an hour."""


def observations_of(market: Market, state: DayState, scales: Scales, learners: Any = None) -> Floats:
    """Return what the learners see before the next hour, `[P, learners, 15]`.

    Args:
        market: The market.
        state: The state of the copies.
        scales: Scales of the learners.
        learners: Indices of the learners, where the state's arrays are; the market's where None.
    """
    learners = market.learners if learners is None else learners
    return observe(
        scales,
        np.full(state.n_policies, state.hour, like=state.budget_left),
        state.budget_left[learners],
        state.last_step[learners],
        state.last_step[:, COST].sum(axis=0),
    )


def coefficients_of(market: Market, actions: NDArray[np.floating]) -> Array:
    """Return everybody's coefficients for the learners' actions `[P, learners, 3]`."""
    return market_coefficients(market, _logs(actions), starting_coefficients(market))


def roll_out(market: Market, day: int, num_envs: int, act: Callable[[int, Floats], Floats]) -> Trajectory:
    """Roll out parallel copies of a day.

    Args:
        market: The market.
        day: A training day.
        num_envs: Number of copies, P.
        act: `act(hour, observations)` draws the actions `[P, learners, 3]` of an hour.
    """
    sim, goals = market.day(day, num_envs), training_goals(market, day)
    return play_out(market, sim, goals, Scales.of(market, day, market.learners), act)


def play_out(
    market: Market,
    sim: Played,
    goals: Goals,
    scales: Scales,
    act: Callable[[int, Any], Any],
    home: Callable[[Any], Any] = on_processor,
) -> Trajectory:
    """Play copies of days from midnight to the end.

    Args:
        market: The market.
        sim: The copies at midnight.
        goals: Goals of the copies.
        scales: Scales of the copies' observations.
        act: `act(hour, observations)` draws the actions `[P, learners, 3]` of an hour.
        home: Function that puts an array of numpy where the copies' arrays are.

    Returns:
        The trajectory, with its arrays where the copies' are.
    """
    settings, learners = market.scenario.learner, home(market.learners)
    fixed, start = home(market.fixed), home(starting_coefficients(market))
    observations, actions, rewards = [], [], []
    before = 0.0
    for hour in range(HOURS):
        observations.append(observations_of(market, sim.state, scales, learners))
        actions.append(act(hour, observations[-1]))
        sim.step(coefficients_with(fixed, learners, _logs(actions[-1]), start, "macg"))
        score = running_score(sim.rewarded, goals, settings)[learners]
        reward = score - before
        before = score
        if hour == HOURS - 1:
            reward = reward - reward_charge(sim.rewarded, goals, settings)[learners]
        rewards.append(reward.T.astype(np.float32))
    totals = sim.cumulative
    return Trajectory(
        np.stack(observations),
        np.stack(actions),
        np.stack(rewards),
        totals[:, COST].sum(axis=0) / goals.revenue_scale,
        global_profit(totals, goals),
    )


def _logs(actions: Any) -> Any:
    """Return the log multipliers that actions bid with."""
    return np.clip(actions.astype(np.float64), -LARGEST, LARGEST)
