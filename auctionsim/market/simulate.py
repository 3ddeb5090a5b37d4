"""Run a day of a market under a policy: the one loop over a day's steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.day import outcome_of_hours
from auctionsim.auction.outcome import Outcome
from auctionsim.auction.sources import TableSource, TrafficSource
from auctionsim.market.day import MarketDay, split_action
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState, Policy
from auctionsim.traffic.steps import Steps
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
Intervention = Callable[[int, Array], None]
"""`intervene(hour, coefficients)` may write to the coefficients `[advertisers, 4, P]` before they are bid with."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A day as it went, for P policies side by side."""

    outcome: Outcome
    """Outcomes by hour, arrays `[24, advertisers, P]`."""
    sim: MarketDay
    """The day at its end."""
    steps: Steps | None
    """The steps in which it ran; hours where None."""
    step_hours: tuple[int, ...]
    """Hour in which each step began."""
    bids: tuple[Array, ...]
    """Coefficients of each step, those of rules included, `[advertisers, 4, P]`."""
    budgets_left: tuple[Array, ...]
    """Currency left after each step, `[advertisers, P]`."""

    @property
    def source(self) -> TrafficSource:
        """The traffic with the bid features that were bid on."""
        return self.sim.source

    @property
    def phi(self) -> Array | None:
        """Bid features of every row of the table, `[rows, 4]`; None where it is not in memory."""
        return self.source.phi if isinstance(self.source, TableSource) else None

    @property
    def coefficients(self) -> Array:
        """Coefficients of each hour, `[24, advertisers, 4, P]`.

        Of several steps in an hour the last one's count; a step that is longer fills its hours.
        """
        return self._by_hour(self.bids)

    @property
    def budget_left(self) -> Array:
        """Currency left at the end of each hour, infinite without a budget, `[24, advertisers, P]`."""
        return self._by_hour(self.budgets_left)

    def _by_hour(self, by_step: Sequence[Array]) -> Array:
        n_policies = self.outcome.cost.shape[-1]
        found = np.empty((HOURS, *by_step[0].shape[:-1], n_policies))
        ends = (*self.step_hours[1:], HOURS)
        for begin, end, array in zip(self.step_hours, ends, by_step, strict=True):
            found[begin : max(end, begin + 1)] = array
        return found


def simulate_day(
    market: Market,
    day: int,
    policy: Policy,
    *,
    n_policies: int = 1,
    intervene: Intervention | None = None,
    local_credit: bool = False,
) -> Trajectory:
    """Run a day from its first to its last step under a policy.

    Args:
        market: The market, with its budgets and rules.
        day: A day of its traffic.
        policy: What bids for everybody; NaN coefficients leave an advertiser to its rule.
        n_policies: P, how many policies, or copies of the day, run side by side.
        intervene: A function that may change the coefficients of a step before they are bid with.
        local_credit: Whether to sum, for each advertiser, profit and cost of the auctions that it is a candidate in.

    Returns:
        The day as it went.
    """
    actor = policy.begin(market, day, n_policies)
    source, steps = getattr(actor, "source", None), getattr(actor, "steps", None)
    sim = market.day(day, n_policies, local_credit=local_credit, source=source, steps=steps)
    hours = np.zeros((HOURS, *sim.last_step.shape))
    step_hours, bids, budgets_left = [], [], []
    while not sim.is_over:
        hour = sim.hour
        theta, share = split_action(actor.act(sim.state))
        if intervene is not None or theta.shape[-1] != n_policies:
            theta = np.array(np.broadcast_to(theta, (*theta.shape[:-1], n_policies)))
        if intervene is not None:
            intervene(hour, theta)
        hours[hour] += sim.step(theta, share)
        step_hours.append(hour)
        bids.append(sim.coefficients)
        budgets_left.append(sim.budget_left.copy())
    return Trajectory(outcome_of_hours(hours), sim, steps, tuple(step_hours), tuple(bids), tuple(budgets_left))


@dataclass(frozen=True, eq=False)
class Recorded:
    """Bid as on a day that was run, whatever happens: rivals that do not react."""

    trajectory: Trajectory

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (the day is the recorded one)
        """Repeat the coefficients of each step, on the same bid features."""

        def act(state: DayState) -> Array:
            return self.trajectory.bids[state.steps_done]

        return DayPolicy(act, self.trajectory.source, self.trajectory.steps)
