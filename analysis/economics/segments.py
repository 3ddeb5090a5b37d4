"""Look at parts of a market: where revenue is missing, which parts are spared together, and what predicts the winner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.analysis.economics.coalitions import Chance
from auctionsim.analysis.economics.engagement import SHUFFLES, block_means, over_blocks
from auctionsim.names.display import short_repr
from auctionsim.ratios import safe_ratio, safe_ratios
from auctionsim.streams import stream

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

QUIET = 0.1
"""A player is engaged in a segment if its mean engagement there is at least this."""
FEWEST = 5
"""A segment needs at least so many auctions of the sample."""
UNLIKE = 0.9
"""Chance from which quiet queries have less traffic, or value, than others; more of it at 1 less this."""


@dataclass(frozen=True, eq=False)
class QuietSegments:
    """The hours or queries that advertisers spare together although the same ones compete elsewhere."""

    by: str
    """Kind of segment: hours or queries."""
    number: int
    """Number of quiet ones."""
    by_chance: int
    """The largest number among the shuffles."""
    p: float
    """Share of shuffles in which segments are as strikingly quiet; the choice among hours and queries is paid for."""
    share: float
    """Share of competitive revenue that is at stake in them."""
    missing: float
    """Share of it that is missing."""
    members: Integers
    """Indices of the advertisers that are engaged elsewhere and not there, `[members]`."""
    common_cause: str
    """A reason that each of them may have had by itself to spare these, in words; empty if nothing known of them is one."""

    __repr__ = short_repr


@dataclass(frozen=True)
class WorstSegment:
    """The segment that misses the most revenue."""

    by: str
    name: int
    """Number of the hour, query or day."""
    missing: float
    """Share of its competitive revenue that is missing."""

    __repr__ = short_repr


def quiet_segments(chance: Chance) -> QuietSegments:
    """Return the quiet hours or queries, whichever set themselves more apart from chance.

    A segment is quiet if nobody, or one at most, is engaged in it on average. Chance is each player's engagement by segment in
    another order.
    """
    auctions, engaged = chance.auctions, chance.engaged
    rng = stream(0, "quiet segments")
    found, by_chance = [], []
    for name, key in (("query", auctions.query), ("hour", auctions.hour)):
        values, block = np.unique(key, return_inverse=True)
        means, present = block_means(engaged, block)
        can = (present.sum(axis=1) >= 2) & (np.bincount(block) >= FEWEST)
        tables = [over_blocks(means, present, rng, is_time=name == "hour") for _ in range(SHUFFLES)]
        for most in (0, 1):
            is_quiet = can & _is_quiet(means, most)
            numbers = np.array([(can & _is_quiet(table, most)).sum() for table in tables])
            # One more than the variance, so that numbers which never vary do not count without limit.
            spread = np.sqrt(numbers.var() + 1)
            by_chance.append((numbers - numbers.mean()) / spread)
            found.append(((float(is_quiet.sum()) - numbers.mean()) / spread, name, values, block, can, is_quiet, numbers))
    striking, name, values, block, can, is_quiet, numbers = max(found, key=lambda one: one[0])
    p = (1 + int((np.max(by_chance, axis=0) >= striking).sum())) / (1 + SHUFFLES)
    there = is_quiet[block]
    had, paid = auctions.competition().revenue, auctions.outcome().revenue
    at_stake = float(had[there].sum())
    return QuietSegments(
        name, int(is_quiet.sum()), int(numbers.max()), p,
        safe_ratio(at_stake, float(had.sum()), otherwise=0.0),
        safe_ratio(float((had - paid)[there].sum()), at_stake, otherwise=0.0),
        _sparing(chance, there),
        _hours_in_a_row(values[can], is_quiet[can]) if name == "hour" else _unlike_others(auctions, block, can, is_quiet),
    )  # fmt: skip


def _hours_in_a_row(hours: Integers, is_quiet: NDArray[np.bool_]) -> str:
    """Return in words that the quiet hours follow each other, as a night does; empty if they do not."""
    begins = is_quiet & ~np.roll(is_quiet, 1)
    if begins.sum() != 1:
        return ""
    first = int(hours[begins][0])
    last = int(hours[is_quiet & ~np.roll(is_quiet, -1)][0])
    return f"they are the hours from {first} to {last}, which may be everybody's night"


def _unlike_others(auctions: Auctions, block: Integers, can: NDArray[np.bool_], is_quiet: NDArray[np.bool_]) -> str:
    """Return in words that quiet queries are those with the least or most traffic or value of all; empty if they are not."""
    quiet, others = is_quiet & can, can & ~is_quiet
    if not quiet.any() or not others.any():
        return ""
    number = np.bincount(block).astype(np.float64)
    value = np.bincount(block, np.where(auctions.exists, auctions.value, 0.0).max(axis=1)) / number
    for name, figure in (("traffic", number), ("value", value)):
        one, other = figure[quiet][:, None], figure[others][None, :]
        # The chance that a quiet query has less than another one.
        less = float(((one < other) + 0.5 * (one == other)).mean())
        if not 1 - UNLIKE < less < UNLIKE:
            return f"they are queries of {'little' if less > 0.5 else 'much'} {name}, which each may spare for that"
    return ""


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
    return safe_ratio(_entropy(best_who[sold], by[sold]) - _entropy(winner[sold], by[sold]), _entropy(best_who[sold], by[sold]))


def _is_quiet(means: Array, most: int) -> NDArray[np.bool_]:
    """Return the segments in which at most `most` players are engaged."""
    return np.asarray((means >= QUIET).sum(axis=1) <= most)


def _sparing(chance: Chance, quiet: NDArray[np.bool_]) -> Integers:
    """Return the advertisers that are engaged less than half as much in quiet auctions as elsewhere, and bid less than half.

    Bids in currency count too, since whoever bids the same everywhere is engaged less where clicks are worth more.
    """
    engaged, auctions = chance.engaged, chance.auctions
    found = []
    for k, i in enumerate(engaged.players):
        own = engaged.is_in[:, k]
        there, elsewhere = engaged.share[own & quiet, k], engaged.share[own & ~quiet, k]
        mine = (auctions.who == i) & auctions.could_bid
        bids = [auctions.bid[chosen[:, None] & mine] for chosen in (quiet, ~quiet)]
        if not len(there) or not len(bids[0]):
            continue
        is_less = len(elsewhere) == 0 or there.mean() < 0.5 * elsewhere.mean()
        is_lower = len(bids[1]) == 0 or np.median(bids[0]) < 0.5 * np.median(bids[1])
        if is_less and is_lower:
            found.append(int(i))
    return np.array(found, dtype=np.int64)


def _entropy(names: Integers, segment: Integers) -> float:
    """Return the entropy of names within segments, in nats, weighted by their sizes."""
    if not len(names):
        return 0.0
    pairs, count = np.unique(np.stack([segment, names]), axis=1, return_counts=True)
    total = np.bincount(pairs[0], count)
    share = count / total[pairs[0]]
    return float(-(count * arithmetic.log(share)).sum() / count.sum())
