"""Rows as the engine reads them: what a candidate brings into an auction, packed into a cache line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import CTR, CVR, ITEM_PRICE, QUALITY, ROW_COLUMNS, Rows, aligned
from auctionsim.auction.kernel.compiled import compiled


def rows_of(
    advertiser: NDArray[np.int64],
    quality: NDArray[np.float64],
    pcvr: NDArray[Any],
    keyword_bid: NDArray[Any],
    ctr: NDArray[Any],
    cvr: NDArray[Any],
    item_price: NDArray[Any],
    *,
    phi: NDArray[np.float64] | None = None,
) -> Rows:
    """Rows of columns, all `[rows]`, single or double precision.

    Args:
        advertiser: Of each row.
        quality: What its bid is multiplied with to rank.
        pcvr: Predicted, what bids see.
        keyword_bid: Currency per click.
        ctr: True.
        cvr: True.
        item_price: Currency per conversion.
        phi: Bid features `[rows, 4]` in place of those that follow from the columns.
    """
    figures = aligned((len(advertiser), ROW_COLUMNS))
    _pack(quality, pcvr, keyword_bid, ctr, cvr, item_price, figures)
    if phi is not None:
        figures[:, :QUALITY] = phi
    # Read-only as a table's own arrays, so that the engine is compiled for one kind of array.
    for array in (advertiser, figures):
        array.setflags(write=False)
    return Rows(advertiser, figures)


@compiled
def _pack(
    quality: NDArray[np.float64], pcvr: NDArray[Any], keyword_bid: NDArray[Any], ctr: NDArray[Any], cvr: NDArray[Any],
    item_price: NDArray[Any], figures: NDArray[np.float64],
) -> None:  # fmt: skip
    """Row by row, since a column at a time would go through all cache lines for each; features in the order of `FEATURES`."""
    for row in range(figures.shape[0]):
        own_pcvr, price = np.float64(pcvr[row]), np.float64(item_price[row])
        figures[row, 0] = 1.0
        figures[row, 1] = own_pcvr
        figures[row, 2] = own_pcvr * price
        figures[row, 3] = keyword_bid[row]
        figures[row, QUALITY] = quality[row]
        figures[row, CTR] = ctr[row]
        figures[row, CVR] = cvr[row]
        figures[row, ITEM_PRICE] = price
