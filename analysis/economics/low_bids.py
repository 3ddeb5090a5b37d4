"""Tell low bids that all have in common from the low bids of advertisers that learned nothing.

Both pay little, and from both rivals could take auctions by bidding more. But advertisers that learned nothing, each for
itself, bid different shares of their values, so that ads are matched badly. A cartel that shades in common keeps the match.

Where bids before learning are known, it counts whether bids have fallen since. Advertisers that began at about the same share
of their values are still near it while they learn to compete, and nobody set that share in common.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.economics import indices
from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.clearing import sums_by
from auctionsim.names.display import short_repr
from auctionsim.ratios import safe_ratio
from auctionsim.streams import stream

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

LOW = 0.6
"""A low bidder bids less than this share of its values, weighted by clicks, above the reserve."""
SPREAD = 1.6094379124341003
"""Logarithm of five: independent low bidders are taken to differ by up to that factor."""
DRAWS = 3_999
RISEN, FALLEN = 0.1, 0.05
"""Bids that rose by more than the first share, in the median of low bidders, have risen; by more than the second, fallen."""
COMPETING, NO_FASTER = 0.8, 0.9
"""Share of their values towards which competitors step; how much faster than that their shares come together if agreed on."""
MATCHED = 0.93
"""Match of ads at low bids, 1 for as well as by values, from which they are matched by value."""
_TURNS = 8
"""Exchanges of bids among the candidates of an auction, at most, that the match of ads by chance is the mean of."""


@dataclass(frozen=True, eq=False)
class LowBids:
    """The low bidders of some auctions and what their bids have in common."""

    bidders: Integers
    """Their indices, `[bidders]`."""
    missing: float
    """Share of competitive revenue that is missing where two of them are the two best by value."""
    matching: float
    """Match of ads to values there: 1 if slots go by value, 0 if as with exchanged bids; NaN if there are no such auctions."""
    agreement: float
    """Chance that so many independent levels agree as closely as theirs do; 1 for fewer than two, or on the way up."""
    began_so: bool = False
    """True if bids before learning are known, and learning did not set these: they have risen since, or were as they are."""

    __repr__ = short_repr


def low_bids(auctions: Auctions, start: Auctions | None = None) -> LowBids:
    """Measure what low bidders have in common.

    Args:
        auctions: The auctions with bids.
        start: The same auctions with the bids before anybody learned; None if they are not known.
    """
    is_low = _is_low(auctions)
    bidders = np.flatnonzero(is_low)
    levels = _levels(auctions, auctions.bid, bidders)
    known = np.isfinite(levels)
    order = np.argsort(-np.where(auctions.is_in, auctions.quality * auctions.value, 0.0), axis=1, kind="stable")[:, :2]
    top, there = (np.take_along_axis(array, order, axis=1) for array in (auctions.who, auctions.is_in))
    chosen = (there & np.append(is_low, False)[top]).all(axis=1) & (order.shape[1] > 1)
    missing, matching, interval, began_so, approaches = 0.0, float("nan"), SPREAD, False, False
    if chosen.any():
        own = auctions.rows(chosen)
        missing = indices.suppression(float(own.outcome().revenue.sum()), float(own.outcome(own.value, "vcg").revenue.sum()))
        matching = _match(own)
    if start is not None and known.sum() > 1:
        all_began = _levels(auctions, start.bid, bidders)
        # Whoever came later has no level to begin with; the others tell what learning did, if they are half of them.
        both = known & np.isfinite(all_began)
        began, now = all_began[both], levels[both]
        before = replace(auctions, bid=start.bid).rows(chosen) if chosen.any() else None
        began_so = 2 * len(began) >= max(known.sum(), 4) and _began_so(float(np.median(now - began)), before)
        if began_so:
            # The deviation of even draws over an interval is its length / sqrt(12).
            interval = min(SPREAD, float(_deviation(began)) * np.sqrt(12))
            approaches = _approach(arithmetic.exp(began), arithmetic.exp(now))
    n = int(known.sum())
    agreement = chance_of_agreement(float(_deviation(levels[known])), n, interval) if n > 1 and not approaches else 1.0
    return LowBids(bidders, missing, matching, agreement, began_so)


def _is_low(auctions: Auctions) -> NDArray[np.bool_]:
    """Return which advertisers bid low, `[advertisers]`."""
    reserve, n = auctions.rules.reserve, len(auctions.names)
    above = np.maximum(auctions.value - reserve, 0.0)
    offered = np.minimum(np.maximum(auctions.bid - reserve, 0.0), above)
    weight, over = (np.where(auctions.is_in, array * auctions.clicks, 0.0) for array in (above, offered))
    sums = [sums_by(auctions.who, array, n) for array in (over, weight)]
    return np.asarray(np.divide(sums[0], sums[1], out=np.ones(n), where=sums[1] > 0) < LOW)


def _began_so(change: float, before: Auctions | None) -> bool:
    """Return whether the low bids go back to those before learning.

    Advertisers that compete raise bids that were too low; all of them are still low on the way. Bids that neither rose nor fell
    are as they began if they followed values then. If they did not, learning made them follow: advertisers that share the
    market at the revenue that it had do so without raising them.

    Args:
        change: Median change of their levels, in logs.
        before: The auctions in which they meet, with the bids before learning; None if there are none.
    """
    if change >= float(arithmetic.log(1 + RISEN)):
        return True
    return change >= float(arithmetic.log(1 - FALLEN)) and before is not None and _match(before) >= MATCHED


def _approach(began: Array, now: Array) -> bool:
    """Return whether shares have come together no more than by steps towards competition.

    Who goes a part of the way to `COMPETING` comes nearer to others who do, in proportion: from shares of 0.1 and 0.2, half of
    the way leads to 0.45 and 0.5. A level that was agreed on brings bidders together without bringing them there.

    Args:
        began: Share of its value that each bid before learning, `[bidders]`.
        now: The same now.
    """
    far, left = (COMPETING - float(shares.mean()) for shares in (began, now))
    rose = float(now.mean()) > float(began.mean())
    return rose and far > 0 and float(_deviation(now)) * far >= NO_FASTER * float(_deviation(began)) * max(left, 0.0)


def _match(auctions: Auctions) -> float:
    """Return how well bids match ads to values: 1 if slots go by value, 0 if as with exchanged bids; NaN if these agree."""
    by_chance = _with_exchanged_bids(auctions)
    most = float(auctions.outcome(auctions.value, "vcg").welfare(auctions.value).sum())
    return safe_ratio(float(auctions.outcome().welfare(auctions.value).sum()) - by_chance, most - by_chance)


def _with_exchanged_bids(auctions: Auctions) -> float:
    """Return the welfare that the bids would bring if each auction's candidates had them in another order, currency.

    The platform ranks by quality as well, which matches ads to auctions whatever the bids are. What exchanged bids bring is
    what the platform does alone: bids that have nothing to do with values bring no more. The mean is over all turns of the bids
    one by one, or `_TURNS` evenly spaced ones of an auction with more candidates. For example bids of 1, 2 and
    3 become 2, 3 and 1, then 3, 1 and 2, and stay once, so that each candidate has each bid equally often.
    """
    number = auctions.is_in.sum(axis=1)
    turns = np.minimum(number, _TURNS)
    # Those who take part come first.
    column = np.argsort(~auctions.is_in, axis=1, kind="stable")
    packed = np.take_along_axis(auctions.bid, column, axis=1)
    position, worth = np.arange(packed.shape[1]), 0.0
    for turn in range(int(turns.max(initial=0))):
        shift = turn * number // np.maximum(turns, 1)
        other = np.where(position < number[:, None], (position + shift[:, None]) % np.maximum(number, 1)[:, None], position)
        bid = np.empty_like(packed)
        np.put_along_axis(bid, column, np.take_along_axis(packed, other, axis=1), axis=1)
        welfare = auctions.outcome(bid).welfare(auctions.value)
        worth += float((welfare / np.maximum(turns, 1))[turn < turns].sum())
    return worth


def chance_of_agreement(deviation: float, n: int, interval: float) -> float:
    """Return the chance that independent levels lie as close together, the larger of those under two assumptions.

    Levels are even over an interval, in logs or as shares. As shares more of them are at its upper end, so that they lie closer
    in logs. The chances are those of `DRAWS` draws. One of them is added, so that a chance is never 0, and never too small on
    average (Phipson and Smyth 2010). The deviation, unlike the range, changes little by one advertiser that bids otherwise.

    Args:
        deviation: Standard deviation of the levels' logarithms.
        n: Number of levels.
        interval: Length of the interval in logs.
    """
    even = stream(0, "independent levels", n).random((n, DRAWS))
    in_logs, as_shares = interval * even, arithmetic.log(1 + (arithmetic.exp(interval) - 1) * even)
    return max(float(1 + (_deviation(drawn) <= deviation).sum()) / (DRAWS + 1) for drawn in (in_logs, as_shares))


def _levels(auctions: Auctions, bid: Array, bidders: Integers) -> Array:
    """Return the share of its value that each bids, in logs, `[bidders]`: the median over its bids; NaN if it has none."""
    takes_part = auctions.is_in & (auctions.value > 0) & (auctions.bid > 0) & (bid > 0)
    levels = np.full(len(bidders), np.nan)
    for k, i in enumerate(bidders):
        mine = (auctions.who == i) & takes_part
        if mine.any():
            levels[k] = np.median(arithmetic.log(bid[mine] / auctions.value[mine]))
    return levels


def _deviation(levels: Array) -> Array:
    """Return the standard deviation of levels `[n]`, or of each column of `[n, draws]`; sums run in order, on any processor."""
    n, columns = len(levels), levels.reshape(len(levels), -1)
    return np.asarray(np.sqrt(np.square(columns - columns.sum(axis=0) / n).sum(axis=0) / n)).reshape(levels.shape[1:])
