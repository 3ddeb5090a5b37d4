"""Divide where the denominator is above 0, and return a stated value elsewhere: for a number, an array or a table's columns.

A ratio to an amount that is 0 or negative has no meaning (a profit of 3 against a baseline's loss of 2 is not -1.5 times as
much). Each caller says what stands there instead: NaN by default, 0 for a rate of nothing, null in a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import polars as pl


def safe_ratio(numerator: float, denominator: float, otherwise: float = float("nan")) -> float:
    """Return `numerator / denominator`, or `otherwise` unless the denominator is > 0."""
    return numerator / denominator if denominator > 0 else otherwise


def safe_ratios(numerator: ArrayLike, denominator: ArrayLike, otherwise: float = float("nan")) -> NDArray[np.float64]:
    """Return the ratios of two arrays that broadcast together, `otherwise` wherever the denominator is not > 0."""
    above, below = np.broadcast_arrays(np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64))
    return np.divide(above, below, out=np.full(above.shape, otherwise), where=below > 0)


def ratio_of_columns(numerator: str, denominator: str) -> pl.Expr:
    """Return the expression `numerator / denominator` over two columns, null wherever the denominator is not > 0."""
    import polars as pl

    return pl.when(pl.col(denominator) > 0).then(pl.col(numerator) / pl.col(denominator))
