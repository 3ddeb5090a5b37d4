"""Draw errors of predicted rates by advertiser, query and day.

A predicted rate is `min(rate exp(e), 1)` with `e = bias + advertiser z_a + noise z_qa + drift (z_1a + ... + z_da)`: advertiser
a, query q, and d days since the table's first. All z are standard normal, a pure function of the seed and of what they belong
to, so that nothing is stored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.kernel.compiled import compiled
from auctionsim.auction.kernel.noise import hour_rng_key, normal
from auctionsim.scenario.predictions import RateErrorSection
from auctionsim.traffic.table import Traffic

Array = NDArray[np.float64]


def mispredicted(rate: Array, traffic: Traffic, errors: RateErrorSection, name: str, seed: int) -> Array:
    """Return predictions that are off, in [0, 1], `[rows]`.

    Args:
        rate: The predictions without these errors, `[rows]`.
        traffic: The traffic table.
        errors: Sizes of the errors.
        name: Name of the rate, `pctr` or `pcvr`; each has draws of its own.
        seed: Seed of the draws.
    """
    error = log_errors_of_advertisers(traffic, errors, name, seed)
    own = np.empty(len(rate))
    query = np.repeat(traffic.query, np.diff(traffic.cell_start))
    day_index = np.searchsorted(np.array(traffic.days), traffic.row_day)
    key = hour_rng_key(seed, 0, 0, f"predictions {name} pair")
    _add(error, day_index, query, np.array(traffic.advertiser), errors.noise, key, own)
    return np.minimum(rate * arithmetic.exp(own), 1.0)


def log_errors_of_advertisers(traffic: Traffic, errors: RateErrorSection, name: str, seed: int) -> Array:
    """Return what an advertiser's predictions of a day have in common: bias, own error, drift, `[days, advertisers]`."""
    n = len(traffic.advertisers)

    def draws(stream: str, index: int) -> Array:
        key = hour_rng_key(seed, 0, 0, f"predictions {name} {stream}")
        return np.array([normal(key, index, who) for who in range(n)])

    error = np.full(n, errors.bias)
    if errors.advertiser > 0:
        error += errors.advertiser * draws("advertiser", 0)
    found, last = [], min(traffic.days)
    # Days may be far apart: one walk serves them all.
    for day in traffic.days:
        if errors.drift > 0:
            for step in range(last + 1, day + 1):
                error += errors.drift * draws("drift", step)
        found.append(error.copy())
        last = day
    return np.array(found)


@compiled
def _add(
    common: Array,
    day_index: NDArray[np.int64],
    query: NDArray[np.int64],
    advertiser: NDArray[np.int64],
    noise: float,
    key: np.uint64,
    error: Array,
) -> None:
    """Write the error of each row: what it has in common with its advertiser's other rows of the day, and its own."""
    for row in range(error.shape[0]):
        error[row] = common[day_index[row], advertiser[row]]
        if noise > 0.0:
            error[row] += noise * normal(key, query[row], advertiser[row])
