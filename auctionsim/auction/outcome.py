"""What a day brought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a day brought, each array `[hours, advertisers, P]`."""

    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    conversions: NDArray[np.float64]
    gmv: NDArray[np.float64]
    """Currency."""
    cost: NDArray[np.float64]
    """Currency charged to the advertiser."""
    entered: NDArray[np.float64] | None = None
    """Auctions with a bid that could be shown; None unless asked for, as the next two."""
    winning_price: NDArray[np.float64] | None = None
    """Mean price per click of shown ads, currency; NaN where none was shown."""
    losing_price: NDArray[np.float64] | None = None
    """Mean price per click of the last slot in auctions entered but not won, currency; NaN where there were none."""

    @property
    def revenue(self) -> NDArray[np.float64]:
        """The platform's receipts, `[hours, P]`."""
        return self.cost.sum(axis=1)

    @property
    def profit(self) -> NDArray[np.float64]:
        """GMV less cost, `[hours, advertisers, P]`."""
        return self.gmv - self.cost
