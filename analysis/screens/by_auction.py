"""Measure each auction by its own bids, so that labeled auctions can be told apart, and measure how well they can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.screens.log import BidLog
from auctionsim.ratios import NotDefined

Array = NDArray[np.float64]

_NORMAL_95 = 1.959963984540054


def variation(log: BidLog) -> Array:
    """Return the coefficient of variation of each auction's bids, NaN with fewer than two, `[auctions]`."""
    mean, second, _, _ = _moments(log, 2)
    return np.sqrt(second) / mean


def kurtosis(log: BidLog) -> Array:
    """Return the excess kurtosis of each auction's bids, unbiased for normal ones, NaN with fewer than four, `[auctions]`."""
    _, second, _, fourth = _moments(log, 4)
    n = np.where(log.counts >= 4, log.counts, np.nan).astype(np.float64)
    biased = np.divide(fourth, second * second, out=np.full(len(log), np.nan), where=second > 0)
    # From the variance with n - 1 below to that with n, then the unbiased form.
    plain = biased * (n / (n - 1.0)) * (n / (n - 1.0)) - 3.0
    return np.asarray((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * plain + 6.0))


def skewness(log: BidLog) -> Array:
    """Return the skewness of each auction's bids, its sign such that bids far better than most count as negative."""
    _, second, third, _ = _moments(log, 3)
    cubed = second * np.sqrt(second)
    found = np.divide(third, cubed, out=np.full(len(log), np.nan), where=cubed > 0)
    return found if log.lowest_wins else -found


def gap(log: BidLog) -> Array:
    """Return the gap of the two best bids as a share of the best, NaN with fewer than two, `[auctions]`."""
    best = _ordered(log)
    return np.asarray(np.abs(best[:, 1] - best[:, 0]) / best[:, 0])


def relative_distance(log: BidLog) -> Array:
    """Return the gap of the two best bids over the losers' standard deviation, NaN with fewer than three (Imhof 2017)."""
    ordered = _ordered(log)
    losers = ordered[:, 1:]
    n = np.isfinite(losers).sum(axis=1)
    mean = np.where(n > 0, np.nansum(losers, axis=1) / np.maximum(n, 1), np.nan)
    squares = np.nansum((losers - mean[:, None]) * (losers - mean[:, None]), axis=1)
    spread = np.sqrt(np.divide(squares, n - 1.0, out=np.full(len(log), np.nan), where=n >= 2))
    return np.divide(
        np.abs(ordered[:, 1] - ordered[:, 0]), spread, out=np.full(len(log), np.nan), where=np.nan_to_num(spread) > 0
    )


AUCTION_MEASURES: Mapping[str, tuple[Callable[[BidLog], Array], int]] = {
    "low variation": (variation, -1),
    "high kurtosis": (kurtosis, 1),
    "high skewness": (skewness, 1),
    "low skewness": (skewness, -1),
    "wide gap": (gap, 1),
    "relative distance": (relative_distance, 1),
}
"""Measures of single auctions, and the sign by which a larger number is more suspect."""


@dataclass(frozen=True)
class Separation:
    """How well a number tells labeled auctions apart: the chance that a labeled one has the larger, ties counting half."""

    auc: float
    low: float
    high: float
    labeled: int
    others: int

    def __str__(self) -> str:
        return f"{self.auc:.3f} [{self.low:.3f}, {self.high:.3f}]"


def separation(value: Array, is_labeled: NDArray[np.bool_]) -> Separation | NotDefined:
    """Return the area under the ROC curve with its 95 % interval (DeLong, DeLong and Clarke-Pearson 1988).

    Measured coverage: 93 % with 15 to 60 auctions of each kind, 95 to 96 % with hundreds.

    Args:
        value: A number of each auction, NaN where it has none, `[auctions]`.
        is_labeled: True for auctions that the label calls collusive, `[auctions]`.
    """
    known = np.isfinite(value)
    one, other = value[known & is_labeled], value[known & ~is_labeled]
    if len(one) < 2 or len(other) < 2:
        return NotDefined(f"{len(one)} labeled and {len(other)} other auctions have this number, and 2 of each are needed")
    ordered_one, ordered_other = np.sort(one), np.sort(other)
    above = (np.searchsorted(ordered_other, one, "left") + np.searchsorted(ordered_other, one, "right")) / (2.0 * len(other))
    below = 1.0 - (np.searchsorted(ordered_one, other, "left") + np.searchsorted(ordered_one, other, "right")) / (
        2.0 * len(one)
    )
    area = float(above.mean())
    half = _NORMAL_95 * float(np.sqrt(above.var(ddof=1) / len(one) + below.var(ddof=1) / len(other)))
    return Separation(area, max(area - half, 0.0), min(area + half, 1.0), len(one), len(other))


def _moments(log: BidLog, least: int) -> tuple[Array, Array, Array, Array]:
    """Return mean, variance with n - 1 below, and third and fourth central moments; NaN with fewer than `least` bids."""
    exists, n = log.exists, np.where(log.counts >= least, log.counts, np.nan).astype(np.float64)
    filled = np.where(exists, log.bid, 0.0)
    mean = filled.sum(axis=1) / n
    apart = np.where(exists, filled - np.nan_to_num(mean)[:, None], 0.0)
    square = apart * apart
    second = square.sum(axis=1) / (n - 1.0) if least > 1 else square.sum(axis=1) / n
    return mean, second, (square * apart).sum(axis=1) / n, (square * square).sum(axis=1) / n


def _ordered(log: BidLog) -> Array:
    """Return each auction's bids, the best first, NaN at the end, two columns or more."""
    signed = np.where(log.exists, log.bid if log.lowest_wins else -log.bid, np.inf)
    ordered = np.sort(signed, axis=1)
    ordered = np.where(np.isfinite(ordered), np.abs(ordered), np.nan)
    return ordered if ordered.shape[1] > 1 else np.hstack([ordered, np.full_like(ordered, np.nan)])
