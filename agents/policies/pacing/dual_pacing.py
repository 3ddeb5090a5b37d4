"""`dual-pacing`: the value of a click, shaded by the budget's multiplier (Balseiro and Gur 2019, adaptive pacing)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.pacing.plan import SpendPlan, bid_by, hourly_share
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState

Array = NDArray[np.float64]

# At first mu = 1, so that the bid is half of the value, about what keyword bids are. The step size suits 24 updates a day. Both
# are our choices.
_FIRST_MULTIPLIER, _STEP, _LARGEST_MULTIPLIER = 1.0, 0.3, 50.0


class DualPacing:
    """Bid `b = v / (1 + mu)`, with `mu <- P[0, largest](mu - step (planned - spent) / planned)` after every hour.

    P projects on an interval. The planned spend of an hour is its share of the budget that is left, in proportion to the
    auctions to come. Without a budget mu is 0: the truthful bid.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        self._share = hourly_share(market, advertisers)
        self._first = np.where(np.isfinite(market.budgets[advertisers]), _FIRST_MULTIPLIER, 0.0)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (other rules use them)
        """Begin a day with the first guess of mu."""
        mu, plan = np.tile(self._first[:, None], n_policies), SpendPlan(self._share)

        def act(state: DayState) -> Array:
            nonlocal mu
            error = plan.error(state)
            if error is not None:
                mu = np.clip(mu + _STEP * error, 0.0, _LARGEST_MULTIPLIER)
            plan.plan(state)
            return bid_by(value=1.0 / (1.0 + mu))

        return DayPolicy(act)
