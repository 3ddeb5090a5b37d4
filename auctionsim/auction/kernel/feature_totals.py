"""Add up bid features and count auctions by advertiser, in one pass over the rows that the pre-ranker kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import N_FEATURES
from auctionsim.auction.kernel.compiled import compiled


@compiled
def add_features(
    start: NDArray[np.int64], weight: NDArray[np.int64], advertiser: NDArray[np.int64], features: NDArray[np.float64],
    first: int, last: int, sums: NDArray[np.float64],
) -> None:  # fmt: skip
    """Add the bid features of the buckets `first` to `last`, each times its bucket's auctions, to `[advertisers, 4]`."""
    for bucket in range(first, last):
        auctions = np.float64(weight[bucket])
        for row in range(start[bucket], start[bucket + 1]):
            who = advertiser[row]
            if who < sums.shape[0]:
                for f in range(N_FEATURES):
                    sums[who, f] += auctions * features[row, f]


@compiled
def add_auctions(
    start: NDArray[np.int64], weight: NDArray[np.int64], advertiser: NDArray[np.int64], first: int, last: int,
    auctions: NDArray[np.float64],
) -> None:  # fmt: skip
    """Add the number of auctions of the buckets `first` to `last` to each of their candidates, `[advertisers]`."""
    for bucket in range(first, last):
        own = np.float64(weight[bucket])
        for row in range(start[bucket], start[bucket + 1]):
            who = advertiser[row]
            if who < auctions.shape[0]:
                auctions[who] += own
