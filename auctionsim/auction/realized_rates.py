"""Replace true rates by realized ones, so that sampled days replay as fast as expected ones: common random numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.compiled import compiled
from auctionsim.auction.kernel.noise import CLICK, CONVERSION, hour_rng_key, uniform
from auctionsim.traffic.table import HOURS, Traffic


def realized_rates(traffic: Traffic, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the outcome of every candidate in every auction, and return the resulting ctr and cvr of each row, `[rows]`.

    The realized ctr is the share of the bucket's auctions in which the ad would be clicked if it were shown, the realized cvr
    the share of those clicks that would convert. The draws are those of `sampled` outcomes. So with one slot, and where no
    budget runs out within a bucket, replaying the table with these rates and `expected` outcomes equals replaying it with its
    own rates and `sampled` ones.

    Args:
        traffic: The traffic table.
        seed: Seed of the sampling noise.
    """
    ctr, cvr = np.zeros_like(traffic.ctr), np.zeros_like(traffic.cvr)
    for day in traffic.days:
        for hour in range(HOURS):
            hour_buckets, key = traffic.cells_of(day, hour), hour_rng_key(seed, day, hour)
            _draw(hour_buckets, traffic.cell_start, traffic.weight, traffic.ctr, traffic.cvr, key, ctr, cvr)
    return ctr, cvr


@compiled
def _draw(
    hour_buckets: tuple[int, int],
    start: NDArray[np.int64],
    weight: NDArray[np.int64],
    true_ctr: NDArray[np.float64],
    true_cvr: NDArray[np.float64],
    key: np.uint64,
    ctr: NDArray[np.float64],
    cvr: NDArray[np.float64],
) -> None:
    """Draw an hour's clicks and conversions, as `settle.settle_sampled` would with the ad in the first slot."""
    for bucket in range(hour_buckets[0], hour_buckets[1]):
        index, first = bucket - hour_buckets[0], start[bucket]
        for row in range(first, start[bucket + 1]):
            clicks, conversions = 0, 0
            for auction in range(weight[bucket]):
                if uniform(key, index, auction, row - first, CLICK) < true_ctr[row]:
                    clicks += 1
                    if uniform(key, index, auction, row - first, CONVERSION) < true_cvr[row]:
                        conversions += 1
            ctr[row] = clicks / weight[bucket]
            cvr[row] = conversions / clicks if clicks else 0.0
