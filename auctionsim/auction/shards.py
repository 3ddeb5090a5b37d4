"""An hour shared out to several replays that know little of each other: large days on many cores, nearly exact.

An hour is cut into windows of `sync` auctions and each window into shards, runs of cells of about as many auctions. The shards
of a window are replayed side by side, each with a share of every budget that is left; what they did not spend is left for the
next window. So no budget is exceeded; what differs from the exact replay, which goes auction by auction, is when within a
window a budget runs out. Where none does, only the order of sums does.

A budget that will not last for the window goes to its first shards alone, to each what one has cost lately: the exact replay
would spend it in the window's first auctions too. Were it shared out equally to the end, an advertiser would go on to
win an auction in every shard for the little that is left to charge it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.budgets import spent_below
from auctionsim.auction.day import DayReplay
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import Feed, Piece

Array = NDArray[np.float64]
Places = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Shard:
    """A run of cells of one hour, to be replayed by itself."""

    day: int
    hour: int
    places: Places
    """First cell's place in the hour, and that after the last."""
    budgets: Array
    """`[advertisers, P]`."""
    seed: int


def windows(weights: NDArray[np.int64], shards: int, sync: int) -> Iterator[list[Places]]:
    """The shards of each window of an hour; cells are not cut, so that windows and shards are about as large as asked.

    Args:
        weights: Auctions of every cell.
        shards: How many a window has, fewer where there are fewer cells.
        sync: Auctions of a window.
    """
    done = np.append(0, np.cumsum(weights))
    n_windows = max(1, round(int(done[-1]) / sync))
    edges = np.searchsorted(done, np.linspace(0, done[-1], n_windows * shards + 1))
    edges[-1] = len(weights)
    for k in range(n_windows):
        own = edges[k * shards : (k + 1) * shards + 1]
        window = [(int(a), int(b)) for a, b in pairwise(own) if a < b]
        if window:
            yield window


class Purse:
    """Budgets under way, shared out window by window.

    Args:
        budgets: Currency, `[advertisers, P]`, infinite for none.
    """

    def __init__(self, budgets: Array) -> None:
        self.left = budgets.copy()
        """Currency, `[advertisers, P]`."""
        self._nothing = spent_below(budgets)
        self._pace: Array | None = None
        self._funded = np.ones(1)

    def shares(self, auctions: float, shards: int) -> Array:
        """What each shard of a window may spend, `[shards, advertisers, P]`.

        Args:
            auctions: Of a shard, about.
            shards: How many the window has.
        """
        n = np.full(self.left.shape, float(shards))
        if self._pace is not None:
            need = self._pace * auctions
            np.divide(self.left, need, out=n, where=need > 0)
            n = np.clip(np.floor(n), 1.0, shards)
        self._funded = n * auctions
        return np.where(np.arange(shards)[:, None, None] < n, self.left / n, 0.0)

    def spend(self, cost: Array) -> None:
        """What a window brought to charge, `[advertisers, P]`."""
        self.left = np.maximum(self.left - cost, 0.0)
        self.left[self.left <= self._nothing] = 0.0
        pace = cost / self._funded
        self._pace = pace if self._pace is None else np.where(cost > 0, (self._pace + pace) / 2, self._pace)


def replay_shard(feed: Feed, rules: Rules, coefficients: Array, shard: Shard) -> Array:
    """Impressions, clicks, conversions, gmv and cost of a shard, `[advertisers, 5, P]`."""
    part = _Part(feed, shard.places)
    replay = DayReplay(
        part, shard.day, rules, policies=coefficients.shape[-1], budgets=shard.budgets, seed=shard.seed, first_hour=shard.hour
    )
    return replay.step(coefficients)


@dataclass(frozen=True)
class _Part:
    """A feed of which only some places are seen."""

    feed: Feed
    places: Places

    @property
    def advertisers(self) -> tuple[str, ...]:
        return self.feed.advertisers

    @property
    def most_rows(self) -> int:
        return self.feed.most_rows

    def weights(self, day: int, hour: int) -> NDArray[np.int64]:
        return self.feed.weights(day, hour)[slice(*self.places)]

    def pieces(self, day: int, hour: int, places: Places | None = None) -> Iterator[Piece]:
        return self.feed.pieces(day, hour, self.places if places is None else places)
