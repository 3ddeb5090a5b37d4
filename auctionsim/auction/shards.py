"""Replay an hour in shards side by side: large days on many cores, nearly exact.

An hour is cut into sync windows of about `sync_interval` auctions, and each window into shards, runs of buckets with about as
many auctions each. The shards of a window are replayed side by side, each with an allotment of every budget that remains; what
they did not spend remains for the next window. So no budget is exceeded, and where none runs out only the order of sums
differs from the exact replay. Where one does run out, the moment within the window may differ.

A budget that will not last for the window goes to its first shards alone, to each about what a shard has cost lately: the exact
replay would spend it in the window's first auctions too. Say 100 remain, the window has 4 shards, and lately a shard has cost
40. Then floor(100 / 40) = 2 shards get 50 each. Were it split four ways, the advertiser would go on to win an auction in every
shard, charged the little that its allotment has left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.budgets import exhausted_threshold
from auctionsim.auction.day import DayReplay
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import Chunk, TrafficSource
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]
BucketRange = tuple[int, int]
"""Indexes of buckets in their hour: the first, and one past the last."""


@dataclass(frozen=True, eq=False)
class Shard:
    """A run of buckets of one hour, to be replayed by itself."""

    day: int
    hour: int
    buckets: BucketRange
    budgets: Array
    """Allotments, currency, `[advertisers, P]`."""
    seed: int
    """Seed of the sampling noise."""

    __repr__ = short_repr


def sync_windows(weights: NDArray[np.int64], shards: int, sync_interval: int) -> Iterator[list[BucketRange]]:
    """Yield the shards of each sync window of an hour.

    Buckets are not cut, so windows and shards have only about as many auctions as asked for.

    Args:
        weights: Number of auctions in every bucket, `[buckets]`.
        shards: Shards of a window; fewer where it has fewer buckets.
        sync_interval: Auctions of a window, after which budgets are reconciled.
    """
    done = np.append(0, np.cumsum(weights))
    n_windows = max(1, round(int(done[-1]) / sync_interval))
    edges = np.searchsorted(done, np.linspace(0, done[-1], n_windows * shards + 1))
    edges[-1] = len(weights)
    for k in range(n_windows):
        own = edges[k * shards : (k + 1) * shards + 1]
        window = [(int(a), int(b)) for a, b in pairwise(own) if a < b]
        if window:
            yield window


class BudgetSplitter:
    """The budgets of a day, allotted to shards window by window.

    Args:
        budgets: Currency, `[advertisers, P]`, infinite for none.
    """

    def __init__(self, budgets: Array) -> None:
        self.remaining = budgets.copy()
        """Currency, `[advertisers, P]`."""
        self._threshold = exhausted_threshold(budgets)
        self._burn_rate: Array | None = None
        """Currency per auction in the last windows."""
        self._funded_auctions = np.ones(1)

    def allotments(self, auctions: float, shards: int) -> Array:
        """Return what each shard of a window may spend, `[shards, advertisers, P]`.

        Args:
            auctions: Mean number of auctions in a shard.
            shards: Number of shards in the window.
        """
        n = np.full(self.remaining.shape, float(shards))
        if self._burn_rate is not None:
            need = self._burn_rate * auctions
            np.divide(self.remaining, need, out=n, where=need > 0)
            n = np.clip(np.floor(n), 1.0, shards)
        self._funded_auctions = n * auctions
        return np.where(np.arange(shards)[:, None, None] < n, self.remaining / n, 0.0)

    def spend(self, cost: Array) -> None:
        """Subtract what a window cost, `[advertisers, P]`, and update the burn rates."""
        self.remaining = np.maximum(self.remaining - cost, 0.0)
        self.remaining[self.remaining <= self._threshold] = 0.0
        rate = cost / self._funded_auctions
        self._burn_rate = rate if self._burn_rate is None else np.where(cost > 0, (self._burn_rate + rate) / 2, self._burn_rate)


def replay_shard(source: TrafficSource, rules: Rules, coefficients: Array, shard: Shard) -> Array:
    """Replay a shard and return its impressions, clicks, conversions, gmv and cost, `[advertisers, 5, P]`."""
    part = _ShardSource(source, shard.buckets)
    replay = DayReplay(
        part, shard.day, rules, policies=coefficients.shape[-1], budgets=shard.budgets, seed=shard.seed, first_hour=shard.hour
    )
    return replay.step(coefficients)


@dataclass(frozen=True)
class _ShardSource:
    """A traffic source of which only some buckets of an hour are seen."""

    source: TrafficSource
    buckets: BucketRange

    @property
    def advertisers(self) -> tuple[str, ...]:
        return self.source.advertisers

    @property
    def max_candidates(self) -> int:
        return self.source.max_candidates

    def weights(self, day: int, hour: int) -> NDArray[np.int64]:
        return self.source.weights(day, hour)[slice(*self.buckets)]

    def chunks(self, day: int, hour: int, within: BucketRange | None = None) -> Iterator[Chunk]:
        return self.source.chunks(day, hour, self.buckets if within is None else within)
