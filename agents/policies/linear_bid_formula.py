"""The linear bid formula with constant coefficients: `theta0 + theta1 pcvr + theta2 pcvr item_price` all day (docs/macg.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.market.bidding import market_coefficients, starting_coefficients
from auctionsim.market.market import Market

Array = NDArray[np.float64]


class LinearBidFormula:
    """Parameters are log multipliers on the starting coefficients, `[3]`."""

    side_by_side = True

    def start(self, market: Market) -> Array:  # noqa: ARG002  (the coefficients know the market)
        """Return zeros, at which the coefficients are the starting ones, `[3]`."""
        return np.zeros(len(BID_MODELS["macg"]))

    def policy(self, market: Market, parameters: Array) -> Policy:
        """Return the policies that bid with the coefficients of parameters `[P, learners, 3]` all day."""
        return Constant(market_coefficients(market, parameters, starting_coefficients(market)))
