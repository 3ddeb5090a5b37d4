"""Measure who bids in earnest where, and what bids would look like if nobody knew of the others.

An advertiser's *level* is the bid over value that it has shown it is ready to pay when it wins. It is *engaged* in an auction
where it bids close to its level, and stands aside where it bids far below it, or makes no bid. Whoever bids by its own lights
stands aside independently of its rivals; whoever takes turns, stands aside for a partner, or spares some queries together with
the others does not. Shuffling each advertiser's engagement over its own auctions, hours or queries shows what independence
looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auctionsim.analysis.economics.auctions import Auctions
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

SHUFFLES = 99
"""Number of times that engagement is shuffled: the smallest p-value is 1 %."""
LEAST, FULL = 0.25, 0.6
"""Engagement is 0 up to a quarter of an advertiser's level and 1 from this share of it."""
WINDOW = 8
"""Engagement is shuffled among so many auctions of a query that are nearest in value."""
EXPLAINED = 0.8
"""Bids are shuffled by hour, query or day if these explain at least this share of the variance of engagement."""
TIMES = ("day", "hour", "day and hour")
"""Units that follow each other."""
PERSISTENT = 0.25
"""Correlation of a player's engagement with that of the next hour or day, from which it has stretches of its own."""


@dataclass(frozen=True, eq=False)
class Engagement:
    """Engagement of some advertisers in every auction: arrays `[auctions, players]`."""

    players: Integers
    """Indices of the advertisers, `[players]`."""
    is_in: NDArray[np.bool_]
    """Whether the player could take part and gain from a click."""
    worth: Array
    """The player's value of a click; 0 where it is not in."""
    share: Array
    """Engagement in [0, 1]; 0 where it is not in."""
    query: Integers
    """Query of each auction, `[auctions]`."""
    unit: str
    """Unit by which bids are shuffled: `auction`, `hour`, `day and hour`, `query` or `day`."""
    block: Integers
    """Number of each auction's block, `[auctions]`."""

    __repr__ = short_repr

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks; of auctions where bids are shuffled by auction."""
        return int(self.block.max(initial=0)) + 1

    @property
    def table(self) -> Array:
        """Return what is shuffled: engagement in every auction, or its means by block, `[auctions or blocks, players]`."""
        return self.share if self.unit == "auction" else block_means(self, self.block)[0]

    def shuffled(self, rng: np.random.Generator) -> Array:
        """Return the table shuffled within each player: over blocks, or over auctions of one query and about one value."""
        if self.unit == "auction":
            return self._windows.shuffled(rng)
        return over_blocks(*block_means(self, self.block), rng, is_time=self.unit in TIMES)

    @cached_property
    def _windows(self) -> _Windows:
        return _Windows.of(self)


@dataclass(frozen=True, eq=False)
class _Windows:
    """Where engagement is shuffled: windows of up to `WINDOW` auctions of one query that are worth about the same to a player.

    Built once for all shuffles. A table of a row per window has its entries to the left; those beyond a window's end are empty.
    """

    shape: tuple[int, ...]
    entry: Integers
    """Index of each entry in engagement's array, read as one line: player by player, window by window."""
    position: Integers
    """Index of each entry in the table of windows, read as one line."""
    share: Array
    """Engagement, `[windows, WINDOW]`."""

    __repr__ = short_repr

    @classmethod
    def of(cls, engagement: Engagement) -> _Windows:
        """Return the windows of all players."""
        n_players, n_windows = engagement.share.shape[1], 0
        entries, positions = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for k in range(n_players):
            own = np.flatnonzero(engagement.is_in[:, k])
            order = own[np.lexsort((engagement.worth[own, k], engagement.query[own]))]
            query = engagement.query[order]
            within = np.arange(len(order)) - np.searchsorted(query, query)
            window = n_windows + np.cumsum(within % WINDOW == 0) - 1
            n_windows += int((within % WINDOW == 0).sum())
            entries.append(order * n_players + k)
            positions.append(window * WINDOW + within % WINDOW)
        entry, position = np.concatenate(entries), np.concatenate(positions)
        share = np.zeros(n_windows * WINDOW)
        share[position] = engagement.share.ravel()[entry]
        return cls(engagement.share.shape, entry, position, share.reshape(n_windows, WINDOW))

    def shuffled(self, rng: np.random.Generator) -> Array:
        """Return engagement with each player's shuffled within the windows, `[auctions, players]`."""
        draw = np.full(self.share.size, np.inf)
        draw[self.position] = rng.random(len(self.position))
        mixed = np.take_along_axis(self.share, np.argsort(draw.reshape(self.share.shape), axis=1, kind="stable"), axis=1)
        found = np.zeros(self.shape)
        found.ravel()[self.entry] = mixed.ravel()[self.position]
        return found


def engagement_of(auctions: Auctions, players: Integers) -> Engagement:
    """Measure engagement.

    Args:
        auctions: The auctions, with bids.
        players: Indices of the advertisers to look at, `[players]`.
    """
    worth = np.where(auctions.could_bid & (auctions.value > auctions.rules.reserve), auctions.value, 0.0)
    ratio = np.divide(auctions.bid, worth, out=np.zeros_like(worth), where=worth > 0)
    # A bid at the very reserve is the least that one can bid, however low the value.
    ratio[(auctions.rules.reserve > 0) & (np.abs(auctions.bid / max(auctions.rules.reserve, 1e-300) - 1) < 1e-6)] = 0.0
    winner = auctions.outcome().column
    is_shown = np.zeros(worth.shape, dtype=bool)
    for slot in range(winner.shape[1]):
        shown = np.flatnonzero(winner[:, slot] >= 0)
        is_shown[shown, winner[shown, slot]] = True
    shape = (len(auctions), len(players))
    is_in, values, share = np.zeros(shape, dtype=bool), np.zeros(shape), np.zeros(shape)
    for k, i in enumerate(players):
        row, column = np.nonzero((auctions.who == i) & (worth > 0))
        own = ratio[row, column]
        won = own[is_shown[row, column]]
        shown_level = float(np.quantile(won, 0.9)) if len(won) else 0.0
        level = shown_level if shown_level > 0 else float(own.max(initial=0.0))
        is_in[row, k] = True
        values[row, k] = worth[row, column]
        if level > 0:
            share[row, k] = np.clip((own / level - LEAST) / (FULL - LEAST), 0.0, 1.0)
    unit, block = _unit(auctions, is_in, share)
    return Engagement(players, is_in, values, share, auctions.query, unit, block)


def _unit(auctions: Auctions, is_in: NDArray[np.bool_], share: Array) -> tuple[str, Integers]:
    """Return the coarsest unit that explains engagement, and each auction's block of it."""
    units = {
        "day": auctions.day,
        "hour": auctions.hour,
        "query": auctions.query,
        "day and hour": auctions.day * 24 + auctions.hour,
    }
    for name, key in units.items():
        block = np.unique(key, return_inverse=True)[1]
        if block.max(initial=0) > 0 and _explained(block, is_in, share) >= EXPLAINED:
            return name, block
    return "auction", np.arange(len(auctions))


def _explained(block: Integers, is_in: NDArray[np.bool_], share: Array) -> float:
    """Return the share of the variance of engagement within players that blocks explain, corrected for their number."""
    within = total = 0.0
    for k in range(share.shape[1]):
        own, group = share[is_in[:, k], k], block[is_in[:, k]]
        if len(own) < 2:
            continue
        count, sums = np.bincount(group), np.bincount(group, own)
        means = np.divide(sums, count, out=np.zeros_like(sums), where=count > 0)
        used = int((count > 0).sum())
        if len(own) > used:
            within += float(np.square(own - means[group]).sum()) / (len(own) - used) * len(own)
            total += float(np.square(own - own.mean()).sum()) / (len(own) - 1) * len(own)
    return 1 - within / total if total > 0 else 0.0


def block_means(engagement: Engagement, block: Integers) -> tuple[Array, NDArray[np.bool_]]:
    """Return each player's mean engagement by block, and whether it takes part there: `[blocks, players]` both."""
    n = int(block.max(initial=0)) + 1
    shape = (n, engagement.share.shape[1])
    means, present = np.zeros(shape), np.zeros(shape, dtype=bool)
    for k in range(shape[1]):
        own = engagement.is_in[:, k]
        count = np.bincount(block[own], minlength=n)
        present[:, k] = count > 0
        means[:, k] = np.bincount(block[own], engagement.share[own, k], minlength=n) / np.maximum(count, 1)
    return means, present


def over_blocks(means: Array, present: NDArray[np.bool_], rng: np.random.Generator, *, is_time: bool) -> Array:
    """Return means by block with each player's in another order, among the blocks in which it takes part.

    Blocks of time are turned by a random number of them where a player keeps to stretches, as with business hours: two shops
    that open for ten hours each in a row miss one another more often than if each of their hours were drawn by itself. Turns
    taken hour by hour are no stretches, and are shuffled.

    Args:
        means: Mean engagement, `[blocks, players]`.
        present: Whether the player takes part, `[blocks, players]`.
        rng: Generator that draws the orders.
        is_time: True if blocks are hours or days in order.
    """
    found = means.copy()
    for k in range(means.shape[1]):
        own = np.flatnonzero(present[:, k])
        if is_time and _is_persistent(means[own, k]):
            found[own, k] = np.roll(means[own, k], int(rng.integers(len(own))))
        else:
            found[own, k] = means[rng.permutation(own), k]
    return found


def _is_persistent(series: Array) -> bool:
    """Return whether a series is like its next block, the first following the last, as an hour follows another at midnight."""
    centered = series - series.mean() if len(series) else series
    variance = float(np.square(centered).sum())
    return variance > 0 and float((centered * np.roll(centered, 1)).sum()) >= PERSISTENT * variance
