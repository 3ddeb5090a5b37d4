"""When a budget counts as spent: one rule for the reference, the engine and the environments."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Money = TypeVar("Money", float, NDArray[np.float64])

# A budget divided by a price is rarely exact in floating point. Without a tolerance, ten auctions charged one by one
# could leave 1e-16 where one cell of weight ten leaves 0, and the advertiser would win one more auction.
SPENT_SHARE = 1e-9


def spent_below(budget: Money) -> Money:
    """What is left counts as nothing from here down: a billionth of the budget (0 for an infinite one)."""
    return np.where(np.isfinite(budget), np.multiply(budget, SPENT_SHARE), 0.0)  # type: ignore[return-value]
