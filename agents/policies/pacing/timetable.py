"""`timetable`: the `linear` bid with predictions corrected by the hour, 24 factors learned from the purchases of training days.

The plainest answer to conversion rates that have a daily curve and predictions that ignore it. The factors are our own; that
predictions are recalibrated on yesterday's outcomes is common practice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.pacing.linear import Linear
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState
from auctionsim.scenario import Regime

Array = NDArray[np.float64]


class Timetable:
    """Bid `b = b0 pcvr f_h / mean pcvr`: the bid of `linear` times the factor of the hour, from `hour_factors`.

    The factors come from the clicks of all advertisers under the baseline, as a platform would correct its predictions.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    name = "timetable"
    needs: Regime = "full"
    """Regime of `[information]` that shows what it needs: the clicks of all advertisers."""

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        bought, predicted = (amount.sum(axis=1) for amount in purchases_by_hour(market, market.scenario.traffic.train_days))
        self._factor = hour_factors(bought, predicted)
        self._linear = Linear(market, advertisers)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        """Bid by the hour's factor."""
        linear = self._linear.begin(market, day, n_policies)

        def act(state: DayState) -> Array:
            bids: Array = np.asarray(linear.act(state)) * self._factor[state.hour]
            return bids

        return DayPolicy(act)


def purchases_by_hour(market: Market, days: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the purchases of some days under the baseline, and those that the predictions announced, each `[24, advertisers]`.

    The second are the clicks of the same days times the mean pcvr of the clicked auctions.
    """
    bids = market.static(market.scenario.platform.baseline)
    as_predicted = market.in_expectation().with_rates(market.traffic.ctr, market.traffic.pcvr)
    bought, predicted = [], []
    for day in days:
        seen, announced = market.baseline[day], as_predicted.outcome(day, bids)
        rate = np.divide(
            announced.conversions, announced.clicks, out=np.zeros_like(announced.clicks), where=announced.clicks > 0
        )
        bought.append(seen.conversions[:, :, 0])
        predicted.append((seen.clicks * rate)[:, :, 0])
    return np.sum(bought, axis=0), np.sum(predicted, axis=0)


def hour_factors(bought: Array, predicted: Array) -> Array:
    """Return the factor on predictions in each hour: purchases over predicted ones, over the same ratio of the whole day.

    One purchase at the day's ratio is added to each hour, so that an hour without purchases still bids. For example, with
    1,000 purchases where 2,000 were predicted, an hour with 79 of 80 predicted has `(79 + 1) / (80 / 2 + 1) = 1.95`.

    Args:
        bought: Purchases by hour, `[24, ...]`.
        predicted: Predicted purchases by hour, `[24, ...]`.
    """
    total, announced = bought.sum(axis=0), predicted.sum(axis=0)
    ratio = np.divide(total, announced, out=np.zeros_like(announced), where=announced > 0)
    factors: Array = (bought + 1) / (predicted * ratio + 1)
    return factors
