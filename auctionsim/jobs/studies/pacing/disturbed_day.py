"""Run a controller through a case: budgets that change, reports that are late, one budget for several campaigns.

`market.simulate.simulate_day` knows budgets that hold all day. Here each hour is a replay of its own, under the money that may
be spent in it, and the controller is shown what has been reported by then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.jobs.studies.pacing.cases import NOON, Case
from auctionsim.market.actions import action_arrays, check_bids
from auctionsim.market.day import MarketDay
from auctionsim.market.market import Market
from auctionsim.market.policy import DayState, Policy
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Account:
    """The money of a case: who spends which budget, and when it changes."""

    case: Case
    owner: NDArray[np.int64]
    """Index of the budget that each campaign spends, `[campaigns]`."""
    budgets: Array
    """Budgets at midnight, currency `[budgets]`."""

    @classmethod
    def of(cls, case: Case, budgets: Array) -> Account:
        """Return the money of a case.

        Args:
            case: The case.
            budgets: The budget of each campaign, or its part of the account's, currency `[campaigns]`.
        """
        n = len(budgets)
        return (
            cls(case, np.zeros(n, dtype=np.int64), budgets.sum(keepdims=True))
            if case.is_account
            else cls(case, np.arange(n), budgets)
        )

    def limits(self, hour: int) -> Array:
        """Return the budgets that hold in an hour, currency `[budgets]`."""
        return self.budgets * (1.0 - self.case.cut) if hour >= NOON else self.budgets

    def by_budget(self, amounts: Array) -> Array:
        """Return the sums of campaigns' amounts over each budget, `[budgets]`."""
        return np.bincount(self.owner, amounts, minlength=len(self.budgets)).astype(np.float64)

    def left(self, hour: int, spent: Array) -> Array:
        """Return what each campaign may still spend: its part of what is left, currency `[campaigns]`.

        Args:
            hour: The hour that begins.
            spent: Spend of each campaign so far, currency `[campaigns]`.
        """
        members = np.bincount(self.owner)
        part: Array = np.maximum(self.limits(hour) - self.by_budget(spent), 0.0) / members
        return part[self.owner]


def run_case(account: Account, market: Market, policy: Policy, day: int) -> Array:
    """Return impressions, clicks, conversions, GMV and cost of each hour and campaign, `[24, campaigns, 5]`.

    Args:
        account: The money of the case.
        market: Its market.
        policy: The controller of all campaigns.
        day: A test day.

    Raises:
        ValueError: The controller acts in other steps than hours.
    """
    n, delay = len(market.advertisers), account.case.delay
    actor = policy.begin(market, day, 1)
    if getattr(actor, "steps", None) is not None:
        raise ValueError("steps: expected a controller that acts by the hour, got other steps")
    source = getattr(actor, "source", None) or market.traffic_source
    hours = np.zeros((HOURS, n, len(OUTCOMES)))
    for hour in range(HOURS):
        reported = hours[: max(hour - delay, 0)]
        cumulative = reported.sum(axis=0)
        left = account.left(hour, cumulative[:, COST])
        last = reported[-1] if len(reported) else np.zeros_like(cumulative)
        state = DayState(day, hour, hour, left[:, None].copy(), last[:, :, None].copy(), cumulative[:, :, None])
        theta, share = action_arrays(actor.act(state), (n, market.phi.shape[1], 1), type(policy).__name__)
        check_bids(theta, share, type(policy).__name__, market.advertisers)
        # With late reports nobody knows what is left: the platform serves until it reads that the budget is spent.
        allowed = np.where(left > 0, np.inf, 0.0) if delay else left
        step = MarketDay(market, day, source=source, budgets=allowed, seed=market.seed, first_hour=hour)
        hours[hour] = step.step(theta, share)[:, :, 0]
    return hours
