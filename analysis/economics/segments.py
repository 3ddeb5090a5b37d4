"""Look at parts of a market: where revenue is missing, which parts are spared together, and what predicts the winner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.coalitions import Chance
from auctionsim.ratios import safe_ratio, safe_ratios

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

QUIET = 0.1
"""A segment is quiet if the second most engaged bidder of its auctions is engaged less than this on average."""
FEWEST = 5
"""A segment needs at least so many auctions of the sample."""


@dataclass(frozen=True, eq=False)
class QuietSegments:
    """The segments in which nobody competes although the same advertisers do elsewhere."""

    by: str
    """What the segments are: queries, hours, days, or single auctions."""
    share: float
    """Share of competitive revenue that is at stake in them."""
    by_chance: float
    """The largest such share among the shuffles."""
    members: Integers
    """Indices of the advertisers that are engaged elsewhere and not there, `[members]`."""


@dataclass(frozen=True)
class WorstSegment:
    """The segment that misses the most revenue."""

    by: str
    name: int
    """Number of the hour, query or day."""
    missing: float
    """Share of its competitive revenue that is missing."""


def quiet_segments(chance: Chance) -> QuietSegments:
    """Return the quiet segments, by whichever division sets them most apart from chance."""
    auctions = chance.auctions
    revenue = auctions.competition().revenue
    keys = {"query": auctions.query, "hour": auctions.hour, "day": auctions.day, "auction": np.arange(len(auctions))}
    meet = chance.engaged.is_in.sum(axis=1) >= 2
    actual, shuffled = _second(chance.engaged.share), [_second(share) for share in chance.shuffled]
    best = QuietSegments("query", 0.0, 0.0, np.zeros(0, dtype=np.int64))
    for name, key in keys.items():
        block = np.unique(key, return_inverse=True)[1]
        fewest = 1 if name == "auction" else FEWEST
        quiet = _quiet(actual, block, meet, fewest)
        share = safe_ratio(float(revenue[quiet].sum()), float(revenue.sum()), otherwise=0.0)
        chances = [float(revenue[_quiet(second, block, meet, fewest)].sum()) for second in shuffled]
        by_chance = safe_ratio(max(chances), float(revenue.sum()), otherwise=0.0)
        if share - by_chance > best.share - best.by_chance:
            best = QuietSegments(name, share, by_chance, _sparing(chance, quiet))
    return best


def worst_segment(auctions: Auctions, revenue: Array, competitive: Array) -> WorstSegment:
    """Return the hour, query or day with the largest share of revenue missing, among those with >= 1 % of all.

    Args:
        auctions: The auctions.
        revenue: Revenue of each auction, currency `[auctions]`.
        competitive: The same in competition.
    """
    worst = WorstSegment("hour", 0, float("nan"))
    for name, key in (("hour", auctions.hour), ("query", auctions.query), ("day", auctions.day)):
        had, paid = np.bincount(key, competitive), np.bincount(key, revenue)
        missing = np.where(had >= 0.01 * had.sum(), safe_ratios(had - paid, had), np.nan)
        if np.isfinite(missing).any() and not np.nanmax(missing) <= worst.missing:
            worst = WorstSegment(name, int(np.nanargmax(missing)), float(np.nanmax(missing)))
    return worst


def winner_predicted(auctions: Auctions, by: Integers) -> float:
    """Return how much better a segment predicts the winner than values explain: 0 as values do, 1 if it names the winner.

    The statistic is 1 - H(winner | segment) / H(best by value | segment), with H the entropy within segments in nats, weighted
    by auctions. It is negative if winners vary more than the best by value do; NaN if the same advertiser is always the best.
    """
    winner = auctions.outcome().advertiser(auctions.who)[:, 0]
    best = np.where(auctions.exists, auctions.quality * auctions.value, -1.0).argmax(axis=1)
    best_who = auctions.who[np.arange(len(auctions)), best]
    sold = winner >= 0
    return safe_ratio(
        _entropy(best_who[sold], by[sold]) - _entropy(winner[sold], by[sold]), _entropy(best_who[sold], by[sold])
    )


def _second(share: Array) -> Array:
    """Return the second highest engagement in each auction."""
    if share.shape[1] < 2:
        return np.zeros(len(share))
    return np.asarray(np.partition(share, share.shape[1] - 2, axis=1)[:, -2])


def _quiet(second: Array, block: Integers, meet: NDArray[np.bool_], fewest: int) -> NDArray[np.bool_]:
    """Return the auctions of quiet segments."""
    count = np.bincount(block, meet)
    mean = np.divide(np.bincount(block, second * meet), count, out=np.ones_like(count), where=count > 0)
    is_quiet = (mean < QUIET) & (count >= fewest)
    return np.asarray(is_quiet[block] & meet)


def _sparing(chance: Chance, quiet: NDArray[np.bool_]) -> Integers:
    """Return the advertisers that are engaged less than half as much in quiet auctions as elsewhere."""
    engaged = chance.engaged
    found = []
    for k, i in enumerate(engaged.players):
        own = engaged.is_in[:, k]
        there, elsewhere = engaged.share[own & quiet, k], engaged.share[own & ~quiet, k]
        if len(there) and (not len(elsewhere) or there.mean() < 0.5 * elsewhere.mean()):
            found.append(int(i))
    return np.array(found, dtype=np.int64)


def _entropy(names: Integers, segment: Integers) -> float:
    """Return the entropy of names within segments, in nats, weighted by their sizes."""
    if not len(names):
        return 0.0
    pairs, count = np.unique(np.stack([segment, names]), axis=1, return_counts=True)
    total = np.bincount(pairs[0], count)
    share = count / total[pairs[0]]
    return float(-(count * np.log(share)).sum() / count.sum())
