"""`dual-pacing`: the value of a click, shaded by the budget's multiplier (Balseiro and Gur 2019, adaptive pacing)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.pacing.plan import bid_by, hourly_share, overspent
from auctionsim.auction.outcome import COST
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState

Array = NDArray[np.float64]

# A half of the value, which a keyword bid is about worth, as the first guess; steps for 24 updates a day. Both ours.
_FIRST_MULTIPLIER, _STEP, _LARGEST_MULTIPLIER = 1.0, 0.3, 50.0


class DualPacing:
    """`b = v / (1 + mu)`, `mu <- P[0, largest](mu - step (planned - spent) / planned)` after every hour.

    Planned is what is left of the budget, in proportion to the auctions to come. Without a budget mu is 0: the truthful bid.
    """

    def __init__(self, market: Market, who: NDArray[np.int64]) -> None:
        self._share = hourly_share(market, who)
        self._first = np.where(np.isfinite(market.budgets[who]), _FIRST_MULTIPLIER, 0.0)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (a rule may know the day)
        """Begin a day with the first guess of mu."""
        share = self._share[:, :, None]
        mu = np.tile(self._first[:, None], n_policies)
        planned = np.full_like(mu, np.inf)

        def act(state: DayState) -> Array:
            nonlocal mu, planned
            if state.hour:
                mu = np.clip(mu + _STEP * overspent(state.last_step[:, COST], planned), 0.0, _LARGEST_MULTIPLIER)
            planned = share[state.hour] * state.budget_left
            return bid_by(value=1.0 / (1.0 + mu))

        return DayPolicy(act)
