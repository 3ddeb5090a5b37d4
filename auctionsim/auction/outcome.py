"""The outcome of a replay, and the columns that every array of outcomes has."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import RenamedWarning

IMPRESSIONS, CLICKS, CONVERSIONS, GMV, COST = range(5)
OUTCOMES = ("impressions", "clicks", "conversions", "gmv", "cost")
"""Names of the outcomes, in the order of their columns `IMPRESSIONS`, `CLICKS`, `CONVERSIONS`, `GMV` and `COST`."""

PARTICIPATED, WINNING_PRICE, LEAST_WINNING_COST = range(3)
DETAILS = ("participated", "winning_price", "least_winning_cost")
"""Names of the bid details that a replay counts on demand, in the order of their columns."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcome of one day by hour, advertiser and policy; each array is `[hours, advertisers, P]`."""

    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    conversions: NDArray[np.float64]
    gmv: NDArray[np.float64]
    """Gross merchandise value of the conversions, currency."""
    cost: NDArray[np.float64]
    """Currency charged to the advertiser."""
    participated: NDArray[np.float64] | None = None
    """Auctions with an eligible bid, one that is at least the reserve; None without `details`, like the next two."""
    winning_price: NDArray[np.float64] | None = None
    """Mean price per click of the ads shown, currency; NaN where none was shown."""
    least_winning_cost: NDArray[np.float64] | None = None
    """Mean price per click at which the last slot could have been won, over the auctions in which an eligible bid was not
    shown, currency; NaN where there were none."""

    @property
    def revenue(self) -> NDArray[np.float64]:
        """The platform's receipts, currency, `[hours, P]`."""
        return self.cost.sum(axis=1)

    @property
    def profit(self) -> NDArray[np.float64]:
        """GMV less cost, currency, `[hours, advertisers, P]`."""
        return self.gmv - self.cost

    @property
    def entered(self) -> NDArray[np.float64] | None:
        """Old name of `participated`."""
        _warn("entered", "participated")
        return self.participated

    @property
    def losing_price(self) -> NDArray[np.float64] | None:
        """Old name of `least_winning_cost`."""
        _warn("losing_price", "least_winning_cost")
        return self.least_winning_cost


def _warn(old: str, new: str) -> None:
    text = f"Outcome.{old}: this field is called {new} now; the old name works until version 0.3"
    warnings.warn(text, RenamedWarning, stacklevel=3)
