"""Pack the columns of candidate ads into rows of one cache line each, the order in which the kernel reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import CANDIDATE_COLUMNS, CTR, CVR, ITEM_PRICE, QUALITY, Candidates, aligned
from auctionsim.auction.kernel.compiled import compiled


def pack_candidates(
    advertiser: NDArray[np.int64],
    quality: NDArray[np.float64],
    pcvr: NDArray[Any],
    keyword_bid: NDArray[Any],
    ctr: NDArray[Any],
    cvr: NDArray[Any],
    item_price: NDArray[Any],
    *,
    phi: NDArray[np.float64] | None = None,
    memory: NDArray[np.float64] | None = None,
) -> Candidates:
    """Pack columns, all `[rows]` in single or double precision, into `Candidates`.

    Args:
        advertiser: Index of each candidate's advertiser.
        quality: Factor that turns a bid into a rank score, pctr^squash.
        pcvr: Predicted conversion rate in [0, 1], which the bid formula uses.
        keyword_bid: Currency per click.
        ctr: True click-through rate in [0, 1].
        cvr: True conversion rate in [0, 1].
        item_price: Currency per conversion.
        phi: Features of the bid formula, `[rows, 4]`, in place of those computed from the columns.
        memory: Written over by the result, `[at least rows, CANDIDATE_COLUMNS]`, from `aligned`; new memory where None.
    """
    shape = len(advertiser), CANDIDATE_COLUMNS
    features = aligned(shape) if memory is None else memory[: shape[0]]
    _pack(quality, pcvr, keyword_bid, ctr, cvr, item_price, features)
    if phi is not None:
        features[:, :QUALITY] = phi
    # Read-only like a table's own arrays, so that the kernel is compiled for one array type.
    for array in (advertiser, features):
        array.setflags(write=False)
    return Candidates(advertiser, features)


@compiled
def has_repeats(
    start: NDArray[np.int64],
    advertiser: NDArray[np.int64],
    first: int,
    last: int,
    n_advertisers: int,
    seen: NDArray[np.int64],
) -> bool:
    """Return whether an advertiser is a candidate twice in one of the cells `first:last`.

    Args:
        start: First row of each cell, `[cells + 1]`.
        advertiser: Index of each row's advertiser.
        first: The first cell.
        last: The cell after the last.
        n_advertisers: Number of advertisers; a row of this index was dropped, and is not counted.
        seen: Working memory, -1 for each advertiser.
    """
    for cell in range(first, last):
        for row in range(start[cell], start[cell + 1]):
            who = advertiser[row]
            if who < n_advertisers:
                if seen[who] == cell:
                    return True
                seen[who] = cell
    return False


@compiled
def _pack(
    quality: NDArray[np.float64], pcvr: NDArray[Any], keyword_bid: NDArray[Any], ctr: NDArray[Any], cvr: NDArray[Any],
    item_price: NDArray[Any], features: NDArray[np.float64],
) -> None:  # fmt: skip
    """Write row by row: column by column would load every cache line of `features` eight times. Order of `FEATURES`."""
    for row in range(features.shape[0]):
        own_pcvr, price = np.float64(pcvr[row]), np.float64(item_price[row])
        features[row, 0] = 1.0
        features[row, 1] = own_pcvr
        features[row, 2] = own_pcvr * price
        features[row, 3] = keyword_bid[row]
        features[row, QUALITY] = quality[row]
        features[row, CTR] = ctr[row]
        features[row, CVR] = cvr[row]
        features[row, ITEM_PRICE] = price
