"""Tell low bids that all have in common from the low bids of advertisers that learned nothing.

Both pay little, and from both rivals could take auctions by bidding more. But advertisers that learned nothing, each for
itself, bid different shares of their values, so that ads are matched badly. A cartel that shades in common keeps the match.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.economics import indices
from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.clearing import sums_by
from auctionsim.names.display import short_repr
from auctionsim.ratios import safe_ratio

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

LOW = 0.6
"""A low bidder bids less than this share of its values, weighted by clicks, above the reserve."""
SPREAD = 1.6094379124341003
"""Independent low bidders are taken to differ by up to a factor of five, evenly in logs."""


@dataclass(frozen=True, eq=False)
class LowBids:
    """The low bidders of some auctions and what their bids have in common."""

    bidders: Integers
    """Their indices, `[bidders]`."""
    missing: float
    """Share of competitive revenue that is missing where two of them are the two best by value."""
    matching: float
    """Match of ads to values there: 1 if slots go by value, 0 if at random; NaN if there are no such auctions."""
    agreement: float
    """Chance that so many independent levels agree as closely as theirs do; 1 for fewer than two."""

    __repr__ = short_repr


def low_bids(auctions: Auctions) -> LowBids:
    """Measure what low bidders have in common.

    Args:
        auctions: The auctions with bids.
    """
    reserve, n = auctions.rules.reserve, len(auctions.names)
    above = np.maximum(auctions.value - reserve, 0.0)
    offered = np.minimum(np.maximum(auctions.bid - reserve, 0.0), above)
    weight, over = (np.where(auctions.is_in, array * auctions.clicks, 0.0) for array in (above, offered))
    sums = [sums_by(auctions.who, array, n) for array in (over, weight)]
    is_low = np.divide(sums[0], sums[1], out=np.ones(n), where=sums[1] > 0) < LOW
    bidders = np.flatnonzero(is_low)
    agreement = _agreement(auctions, bidders)
    order = np.argsort(-np.where(auctions.is_in, auctions.quality * auctions.value, 0.0), axis=1, kind="stable")[:, :2]
    if order.shape[1] < 2:
        return LowBids(bidders, 0.0, float("nan"), agreement)
    top, there = (np.take_along_axis(array, order, axis=1) for array in (auctions.who, auctions.is_in))
    chosen = (there & np.append(is_low, False)[top]).all(axis=1)
    if not chosen.any():
        return LowBids(bidders, 0.0, float("nan"), agreement)
    own = auctions.rows(chosen)
    done, best = own.outcome(), own.outcome(own.value, "vcg")
    missing = indices.suppression(float(done.revenue.sum()), float(best.revenue.sum()))
    by_chance = _at_random(own)
    welfare, most = float(done.welfare(own.value).sum()), float(best.welfare(own.value).sum())
    return LowBids(bidders, missing, safe_ratio(welfare - by_chance, most - by_chance), agreement)


def _at_random(auctions: Auctions) -> float:
    """Return the expected welfare if slots went to candidates at random, currency."""
    worth = np.where(auctions.is_in, auctions.value * auctions.clicks, 0.0).sum(axis=1)
    number, effect = auctions.is_in.sum(axis=1), np.array(auctions.rules.slot_effect)
    shown = np.cumsum(effect)[np.minimum(np.maximum(number, 1), len(effect)) - 1]
    return float((worth / np.maximum(number, 1) * shown).sum())


def _agreement(auctions: Auctions, bidders: Integers) -> float:
    """Return the chance that independent levels, even in logs over a factor of five, lie as close together.

    m even draws lie within a share x of their interval with the chance m x^(m-1) - (m-1) x^m. The range is estimated from the
    standard deviation, which one advertiser alone changes less. For example 5 bidders at 8 to 10.4 % of value, a range of 0.26
    in logs: 5 x 0.16^4 - 4 x 0.16^5 = 0.3 %.
    """
    levels = []
    for i in bidders:
        mine = (auctions.who == i) & auctions.is_in & (auctions.value > 0) & (auctions.bid > 0)
        if mine.any():
            levels.append(float(np.median(arithmetic.log(auctions.bid[mine] / auctions.value[mine]))))
    m = len(levels)
    if m < 2:
        return 1.0
    # The range of m even draws over an interval of length L is L (m-1) / (m+1) on average, their deviation L / sqrt(12).
    x = min(1.0, float(np.std(levels)) * np.sqrt(12) * (m - 1) / (m + 1) / SPREAD)
    return float(m * arithmetic.power(x, m - 1) - (m - 1) * arithmetic.power(x, m))
