"""Average the bid features over an advertiser's auctions, chunk by chunk, so that the traffic may be larger than memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.sources import TrafficSource
from auctionsim.traffic.table import HOURS


def feature_sums(source: TrafficSource, days: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum the bid features over each advertiser's auctions by hour, and count the auctions.

    The rows are added in the order of the traffic, so the sums do not depend on how it is cut into chunks.

    Returns:
        The sums `[24, advertisers, 4]` and the numbers of auctions `[24, advertisers]`.
    """
    n = len(source.advertisers)
    sums, auctions = np.zeros((len(FEATURES), HOURS * n)), np.zeros(HOURS * n)
    for day in sorted(days):
        for hour in range(HOURS):
            for chunk in source.chunks(day, hour):
                start = chunk.buckets.start[chunk.first_bucket : chunk.last_bucket + 1]
                rows = slice(int(start[0]), int(start[-1]))
                own = chunk.buckets.weight[chunk.first_bucket : chunk.last_bucket]
                weight = np.repeat(own, np.diff(start)).astype(np.float64)
                key = hour * n + chunk.candidates.advertiser[rows]
                np.add.at(auctions, key, weight)
                for f in range(len(FEATURES)):
                    np.add.at(sums[f], key, weight * chunk.candidates.features[rows, f])
    return np.ascontiguousarray(sums.reshape(-1, HOURS, n).transpose(1, 2, 0)), auctions.reshape(HOURS, n)


def means(sums: NDArray[np.float64], auctions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide sums by numbers of auctions; 0 where there are none."""
    return np.divide(sums, auctions[..., None], out=np.zeros_like(sums), where=auctions[..., None] > 0)
