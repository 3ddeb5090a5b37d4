"""Draw random markets of bidders and goods."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.streams import stream

Array = NDArray[np.float64]


def random_market(seed: int, n_bidders: int | None = None, n_goods: int | None = None) -> tuple[Array, Array]:
    """Draw uniform values and budgets of the n-th part of each bidder's value of everything, as Conitzer et al. do."""
    rng = stream(seed, "test-market")
    n = int(rng.integers(1, 7)) if n_bidders is None else n_bidders
    m = int(rng.integers(1, 9)) if n_goods is None else n_goods
    values = rng.random((n, m))
    return values, values.sum(axis=1) / n
