"""Measure the goodness of fit of the traffic generator: statistics of a table and of generated markets side by side.

Distributions are compared by a distance from 0 (equal) to 1: total variation for hours, Kolmogorov-Smirnov for values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.names.display import short_repr
from auctionsim.traffic.fit.components import drift_variance
from auctionsim.traffic.fit.estimates import price_per_click
from auctionsim.traffic.fit.volumes import daily_counts
from auctionsim.traffic.table import HOURS, Traffic

Floats = NDArray[np.float64]

COLUMNS = {
    "pctr": "predicted click rate",
    "pcvr": "predicted conversion rate",
    "item_price": "value of a conversion",
    "keyword_bid": "keyword bid",
}
"""The columns whose distributions are compared, with their names in tables and figures."""


@dataclass(frozen=True)
class FitStatistic:
    """One statistic of a traffic table and of the markets drawn from its fit."""

    measure: str
    table: float
    drawn: float
    """The mean over the drawn markets."""
    distance: float | None = None
    """Distance between the table's distribution and a market's, 0 to 1, mean over markets; None for a plain number."""

    __repr__ = short_repr


def fit_statistics(table: Traffic, drawn: Sequence[Traffic]) -> list[FitStatistic]:
    """Compare a traffic table with markets drawn from its fit.

    Args:
        table: The traffic table that the generator was fitted to.
        drawn: Markets drawn from the fit, one per seed, each as large as the table or smaller.

    Returns:
        One statistic per property: hours, candidates, query volumes, each of `COLUMNS`, prices, and calibration of rates.
    """

    def both(measure: str, statistic: Callable[[Traffic], float], distance: float | None = None) -> FitStatistic:
        return FitStatistic(measure, statistic(table), float(np.mean([statistic(one) for one in drawn])), distance)

    hours = float(np.mean([np.abs(hour_shares(one) - hour_shares(table)).sum() / 2 for one in drawn]))
    rows = [
        both("share of the busiest hour", lambda t: float(hour_shares(t).max()), hours),
        both("candidates per auction", lambda t: float(np.average(np.diff(t.cell_start), weights=t.weight))),
        both("share of auctions of the top 10 % of queries", _top_tenth_share),
        both("daily change of query volumes (log)", lambda t: math.sqrt(drift_variance(daily_counts(t), np.array(t.days)))),
    ]
    for column, words in COLUMNS.items():
        own = cumulative_distribution(table, column)
        distance = float(np.mean([ks_distance(own, cumulative_distribution(one, column)) for one in drawn]))
        rows.append(both(f"{words}, mean", lambda t, c=column: _mean(t, c), distance))  # type: ignore[misc]
    rows.append(both("price per click under keyword bids", price_per_click))
    rows.append(both("true / predicted conversion rate", lambda t: _mean(t, "cvr") / _mean(t, "pcvr")))
    rows.append(both("true / predicted click rate", lambda t: _mean(t, "ctr") / _mean(t, "pctr")))
    return rows


def hour_shares(traffic: Traffic) -> Floats:
    """Return the share of auctions in each hour of the day, `[24]`; the shares sum to 1."""
    volume = np.bincount(traffic.hour, traffic.weight, minlength=HOURS)
    return volume / volume.sum()


def query_shares(traffic: Traffic) -> Floats:
    """Return the share of auctions of each query that has any, the largest first, `[queries]`."""
    volume = np.sort(np.bincount(traffic.query, traffic.weight))[::-1]
    return volume[volume > 0] / volume.sum()


def cumulative_distribution(traffic: Traffic, column: str) -> tuple[Floats, Floats]:
    """Return a column's distribution over candidates, weighted by auctions: ascending values, and the share up to each."""
    value: Floats = getattr(traffic, column)
    order = np.argsort(value, kind="stable")
    share = np.cumsum(traffic.row_weight[order], dtype=np.float64)
    return value[order], share / share[-1]


def ks_distance(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
    """Return the Kolmogorov-Smirnov distance: the largest difference of two cumulative distributions, 0 to 1."""
    grid = np.union1d(one[0], other[0])

    def at(value: Floats, share: Floats) -> Floats:
        return np.append(0.0, share)[np.searchsorted(value, grid, side="right")]

    return float(np.abs(at(*one) - at(*other)).max())


def _mean(traffic: Traffic, column: str) -> float:
    return float(np.average(getattr(traffic, column), weights=traffic.row_weight))


def _top_tenth_share(traffic: Traffic) -> float:
    shares = query_shares(traffic)
    return float(shares[: max(round(len(shares) / 10), 1)].sum())
