"""Blur the figures that bidders are shown, as a platform does for privacy: noise of a known size, then rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.kernel.compiled import compiled
from auctionsim.auction.kernel.noise import hour_rng_key, normal
from auctionsim.scenario import InformationSection

Array = NDArray[np.float64]

OF_HOUR = -1
"""Index of the bucket in the draws of figures that stand for a whole hour."""
_WHOLE = 2.0**53
"""Doubles from here on are whole numbers."""


def blurred(
    figure: Array,
    information: InformationSection,
    key: np.uint64,
    bucket: NDArray[np.int64],
    advertiser: NDArray[np.int64],
) -> Array:
    """Return figures times `exp(noise z)`, rounded; z is standard normal, one for each bucket and advertiser.

    Args:
        figure: Figures, currency per click, `[rows, ...]`; NaN stays NaN.
        information: Sizes of noise and rounding.
        key: Key of the draws, as from `key_of`.
        bucket: Index of each row's bucket in the hour, `[rows]`.
        advertiser: Index of each row's advertiser, `[rows]`.
    """
    shape = (-1, *(1,) * (figure.ndim - 1))
    if information.noise > 0:
        z = np.empty(len(figure))
        _draw(key, bucket, advertiser, z)
        figure = figure * arithmetic.exp(information.noise * z).reshape(shape)
    if information.rounding > 0:
        with np.errstate(over="ignore"):
            steps = figure / information.rounding
        # A step that is smaller than the figure's last digit rounds nothing.
        figure = np.where(steps < _WHOLE, np.round(steps) * information.rounding, figure)
    return figure


def key_of(seed: int, day: int, hour: int, channel: str) -> np.uint64:
    """Return the key of a channel's draws in an hour; the same for all policies."""
    return hour_rng_key(seed, day, hour, f"information {channel}")


@compiled
def _draw(key: np.uint64, bucket: NDArray[np.int64], advertiser: NDArray[np.int64], z: Array) -> None:
    for row in range(z.shape[0]):
        z[row] = normal(key, bucket[row], advertiser[row])
