"""When a budget counts as exhausted: one rule for the plain reference, the kernel and the environments."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Money = TypeVar("Money", float, NDArray[np.float64])

EXHAUSTED_SHARE = 1e-9
"""Share of a budget down to which what remains counts as nothing."""


def exhausted_threshold(budget: Money) -> Money:
    """Return the amount down to which a budget counts as exhausted: a billionth of it, 0 for an infinite one.

    A budget divided by a price is rarely exact in floating point. Without a threshold, ten charges of 0.1 one by one would
    leave 1e-16 of a budget of 1.0 where one charge of ten auctions leaves 0, and the advertiser would win one more auction.
    """
    return np.where(np.isfinite(budget), np.multiply(budget, EXHAUSTED_SHARE), 0.0)  # type: ignore[return-value]
