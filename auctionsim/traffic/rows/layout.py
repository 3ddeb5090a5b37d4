"""Lay out a candidate ad as one row of eight doubles, a cache line, in the order in which the auction reads it.

A table whose columns are views of such rows needs no second copy for the auction: 64 bytes a row hold all seven columns but
the advertiser's index, and the bid features `1` and `pcvr x item_price`, which are not in the table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ONE, PCVR, VALUE, KEYWORD_BID, PCTR, CTR, CVR, ITEM_PRICE = range(8)
"""Positions in a row; `VALUE` is pcvr x item_price."""
POSITIONS = {
    "pctr": PCTR, "pcvr": PCVR, "item_price": ITEM_PRICE, "keyword_bid": KEYWORD_BID, "ctr": CTR, "cvr": CVR,
}  # fmt: skip
"""Position of each column of the traffic table in a row."""
WIDTH = 8
"""Doubles of a row."""
_CACHE_LINE = 64
"""Bytes."""


def empty_rows(n: int) -> NDArray[np.float64]:
    """Return memory for rows, `[n, 8]`, each in one cache line; its contents are whatever was there."""
    element = np.dtype(np.float64).itemsize
    buffer = np.empty(n * WIDTH + _CACHE_LINE // element)
    start = -buffer.ctypes.data % _CACHE_LINE // element
    return buffer[start : start + n * WIDTH].reshape(n, WIDTH)


def columns_of(rows: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return the table's columns as views of rows, `[n]` each."""
    return {name: rows[:, position] for name, position in POSITIONS.items()}
