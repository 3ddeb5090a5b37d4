"""Divide where the denominator is above 0, and return a stated value elsewhere: for a number, an array or a table's columns.

A ratio to an amount that is 0 or negative has no meaning (a profit of 3 against a baseline's loss of 2 is not -1.5 times as
much). Neither has one to an amount next to nothing: a profit of 3 against 5e-324, the smallest number there is, would be
infinitely as much, and against 1e-20 a number of 21 digits. Each caller says what stands there instead: NaN by default, 0 for
a rate of nothing, null in a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import polars as pl

NOTHING = 1e-12
"""A day's money or count of no more is nothing, whatever its unit."""
MOST = 1e9
"""No figure is a larger ratio: what it is divided by is next to nothing. Prices are below it, too."""
ROUNDING = 1e-9
"""Share of a turnover below which a difference of sums of money is rounding and counts as 0."""


@dataclass(frozen=True)
class NotDefined:
    """What stands in place of a figure that has no meaning, with the reason."""

    reason: str

    def __str__(self) -> str:
        return f"not defined: {self.reason}"


def ratio_to_amount(amount: float, base: float, turnover: float, base_name: str = "the baseline") -> float | NotDefined:
    """Return `amount / base` if the base is more than nothing and than rounding, else the reason why there is no ratio.

    A profit of 24.1 - 24.1 may come out as 4e-15. Over that, a profit of 1 would be 2.5e14 times as much. A base below a
    billionth of the amount is rounding, too.

    Args:
        amount: The amount of money or the count to judge.
        base: The amount that it is divided by.
        turnover: The sum of the amounts that the base is a difference of, >= 0; the base itself if it is none.
        base_name: The name of what had the base, for the reason.
    """
    least = max(ROUNDING * max(turnover, abs(amount)), NOTHING)
    if base > least:
        return amount / base
    is_loss = base < -max(ROUNDING * turnover, NOTHING)
    return NotDefined(f"{base_name} loses money" if is_loss else f"{base_name} earned nothing")


def safe_ratio(numerator: float, denominator: float, otherwise: float = float("nan")) -> float:
    """Return `numerator / denominator`, or `otherwise` unless the denominator is > 0.

    NaN stands for a ratio beyond `MOST`, too. Whoever names another number has all other ratios as they are.
    """
    if not denominator > 0:
        return otherwise
    # As Python's numbers, whose quotients overflow without a warning.
    ratio = float(numerator) / float(denominator)
    return otherwise if abs(ratio) > MOST and np.isnan(otherwise) else ratio


def safe_ratios(numerator: ArrayLike, denominator: ArrayLike, otherwise: float = float("nan")) -> NDArray[np.float64]:
    """Return the ratios of two arrays that broadcast together, `otherwise` where `safe_ratio` has it."""
    is_defined = np.greater(denominator, 0)
    with np.errstate(over="ignore"):
        ratios = np.divide(numerator, np.where(is_defined, denominator, 1.0), dtype=np.float64)
    if np.isnan(otherwise):
        is_defined = is_defined & ~(np.abs(ratios) > MOST)
    return np.where(is_defined, ratios, otherwise)


def ratio_of_columns(numerator: str, denominator: str) -> pl.Expr:
    """Return the expression `numerator / denominator` over two columns, null where `safe_ratio` has NaN."""
    import polars as pl

    ratio = pl.col(numerator) / pl.col(denominator)
    return pl.when(pl.col(denominator) > 0, (ratio.abs() <= MOST) | ratio.is_nan()).then(ratio)
