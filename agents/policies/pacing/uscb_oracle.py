"""`uscb-oracle`: the best constant multiple of a click's value in hindsight (USCB's optimal form, KDD 2021, equation 13)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.pacing.plan import bid_by
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy
from auctionsim.objectives.goals import day_totals, own_objective

Array = NDArray[np.float64]

# Evenly in logs, from a twentieth to twenty times the value.
_MULTIPLIERS = np.exp(np.linspace(-3.0, 3.0, 49))


class UscbOracle:
    """`b = w0 v` all day: for each advertiser the w0 whose own objective is the largest on the very day.

    A yardstick, not a rule for use: it knows the day. Rivals stand still at the reference policy while w0 is sought, and
    budgets are the engine's; constraints on CPC and ROI are left out.
    """

    def __init__(self, market: Market, who: NDArray[np.int64]) -> None:
        self._market, self._who = market, who
        self._known: dict[int, Array] = {}

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (made for its own market)
        """Bid alike in every hour of the day."""
        if day not in self._known:
            self._known[day] = np.array([self._best(day, int(i)) for i in self._who])
        theta = bid_by(value=np.tile(self._known[day][:, None], n_policies))
        return DayPolicy(lambda state: theta)  # noqa: ARG005

    def _best(self, day: int, advertiser: int) -> float:
        market = self._market
        theta = np.repeat(market.static(market.scenario.platform.baseline), len(_MULTIPLIERS), axis=2)
        theta[advertiser] = 0.0
        theta[advertiser, FEATURES.index("value")] = _MULTIPLIERS
        objective = own_objective(day_totals(market.outcome(day, theta)), goals_of(market, day))
        return float(_MULTIPLIERS[np.argmax(objective[advertiser])])
