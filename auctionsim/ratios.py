"""Divide where the denominator is above 0, and return a stated value elsewhere: for a number, an array or a table's columns.

A ratio to an amount that is 0 or negative has no meaning (a profit of 3 against a baseline's loss of 2 is not -1.5 times as
much). Each caller says what stands there instead: NaN by default, 0 for a rate of nothing, null in a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import polars as pl

ROUNDING = 1e-9
"""Share of a turnover below which a difference of sums of money is rounding and counts as 0."""


@dataclass(frozen=True)
class NotDefined:
    """What stands in place of a figure that has no meaning, with the reason."""

    reason: str

    def __str__(self) -> str:
        return f"not defined: {self.reason}"


def ratio_to_amount(amount: float, base: float, turnover: float, base_name: str = "the baseline") -> float | NotDefined:
    """Return `amount / base` if the base is above 0 by more than rounding, else the reason why there is no ratio.

    A profit of 24.1 - 24.1 may come out as 4e-15. Over that, a profit of 1 would be 2.5e14 times as much.

    Args:
        amount: The amount of money or the count to judge.
        base: The amount that it is divided by.
        turnover: The sum of the amounts that the base is a difference of, >= 0; the base itself if it is none.
        base_name: The name of what had the base, for the reason.
    """
    if base > ROUNDING * turnover:
        return amount / base
    return NotDefined(f"{base_name} loses money" if base < -ROUNDING * turnover else f"{base_name} earned nothing")


def safe_ratio(numerator: float, denominator: float, otherwise: float = float("nan")) -> float:
    """Return `numerator / denominator`, or `otherwise` unless the denominator is > 0."""
    return numerator / denominator if denominator > 0 else otherwise


def safe_ratios(numerator: ArrayLike, denominator: ArrayLike, otherwise: float = float("nan")) -> NDArray[np.float64]:
    """Return the ratios of two arrays that broadcast together, `otherwise` wherever the denominator is not > 0."""
    is_defined = np.greater(denominator, 0)
    ratios = np.divide(numerator, np.where(is_defined, denominator, 1.0), dtype=np.float64)
    return np.where(is_defined, ratios, otherwise)


def ratio_of_columns(numerator: str, denominator: str) -> pl.Expr:
    """Return the expression `numerator / denominator` over two columns, null wherever the denominator is not > 0."""
    import polars as pl

    return pl.when(pl.col(denominator) > 0).then(pl.col(numerator) / pl.col(denominator))
