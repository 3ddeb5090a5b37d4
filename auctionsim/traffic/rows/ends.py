"""Find the smallest and the largest element of every column of rows in one pass; column by column would read them 12 times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.traffic.rows.compiled import compiled
from auctionsim.traffic.rows.layout import CTR, CVR, ITEM_PRICE, KEYWORD_BID, PCTR, PCVR, POSITIONS, WIDTH

Array = NDArray[np.float64]


def ends_of(rows: Array) -> tuple[dict[str, tuple[float, float]], bool]:
    """Return the smallest and the largest element of each column, and whether true click-through rates are the predicted ones.

    Args:
        rows: Rows as `layout` lays them out, `[n, 8]`.

    Returns:
        By name, (infinity, 0) where there are no rows; and whether `ctr` equals `pctr` in every row.
    """
    least, most = np.full(WIDTH, np.inf), np.zeros(WIDTH)
    is_predicted = bool(_write_ends(rows, least, most))
    return {name: (float(least[at]), float(most[at])) for name, at in POSITIONS.items()}, is_predicted


@compiled
def _write_ends(rows: Array, least: Array, most: Array) -> bool:
    """Write the ends, all >= 0, of the table's columns; return whether `ctr` equals `pctr` in every row."""
    n_differing = 0
    # A register for each: the elements of arrays would be written after every row, since arrays may overlap.
    low_1 = low_2 = low_3 = low_4 = low_5 = low_6 = np.inf
    high_1 = high_2 = high_3 = high_4 = high_5 = high_6 = 0.0
    for i in range(rows.shape[0]):
        low_1, high_1 = min(low_1, rows[i, PCTR]), max(high_1, rows[i, PCTR])
        low_2, high_2 = min(low_2, rows[i, PCVR]), max(high_2, rows[i, PCVR])
        low_3, high_3 = min(low_3, rows[i, ITEM_PRICE]), max(high_3, rows[i, ITEM_PRICE])
        low_4, high_4 = min(low_4, rows[i, KEYWORD_BID]), max(high_4, rows[i, KEYWORD_BID])
        low_5, high_5 = min(low_5, rows[i, CTR]), max(high_5, rows[i, CTR])
        low_6, high_6 = min(low_6, rows[i, CVR]), max(high_6, rows[i, CVR])
        n_differing += 0 if rows[i, CTR] == rows[i, PCTR] else 1
    least[PCTR], least[PCVR], least[ITEM_PRICE] = low_1, low_2, low_3
    least[KEYWORD_BID], least[CTR], least[CVR] = low_4, low_5, low_6
    most[PCTR], most[PCVR], most[ITEM_PRICE] = high_1, high_2, high_3
    most[KEYWORD_BID], most[CTR], most[CVR] = high_4, high_5, high_6
    return n_differing == 0
