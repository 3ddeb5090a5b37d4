"""What bids on a day: a policy opens the day and, hour by hour, gives everybody's coefficients from the day under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.outcome import Outcome
from auctionsim.market.market import Market

Array = NDArray[np.float64]


class Policy(Protocol):
    """P policies side by side. Holds nothing that changes over a day."""

    def open(self, market: Market, day: int, *, local_credit: bool = False) -> DayReplay:
        """The day, at its start."""

    def coefficients(self, market: Market, under_way: DayReplay) -> Array:
        """Coefficients over `bids.FEATURES` of all advertisers for the next hour, `[advertisers, 4, P]`."""


@dataclass(frozen=True, eq=False)
class Constant:
    """The same coefficients all day."""

    theta: Array
    """`[advertisers, 4, P]`."""

    def open(self, market: Market, day: int, *, local_credit: bool = False) -> DayReplay:
        """The day as it is."""
        return market.day(day, self.theta.shape[-1], local_credit=local_credit)

    def coefficients(self, market: Market, under_way: DayReplay) -> Array:  # noqa: ARG002  (whatever the day brings)
        """As they are."""
        return self.theta


@dataclass(frozen=True, eq=False)
class Scaled:
    """A policy whose bids are multiplied by a factor."""

    policy: Policy
    factor: Array
    """Of each advertiser, `[advertisers]`."""

    def open(self, market: Market, day: int, *, local_credit: bool = False) -> DayReplay:
        """As the policy opens it."""
        return self.policy.open(market, day, local_credit=local_credit)

    def coefficients(self, market: Market, under_way: DayReplay) -> Array:
        """The policy's times the factor."""
        return self.policy.coefficients(market, under_way) * self.factor[:, None, None]


def run_policy(policy: Policy, market: Market, day: int, *, local_credit: bool = False) -> tuple[Outcome, DayReplay]:
    """A whole day; its outcome, and the day at its end."""
    under_way = policy.open(market, day, local_credit=local_credit)
    return run_day(under_way, lambda _: policy.coefficients(market, under_way)), under_way
