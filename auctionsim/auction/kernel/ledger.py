"""What a step's books come to, taken out of the ledger in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import OUTCOMES
from auctionsim.auction.kernel.compiled import compiled


@compiled
def take_out(
    ledger: NDArray[np.float64],
    details: NDArray[np.float64],
    before: NDArray[np.float64],
    counted: NDArray[np.float64],
    so_far: NDArray[np.float64],
) -> None:
    """Move sums, and details after them, to `counted` `[advertisers, sums, P]`; `so_far` is `before` and these."""
    n_outcomes = len(OUTCOMES)
    for a in range(counted.shape[0]):
        for k in range(counted.shape[1]):
            for p in range(counted.shape[2]):
                if k < n_outcomes:
                    amount = ledger[a, p, k]
                    ledger[a, p, k] = 0.0
                else:
                    amount = details[a, p, k - n_outcomes]
                counted[a, k, p] = amount
                so_far[a, k, p] = before[a, k, p] + amount
