"""`pid`: the keyword bid under a PID controller of spending (Zhang et al., WSDM 2016, section 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.pacing.plan import SpendPlan, bid_by, hourly_share
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState

Array = NDArray[np.float64]

# Proportional, integral and derivative gain: our choice, for 24 updates a day. Spend rises steeply with bids, so that gains of
# a few tenths would make every second hour spend nothing.
_P, _I, _D = 0.1, 0.1, 0.02
_LARGEST_EXPONENT = 3.0


class Pid:
    """Bid `b = keyword bid x exp(phi)`, `phi = P e + I sum e + D (e - e_before)`.

    The error e is how far the last hour's cost stayed under the planned spend, relative to it and clipped to [-1, 1]. The
    planned spend of an hour is its share of the budget that is left, in proportion to the auctions to come. Without a budget
    phi stays 0.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        self._share = hourly_share(market, advertisers)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (other rules use them)
        """Begin a day with `phi = 0`."""
        plan = SpendPlan(self._share)
        total = before = phi = np.zeros((self._share.shape[1], n_policies))

        def act(state: DayState) -> Array:
            nonlocal total, before, phi
            over = plan.error(state)
            if over is not None:
                error = np.clip(-over, -1.0, 1.0)
                total = total + error
                phi = np.clip(_P * error + _I * total + _D * (error - before), -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
                before = error
            plan.plan(state)
            return bid_by(keyword_bid=arithmetic.exp(phi))

        return DayPolicy(act)
