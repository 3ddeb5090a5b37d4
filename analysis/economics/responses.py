"""Measure for a run's evaluation how rivals respond to a deviation of one hour."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.economics.deviations import Punishment, best_multiplier, punishment
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.market.simulate import simulate_day
from auctionsim.ratios import safe_ratios
from auctionsim.traffic.table import HOURS

LAST_HOUR = 15
"""The latest hour of the deviation, which leaves the rivals hours to respond in."""


def response_rows(seed: int, market: Market, policy: Policy, day: int) -> pl.DataFrame:
    """Return one seed's rows of punishment.parquet: the response to the controlled advertiser with the highest profit.

    The advertiser deviates in its busiest hour up to 15, to the best multiple of its own bids. Columns, by `hours_since` the
    deviation: `rival_bids`: relative change of its rivals' mean bid; `profit`: change of its own profit, as a share of its
    profit of the undisturbed day, NaN unless that is > 0; `punished`: 1 or 0, the same in all rows.

    Args:
        seed: The seed of the market.
        market: The market.
        policy: The policy of all advertisers.
        day: The day to simulate.
    """
    profit = simulate_day(market, day, policy).outcome.profit[:, market.learners, 0]
    who, multiplier, found = _tested(market, policy, day, profit)
    hour = found.hour
    return pl.DataFrame(
        {
            "seed": [seed] * HOURS,
            "day": [day] * HOURS,
            "advertiser": [market.advertisers[who]] * HOURS,
            "multiplier": [multiplier] * HOURS,
            "hours_since": np.arange(HOURS) - hour,
            "rival_bids": found.rival_bids,
            # A gain of 3 against a loss of 2 is no 150 %: a share of a loss has no meaning.
            "profit": safe_ratios(found.profit, float(profit.sum(axis=0).max())),
            "punished": [int(found.is_punished)] * HOURS,
        }
    )


def is_deviation_punished(market: Market, policy: Policy, day: int) -> bool:
    """Return whether rivals punish the controlled advertiser with the highest profit for a best deviation of one hour.

    Args:
        market: The market.
        policy: The policy of all advertisers.
        day: The day to simulate.
    """
    if not len(market.learners):
        return False
    return _tested(market, policy, day, simulate_day(market, day, policy).outcome.profit[:, market.learners, 0])[2].is_punished


def _tested(market: Market, policy: Policy, day: int, profit: NDArray[np.float64]) -> tuple[int, float, Punishment]:
    """Return who deviates, to which multiple of its bids, and how rivals respond, given the learners' profits by hour."""
    who = int(market.learners[int(profit.sum(axis=0).argmax())])
    hour = int(market.hourly_auctions(day)[: LAST_HOUR + 1, who].argmax())
    multiplier = best_multiplier(market, day, policy, who)
    return who, multiplier, punishment(market, day, policy, who, hour, multiplier)
