"""Divide an account's money among its campaigns at the beginning of an hour.

What an account has left is divided in whole, so that no campaign waits while there is money: first what is reserved for each by
its floor, then the rest in proportion to demand, up to the ceilings. A campaign cannot spend more than its allotment within the
hour, and allotments add up to no more than what is left: so an account never spends more than its budget, whoever bids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LEAST_DEMAND = 0.05
"""Demand of a campaign that spent nothing, as a share of the account's mean: it may want to spend in the next hour."""
_UNMET = 2.0
"""Factor on the spend of a campaign whose allotment ran out: it would have spent more, nobody knows how much."""
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Account:
    """An account of m campaigns."""

    name: str
    members: NDArray[np.int64]
    """Indices of its campaigns among the advertisers, `[m]`."""
    budget: float
    """Daily budget of all campaigns together, currency."""
    min_spend: float
    """Least daily spend of all campaigns together, currency; 0 for none."""
    floors: Array
    """Currency of each day's budget that is reserved for each campaign, `[m]`."""
    ceilings: Array
    """The most that each campaign may spend on a day, currency, `[m]`."""
    demand: Array
    """Demand where no hour tells it: spend under the baseline without budgets, currency, `[m]`."""


def allotments(account: Account, spent: Array, demand: Array) -> Array:
    """Divide what is left of an account's budget.

    Args:
        account: The account.
        spent: Spend of each campaign on the day so far, currency, `[m, P]`.
        demand: Money that each would like to spend, in any unit, >= 0, `[m, P]`.

    Returns:
        What each may spend from now on, currency, `[m, P]`; the sums are at most what is left.
    """
    left = np.maximum(account.budget - spent.sum(axis=0), 0.0)
    reserved = np.maximum(account.floors[:, None] - spent, 0.0)
    total = reserved.sum(axis=0)
    # What others spent beyond their floors was never reserved, so that reserves fit but for rounding.
    reserved *= np.divide(left, total, out=np.ones_like(left), where=total > left)
    room = np.maximum(account.ceilings[:, None] - spent - reserved, 0.0)
    free = np.maximum(left - reserved.sum(axis=0), 0.0)
    return (reserved + filled(free, room, demand)) * (1.0 - _ROUNDING)


def filled(amount: Array, room: Array, weight: Array) -> Array:
    """Pour amounts into vessels in proportion to weights, until they are full or nothing is left.

    10 into rooms of 2, 20 and 20 with weights of 1, 1 and 2 is 2, 8/3 and 16/3.

    Args:
        amount: Amounts >= 0, `[P]`.
        room: Rooms of the vessels, >= 0, `[m, P]`.
        weight: Weights, > 0, `[m, P]`.
    """
    got, left = np.zeros_like(room), amount.copy()
    # Each round but the last fills a vessel.
    for _ in range(len(room)):
        open_weight = np.where(room > got, weight, 0.0)
        total = open_weight.sum(axis=0)
        share = np.divide(open_weight, total, out=np.zeros_like(open_weight), where=total > 0)
        added = np.minimum(share * left, room - got)
        got, left = got + added, np.maximum(left - added.sum(axis=0), 0.0)
    return got


class Allotter:
    """Divides the money of all accounts hour by hour.

    Args:
        accounts: The accounts.
        budgets: Daily budgets of all advertisers, currency, `[advertisers, P]`, those of campaigns being their ceilings.
    """

    def __init__(self, accounts: Sequence[Account], budgets: Array) -> None:
        self._accounts, self._budgets = accounts, budgets.copy()
        self._hour = -1

    def is_due(self, hour: int) -> bool:
        """Return whether money is to be divided: once in an hour."""
        return hour != self._hour

    def budgets(self, hour: int, cost: Array, last: Array) -> Array:
        """Return how much each advertiser may have spent by the end of the hour, currency `[advertisers, P]`.

        Args:
            hour: The hour that begins.
            cost: Spend of the day so far, currency, `[advertisers, P]`.
            last: Spend of the last hour, currency, `[advertisers, P]`.
        """
        found = self._budgets.copy()
        for account in self._accounts:
            who = account.members
            is_unmet = cost[who] >= self._budgets[who] * (1 - 1e-9)
            demand = (
                np.where(is_unmet, _UNMET, 1.0) * last[who] if hour else np.repeat(account.demand[:, None], cost.shape[1], 1)
            )
            mean = demand.mean(axis=0)
            demand = np.maximum(demand, np.where(mean > 0, _LEAST_DEMAND * mean, 1.0))
            found[who] = cost[who] + allotments(account, cost[who], demand)
        self._hour, self._budgets = hour, found
        return found
