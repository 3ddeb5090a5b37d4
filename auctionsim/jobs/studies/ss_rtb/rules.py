"""Define the arms of the SS-RTB study that learn no network: rules fitted to the training day, and one that knows the day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import DayPolicy, Policy
from auctionsim.agents.policies.keyword_bids import (
    HourlyAlpha,
    alpha_bids,
    base_alpha,
    common_value_alpha,
    linear,
    linear_alpha,
    timetable,
)
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant

Array = NDArray[np.float64]

LINEAR, TIMETABLE, OWN, SMOOTH = "linear", "timetable", "timetable, own purchases", "timetable, smoothed"
HINDSIGHT, COMMON, VALUE, BOUND = "timetable of the measured day", "common marginal value", "value over one lambda", "bound"


@dataclass(frozen=True, eq=False)
class Hindsight:
    """Bid by the timetable of the very day that is measured: the factors of a timetable that is right about the day."""

    market: Market
    _fitted: dict[int, HourlyAlpha] = field(default_factory=dict)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Fit the day's timetable where it is not yet known, and bid by it."""
        if day not in self._fitted:
            self._fitted[day] = timetable(self.market, day)
        return self._fitted[day].begin(market, day, n_policies)


def value_bids(market: Market) -> Constant:
    """Return the policy that bids each click's predicted value, pcvr x item price; matching its cost makes it value / lambda.

    It knows the item price of each auction, which alpha x pcvr does not.
    """
    theta = alpha_bids(market, 0 * base_alpha(market)[:, None])
    theta[market.learners, FEATURES.index("value")] = 1.0
    return Constant(theta)


RULES: dict[str, Callable[[Market, int], Policy]] = {
    LINEAR: lambda market, day: linear(market, linear_alpha(market.with_realized_rates(), day)),
    TIMETABLE: timetable,
    OWN: lambda market, day: timetable(market, day, own=True),
    SMOOTH: lambda market, day: timetable(market, day, smooth=True),
    HINDSIGHT: lambda market, day: Hindsight(market),  # noqa: ARG005
    COMMON: lambda market, day: linear(market, common_value_alpha(market, day)),
    VALUE: lambda market, day: value_bids(market),  # noqa: ARG005
}
"""Fit each rule, by its arm's name, from a market and its training day."""
