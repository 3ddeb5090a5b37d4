"""How much a drawn market looks like a table: figures side by side, and distances of distributions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Likeness:
    """One measure of the table and of the markets drawn."""

    measure: str
    table: float
    drawn: float
    """Mean over the markets."""
    distance: float | None = None
    """Between distributions, 0 (alike) to 1: total variation of hours, Kolmogorov-Smirnov of values; mean over the markets."""


def hour_shares(traffic: Traffic) -> Floats:
    """Share of auctions in each hour of the day, `[24]`."""
    volume = np.bincount(traffic.hour, traffic.weight, minlength=HOURS)
    return volume / volume.sum()


def query_shares(traffic: Traffic) -> Floats:
    """Share of auctions of each keyword that has any, the largest first."""
    volume = np.sort(np.bincount(traffic.query, traffic.weight))[::-1]
    return volume[volume > 0] / volume.sum()


def cumulated(traffic: Traffic, column: str) -> tuple[Floats, Floats]:
    """The distribution of a column over candidates, weighted by auctions: values ascending, and the share up to each."""
    value: Floats = getattr(traffic, column)
    order = np.argsort(value, kind="stable")
    share = np.cumsum(traffic.row_weight[order], dtype=np.float64)
    return value[order], share / share[-1]


def ks_distance(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
    """Largest difference of two cumulated distributions."""
    grid = np.union1d(one[0], other[0])

    def at(value: Floats, share: Floats) -> Floats:
        return np.append(0.0, share)[np.searchsorted(value, grid, side="right")]

    return float(np.abs(at(*one) - at(*other)).max())


def likeness(table: Traffic, drawn: Sequence[Traffic]) -> list[Likeness]:
    """Compare a table with markets drawn from its fit.

    Args:
        table: The table.
        drawn: One market for each of some seeds, of the same size or smaller.
    """

    def both(measure: str, of: Callable[[Traffic], float], distance: float | None = None) -> Likeness:
        return Likeness(measure, of(table), float(np.mean([of(one) for one in drawn])), distance)

    hours = float(np.mean([np.abs(hour_shares(one) - hour_shares(table)).sum() / 2 for one in drawn]))
    rows = [
        both("share of the busiest hour", lambda t: float(hour_shares(t).max()), hours),
        both("candidates of an auction", lambda t: float(np.average(np.diff(t.cell_start), weights=t.weight))),
        both("auctions of the largest tenth of keywords", _largest_tenth),
        both("change of keyword volumes a day (log)", lambda t: drift_variance(daily_counts(t), np.array(t.days)) ** 0.5),
    ]
    for column, words in COLUMNS.items():
        own = cumulated(table, column)
        distance = float(np.mean([ks_distance(own, cumulated(one, column)) for one in drawn]))
        rows.append(both(f"{words}, mean", lambda t, c=column: _mean(t, c), distance))  # type: ignore[misc]
    rows.append(both("price per click under keyword bids", price_per_click))
    rows.append(both("true over predicted conversions", lambda t: _mean(t, "cvr") / _mean(t, "pcvr")))
    rows.append(both("true over predicted clicks", lambda t: _mean(t, "ctr") / _mean(t, "pctr")))
    return rows


def _mean(traffic: Traffic, column: str) -> float:
    return float(np.average(getattr(traffic, column), weights=traffic.row_weight))


def _largest_tenth(traffic: Traffic) -> float:
    shares = query_shares(traffic)
    return float(shares[: max(round(len(shares) / 10), 1)].sum())
