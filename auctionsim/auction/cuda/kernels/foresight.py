"""Foresee how many rankings of the next window would have to be made again, as `parallel.windows.Pace` does on the CPU.

Results do not depend on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from auctionsim.auction.cuda.kernels.arguments import SPENDABLE, Book
from auctionsim.auction.cuda.kernels.device import kernel
from auctionsim.auction.kernel.ledger import NO_LIMIT
from auctionsim.auction.outcome import COST, IMPRESSIONS

N_SIZES = 8
"""Sizes that are considered: the largest, half of it, a quarter, and so on."""
_MANY = 0.1
"""Share of rankings made again that is not worth a larger window."""


@kernel
def foresee(n_buckets: int, most: int, before: Any, book: Book, shares: Any) -> None:
    """Add up what share of rankings would be made again in a window of each size, from a window that was cleared.

    Args:
        n_buckets: Its buckets.
        most: Buckets of the largest window.
        before: Impressions and cost before it, `[2, A, P]`.
        book: Sums and budgets after it.
        shares: Added to, `[N_SIZES]`.
    """
    p, begin = cuda.grid(2)
    n_advertisers, n_policies = book.scale.shape
    if p < n_policies:
        for a in range(begin, n_advertisers, cuda.gridsize(2)[1]):
            cost, spendable = book.ledger[COST, a, p], book.ledger[SPENDABLE, a, p]
            charged, left = cost - before[1, a, p], spendable - cost
            if charged > 0 and left > 0 and spendable < NO_LIMIT:
                lasts = left / charged * n_buckets
                shown = (book.ledger[IMPRESSIONS, a, p] - before[0, a, p]) / n_buckets
                size = most
                for k in range(N_SIZES):
                    if lasts < size:
                        # Those in which it wins, and about as many in which it is next below.
                        cuda.atomic.add(shares, k, 2.0 * shown * (1.0 - lasts / size) / n_policies)
                    size = size // 2


def choose(shares: NDArray[np.float64], most: int, least: int) -> int:
    """Return the largest size of a window, of `most` halved again and again, of which few rankings will be made again."""
    size = most
    for share in shares:
        if share <= _MANY or size // 2 < least:
            break
        size //= 2
    return max(size, least)
