"""Average the bid features over an advertiser's auctions, chunk by chunk, so that the traffic may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.sources import Chunk, TrafficSource
from auctionsim.traffic.table import HOURS


def feature_sums(source: TrafficSource, days: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum the bid features over each advertiser's auctions by hour, and count the auctions.

    The rows are added in the order of the traffic, so the sums do not depend on how it is cut into chunks.

    Returns:
        The sums `[24, advertisers, 4]` and the numbers of auctions `[24, advertisers]`.
    """
    from auctionsim.auction.kernel.feature_totals import add_auctions, add_features

    n = len(source.advertisers)
    sums, auctions = np.zeros((HOURS, n, len(FEATURES))), np.zeros((HOURS, n))
    for hour, chunk in _chunks(source, days):
        buckets, candidates, cells = chunk.buckets, chunk.candidates, (chunk.first_bucket, chunk.last_bucket)
        add_features(buckets.start, buckets.weight, candidates.advertiser, candidates.features, *cells, sums[hour])
        add_auctions(buckets.start, buckets.weight, candidates.advertiser, *cells, auctions[hour])
    return sums, auctions


def auction_counts(source: TrafficSource, days: Sequence[int]) -> NDArray[np.float64]:
    """Count the auctions in which each advertiser is a candidate by hour, over days, `[24, advertisers]`."""
    from auctionsim.auction.kernel.feature_totals import add_auctions

    auctions = np.zeros((HOURS, len(source.advertisers)))
    for hour, chunk in _chunks(source, days):
        buckets, cells = chunk.buckets, (chunk.first_bucket, chunk.last_bucket)
        add_auctions(buckets.start, buckets.weight, chunk.candidates.advertiser, *cells, auctions[hour])
    return auctions


def means(sums: NDArray[np.float64], auctions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide sums by numbers of auctions; 0 where there are none."""
    return np.divide(sums, auctions[..., None], out=np.zeros_like(sums), where=auctions[..., None] > 0)


def _chunks(source: TrafficSource, days: Sequence[int]) -> Iterator[tuple[int, Chunk]]:
    """Yield the hour and each chunk of some days, in time order."""
    for day in sorted(days):
        for hour in range(HOURS):
            for chunk in source.chunks(day, hour):
                yield hour, chunk
