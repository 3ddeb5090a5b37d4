"""`linear`: the mean keyword bid, scaled by the auction's pcvr over its mean (Perlich et al., KDD 2012, from memory)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.pacing.plan import bid_by
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy

Array = NDArray[np.float64]


class Linear:
    """Bid `b = b0 pcvr / mean pcvr`, with b0 the mean keyword bid; both means are over training days.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        bid, pcvr = (market.mean_features[advertisers, FEATURES.index(name)] for name in ("keyword_bid", "pcvr"))
        self._slope = np.divide(bid, pcvr, out=np.zeros_like(bid), where=pcvr > 0)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (other rules use them)
        """Bid alike in every hour."""
        theta = bid_by(pcvr=np.tile(self._slope[:, None], n_policies))
        return DayPolicy(lambda state: theta)  # noqa: ARG005
