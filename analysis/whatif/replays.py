"""Totals of replayed days, whole and without a part of their auctions, and the intervals of figures that are made of them.

A figure is a function of totals: revenue, a price per click, a difference of two replays of the same auctions. Its interval is
the wider one of two. Over days: the jackknife over days, which for a sum is the t interval of `statistics.day_interval`. Over
auctions: the delete-a-group jackknife (Tukey 1958) over the groups of `left_out`, with Student's t; the number of auctions
is random there, too. The first holds the second in expectation; with few days it may fall below it by chance.

Where there is one day, the second stands alone, and the interval is about other auctions of the same day. docs/what-if.md has
the measured coverage (`python benchmarks/whatif_coverage.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.statistics import Interval, t_quantile
from auctionsim.analysis.whatif.left_out import GROUPS
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, GMV, IMPRESSIONS
from auctionsim.names.display import short_repr
from auctionsim.ratios import safe_ratios

Array = NDArray[np.float64]
Figure = Callable[[Array], Array]
"""A figure as a function of outcomes `[..., 5]`, in the order of `auction.outcome.OUTCOMES`; returns `[...]`."""

FIGURES: dict[str, Figure] = {
    "revenue": lambda totals: totals[..., COST],
    "impressions": lambda totals: totals[..., IMPRESSIONS],
    "clicks": lambda totals: totals[..., CLICKS],
    "conversions": lambda totals: totals[..., CONVERSIONS],
    "cpc": lambda totals: safe_ratios(totals[..., COST], totals[..., CLICKS]),
    "welfare": lambda totals: totals[..., GMV],
    "profit": lambda totals: totals[..., GMV] - totals[..., COST],
}
"""The figures of the whole market: currency, counts, currency per click; welfare is the value of all conversions."""
ADVERTISER_FIGURES: dict[str, Figure] = {
    "profit": FIGURES["profit"],
    "spend": FIGURES["revenue"],
    "impressions": FIGURES["impressions"],
    "clicks": FIGURES["clicks"],
    "conversions": FIGURES["conversions"],
    "cpc": FIGURES["cpc"],
    "gmv": FIGURES["welfare"],
}
"""The figures of each advertiser."""


@dataclass(frozen=True, eq=False)
class Replays:
    """Outcomes of D days, each whole and without each of G groups of its auctions."""

    whole: Array
    """Outcomes of each day, `[D, advertisers, 5]`."""
    sums: Array
    """Outcomes of each day, all advertisers added up as `Outcome.cost.sum()` does, to the last digit, `[D, 5]`."""
    without: Array | None = None
    """Outcomes of each day without a group of auctions, `[D, G, advertisers, 5]`; None where no intervals are asked for."""

    __repr__ = short_repr

    @property
    def total(self) -> Array:
        """Return the outcomes of all days, `[advertisers, 5]`."""
        return np.asarray(self.whole.sum(axis=0))

    @property
    def market(self) -> Replays:
        """Return the same with all advertisers added up, `[..., 1, 5]`."""
        without = None if self.without is None else self.without.sum(axis=2, keepdims=True)
        return Replays(self.sums[:, None, :], self.sums, without)


@dataclass(frozen=True, eq=False)
class Estimates:
    """One figure of every advertiser, or of the market, with the ends of its interval; each `[advertisers]`."""

    value: Array
    low: Array
    high: Array
    over: str
    """The replicates of the interval, `days` or `auctions`; empty where there is none."""

    __repr__ = short_repr

    def interval(self, index: int = 0) -> Interval:
        """Return the figure of one advertiser with its interval."""
        unknown = "" if self.over else "not asked for"
        return Interval(float(self.value[index]), float(self.low[index]), float(self.high[index]), self.over, unknown)


def estimate(figure: Callable[..., Array], *replays: Replays) -> Estimates:
    """Return a figure of one or several replays of the same auctions, with its interval.

    Args:
        figure: A function of as many arrays of outcomes `[..., 5]`.
        replays: The replays, whose days and groups of auctions are the same.
    """
    totals = [one.total for one in replays]
    value = np.asarray(figure(*totals), dtype=np.float64)
    nothing = np.full_like(value, math.nan)
    if any(one.without is None for one in replays):
        return Estimates(value, nothing, nothing, "")
    days = len(replays[0].whole)
    half = t_quantile(GROUPS - 1) * np.sqrt(_over_auctions(figure, replays, totals))
    if days > 1:
        half = np.maximum(half, t_quantile(days - 1) * np.sqrt(_over_days(figure, replays, totals)))
    return Estimates(value, value - half, value + half, "days" if days > 1 else "auctions")


def _over_days(figure: Callable[..., Array], replays: tuple[Replays, ...], totals: list[Array]) -> Array:
    """Return the squared standard error by leaving out each day, `[advertisers]`."""
    days = len(replays[0].whole)
    left = [(total - one.whole) * (days / (days - 1)) for one, total in zip(replays, totals, strict=True)]
    return _jackknife(np.asarray(figure(*left)))


def _over_auctions(figure: Callable[..., Array], replays: tuple[Replays, ...], totals: list[Array]) -> Array:
    """Return the squared standard error by leaving out each group of each day's auctions, `[advertisers]`."""
    found = np.zeros(totals[0].shape[0])
    for day in range(len(replays[0].whole)):
        left = [
            total - one.whole[day] + one.without[day] * (GROUPS / (GROUPS - 1))
            for one, total in zip(replays, totals, strict=True)
            if one.without is not None
        ]
        found = found + _jackknife(np.asarray(figure(*left)))
    return found


def _jackknife(values: Array) -> Array:
    """Return the squared standard error from the values without each of n parts, `[n, advertisers]`."""
    n = len(values)
    return np.asarray(np.square(values - values.mean(axis=0)).sum(axis=0) * (n - 1) / n)
