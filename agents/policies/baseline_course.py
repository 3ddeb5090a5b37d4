"""The course of the baseline's day, as it is known at the start of each hour.

On the hours that are over it is what the baseline brought on this day, a replay of the keyword bids of auctions that everybody
has seen. On the hours to come it is what is expected, by the usual course of a training day. Nothing of an hour is used before
it is over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
PRIOR = 0.1
"""Weight of the usual day in what is expected of a day, as a share of a day."""


@dataclass(frozen=True, eq=False)
class BaselineCourse:
    """The baseline's day as known at the start of each hour, for n advertisers."""

    usual: Array
    """Totals of the mean training day, `[n, 5]`."""
    done: Array
    """Share of each outcome that a usual day has brought before the hour, `[24, 5]`."""
    now: Array
    """Share that it brings in the hour, `[24, 5]`."""
    rest: Array
    """Share that it brings from the hour on, `[24, 5]`, > 0."""
    before: Array
    """Totals of this day before the hour, `[24, n, 5]`."""
    coming: Array
    """Totals expected from the hour on, within budgets, `[24, n, 5]`."""

    __repr__ = short_repr


def baseline_course(market: Market, day: int) -> BaselineCourse:
    """Return the course of a day; it is made once for a market and a day."""
    return market.once("baseline's course", day, lambda: _course(market, day))


def _course(market: Market, day: int) -> BaselineCourse:
    by_hour = np.mean([_hourly(market, one) for one in market.scenario.traffic.train_days], axis=0)
    totals = by_hour.sum(axis=1)
    now = totals / np.maximum(totals.sum(axis=0), 1e-12)
    done = now.cumsum(axis=0) - now
    rest = np.maximum(np.maximum(1.0 - done, now), 1e-12)
    usual = by_hour.sum(axis=0)
    # A day that is neither of training nor of testing has no replay of the baseline.
    own = _hourly(market, day) if day in market.baseline else by_hour
    before = np.concatenate([np.zeros_like(own[:1]), own[:-1].cumsum(axis=0)])
    coming = (before + PRIOR * usual) * (rest / (done + PRIOR))[:, None]
    # The baseline spends no more than its budgets, in what is to come.
    left = np.maximum(market.budgets - before[:, :, COST], 0.0)
    coming = coming * np.minimum(1.0, left / np.maximum(coming[:, :, COST], 1e-12))[:, :, None]
    return BaselineCourse(usual, done, now, rest, before, coming)


def _hourly(market: Market, day: int) -> Array:
    """Return the baseline's outcomes of a day, `[24, n, 5]`."""
    outcome = market.baseline[day]
    return np.stack([getattr(outcome, name)[:, :, 0] for name in OUTCOMES], axis=2)
