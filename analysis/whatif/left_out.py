"""Replay a day without a part of its auctions, so that a figure says how far it rests on the auctions that happened to come.

The auctions of a day are dealt into groups at random, those that one bucket stands for one by one. The day without a group is
replayed with budgets smaller in proportion, so that it is the same day on a smaller scale, budgets that run dry included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import AuctionBuckets
from auctionsim.auction.sources import Chunk, TrafficSource
from auctionsim.auction.units import Largest
from auctionsim.streams import stream

GROUPS = 20
"""Groups that the auctions of a day are dealt into."""
_MOST_DRAWS = 10_000_000
"""Auctions of a chunk that are dealt one by one; up to four times as many are, too."""
_AT_ONCE = 1_000_000
"""Auctions that are dealt at once."""
BUDGET_SHARE = (GROUPS - 1) / GROUPS
"""Share of each budget in a day without one group."""


class DealtDay:
    """A day whose auctions are dealt into groups, the same ones under every change.

    Args:
        source: The traffic.
        day: One of its days.
        seed: Seed of the deal.
    """

    def __init__(self, source: TrafficSource, day: int, seed: int) -> None:
        self._day, self._seed = day, seed
        self._dealt: dict[tuple[int, int], NDArray[Any]] = {}
        self.advertisers = source.advertisers

    def without(self, source: TrafficSource, group: int) -> WithoutGroup:
        """Return the traffic without a group's auctions.

        Args:
            source: The traffic, under whatever rules.
            group: The group that is left out, 0 to `GROUPS` - 1.
        """
        return WithoutGroup(source, self, group)

    def kept(self, hour: int, number: int, weight: NDArray[np.int64], group: int) -> NDArray[np.int64]:
        """Return the auctions of each bucket of a chunk that are in other groups, `[buckets]`.

        Args:
            hour: The hour.
            number: Number of the chunk in its hour.
            weight: Auctions that each bucket stands for, `[buckets]`.
            group: The group that is left out.
        """
        if (hour, number) not in self._dealt:
            rng = stream(self._seed, "auction-groups", self._day, hour, number)
            self._dealt[hour, number] = _dealt(weight, rng)
        dealt = self._dealt[hour, number]
        if dealt.ndim == 1:
            return np.where(dealt == group, 0, weight)
        return weight - dealt[:, group]


def _dealt(weight: NDArray[np.int64], rng: np.random.Generator) -> NDArray[Any]:
    """Deal auctions: the group of each bucket, `[buckets]`, if each is one auction, else their numbers, `[buckets, groups]`.

    Auction by auction: a multinomial draw asks the C library's functions, whose last bits depend on the processor.
    """
    if (weight == 1).all():
        return rng.integers(GROUPS, size=len(weight), dtype=np.uint8)
    size = math.isqrt(int(weight.sum()) // _MOST_DRAWS)
    return _dealt_singly(weight, rng) if size <= 1 else _dealt_in_blocks(weight, size, rng)


def _dealt_in_blocks(weight: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal more auctions than can be drawn one by one, `[buckets, groups]`: most evenly, the rest in blocks of up to `size`.

    w auctions that are dealt singly have w times the covariance of one. w / s^2 blocks of s auctions have the same, and the
    others are shared out without any, so that numbers have the mean and covariance of single auctions.
    """
    sizes = np.clip(np.sqrt(weight / GROUPS).astype(np.int64), 1, size)
    blocks = (weight // (sizes * sizes)).astype(np.int64)
    even = weight - blocks * sizes
    dealt = _dealt_singly(blocks, rng) * sizes[:, None] + _dealt_singly((even % GROUPS).astype(np.int64), rng)
    return np.asarray(dealt + (even // GROUPS)[:, None])


def _dealt_singly(weight: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal auctions one by one, `[buckets, groups]`."""
    ends, dealt = np.cumsum(weight), np.zeros((len(weight), GROUPS), dtype=np.int64)
    for begin in range(0, int(ends[-1]), _AT_ONCE):
        auctions = np.arange(begin, min(begin + _AT_ONCE, int(ends[-1])))
        bucket = np.searchsorted(ends, auctions, side="right")
        own = slice(int(bucket[0]), int(bucket[-1]) + 1)
        element = (bucket - own.start) * GROUPS + rng.integers(GROUPS, size=len(auctions))
        dealt[own] += np.bincount(element, minlength=(own.stop - own.start) * GROUPS).reshape(-1, GROUPS)
    return dealt


class WithoutGroup:
    """A day's traffic without the auctions of one group; nobody reads another day of it.

    Args:
        source: The traffic.
        dealt: The groups of its auctions.
        group: The group that is left out.
    """

    def __init__(self, source: TrafficSource, dealt: DealtDay, group: int) -> None:
        self._source, self._dealt, self._group = source, dealt, group
        self.advertisers = source.advertisers
        self.max_candidates = source.max_candidates

    def chunks(self, day: int, hour: int, within: tuple[int, int] | None = None) -> Iterator[Chunk]:
        """Yield the buckets of an hour; one without auctions stays, with weight 0.

        Raises:
            ValueError: A part of an hour is asked for.
        """
        if within is not None:
            raise ValueError("within: expected whole hours, got a part of one")
        for number, chunk in enumerate(self._source.chunks(day, hour)):
            first, last = chunk.first_bucket, chunk.last_bucket
            weight = self._dealt.kept(hour, number, chunk.buckets.weight[first:last], self._group)
            weight.setflags(write=False)
            start, external = chunk.buckets.start[first : last + 1], chunk.buckets.external_score[first:last]
            yield Chunk(AuctionBuckets(start, weight, external), chunk.candidates, 0, last - first, chunk.first_index)

    def size_of(self, day: int, hour: int) -> tuple[int, int]:
        """Count the buckets and the candidates of an hour."""
        return self._source.size_of(day, hour)

    def auctions(self, day: int, hour: int) -> int:
        """Count the auctions of an hour."""
        return sum(int(chunk.buckets.weight.sum()) for chunk in self.chunks(day, hour))

    def largest(self, day: int) -> Largest:
        """Return the largest figures of the whole day, which bound those of its part."""
        return self._source.largest(day)
