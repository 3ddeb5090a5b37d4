"""Traffic of a table whose learners bid auction by auction: their bids are written hour by hour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import CANDIDATE_COLUMNS, QUALITY, AuctionBuckets, Candidates, aligned
from auctionsim.auction.kernel.cooperative_bids import Choice, write_bids
from auctionsim.auction.sources import Chunk
from auctionsim.auction.units import Largest
from auctionsim.market.market import Market
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
_BID = QUALITY - 1
"""Column of the keyword bid, in whose place a learner's bid stands."""


class AuctionBidSource:
    """Traffic of one day with bids in place of the learners' keyword bids.

    Args:
        market: The market.
        day: A day of its traffic.
    """

    def __init__(self, market: Market, day: int) -> None:
        self._market, self._day = market, day
        self.advertisers = market.source.advertisers
        self.max_candidates = market.traffic_source.max_candidates
        self._bids: dict[int, Array] = {}
        start = market.traffic.cell_start
        cells = [market.traffic.cells_of(day, hour) for hour in range(HOURS)]
        self._rows = [(int(start[first]), int(start[last])) for first, last in cells]
        self._buffer = aligned((max(last - first for first, last in self._rows), CANDIDATE_COLUMNS))
        self._held = -1
        self._largest_bid = 0.0

    def bid(self, hour: int, choice: Choice) -> None:
        """Make the bids of an hour."""
        first, last = self._rows[hour]
        for chunk in self._market.traffic_source.chunks(self._day, hour):
            start = chunk.buckets.start[chunk.first_bucket : chunk.last_bucket + 1] - first
            external = chunk.buckets.external_score[chunk.first_bucket : chunk.last_bucket]
            features = self._buffer[: last - first]
            features[:] = chunk.candidates.features[first:last]
            own = chunk.candidates.advertiser[first:last]
            # One advertiser more, who does not bid: candidates that the pre-ranker dropped.
            choice = choice._replace(may_bid=np.append(choice.may_bid, False), stands=np.append(choice.stands, False))
            write_bids(start, own, self._market.traffic.pctr[first:last], external, choice, features)
            self._bids[hour], self._held = features[:, _BID].copy(), hour
            self._largest_bid = max(self._largest_bid, float(features[:, _BID].max(initial=0.0)))

    def largest(self, day: int) -> Largest:
        """Return the largest figures of the day, with the bids that were made so far."""
        own = self._market.traffic_source.largest(day)
        phi = own.phi.copy()
        phi[_BID] = max(phi[_BID], self._largest_bid)
        return replace(own, phi=phi)

    @property
    def phi(self) -> Array:
        """Bid features of every row of the table, `[rows, 4]`, with the bids that were made so far."""
        phi = self._market.phi.copy()
        for hour, bids in self._bids.items():
            phi[slice(*self._rows[hour]), _BID] = bids
        return phi

    def chunks(self, day: int, hour: int, within: tuple[int, int] | None = None) -> Iterator[Chunk]:
        """Yield the hour, or the part of it with bucket indexes in the range `within`, as one chunk.

        Raises:
            ValueError: It is another day than the source was made for.
        """
        if day != self._day:
            raise ValueError(f"day: expected {self._day}, whose bids were made, got {day}")
        first, last = self._rows[hour]
        for chunk in self._market.traffic_source.chunks(day, hour, within):
            features = self._buffer[: last - first]
            if self._held != hour:
                features[:] = chunk.candidates.features[first:last]
                features[:, _BID] = self._bids[hour]
                self._held = hour
            cells = slice(*self._market.traffic.cells_of(day, hour))
            start = chunk.buckets.start[cells.start : cells.stop + 1] - first
            # Read-only like a table's own arrays, so that the kernel is compiled for one array type.
            features.flags.writeable = start.flags.writeable = False
            buckets = AuctionBuckets(start, chunk.buckets.weight[cells], chunk.buckets.external_score[cells])
            candidates = Candidates(chunk.candidates.advertiser[first:last], features)
            begin = chunk.first_bucket - cells.start
            yield Chunk(buckets, candidates, begin, chunk.last_bucket - cells.start, chunk.first_index)

    def size_of(self, day: int, hour: int) -> tuple[int, int]:
        """Count the buckets and the candidates of an hour."""
        return self._market.traffic_source.size_of(day, hour)

    def auctions(self, day: int, hour: int) -> int:
        """Count the auctions of an hour."""
        return self._market.traffic_source.auctions(day, hour)
