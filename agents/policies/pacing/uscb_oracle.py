"""`uscb-oracle`: the best constant multiple of a click's value in hindsight (USCB's optimal form, KDD 2021, equation 13)."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.pacing.plan import bid_by
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy
from auctionsim.objectives.goals import day_totals, own_objective
from auctionsim.scenario import Regime

Array = NDArray[np.float64]


class UscbOracle:
    """Bid `b = w0 v` all day, with the w0 of each advertiser that maximizes its own objective on that same day.

    It is a benchmark in hindsight, not a rule for use: it knows the day. While w0 is searched, rivals follow the baseline
    policy. Budgets are kept by the market; constraints on CPC and ROI are left out.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    name = "uscb-oracle"
    needs: Regime = "full"
    """Regime of `[information]` that shows what it needs: rivals' bids, and those before anybody could report them."""
    needs_no_delay = True

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        self._market, self._advertisers = market, advertisers
        self._known: dict[int, Array] = {}

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (made for its own market)
        """Bid alike in every hour of the day."""
        if day not in self._known:
            self._known[day] = np.array([self._best(day, int(i)) for i in self._advertisers])
        theta = bid_by(value=np.tile(self._known[day][:, None], n_policies))
        return DayPolicy(lambda state: theta)  # noqa: ARG005

    def _best(self, day: int, advertiser: int) -> float:
        """Return the multiple of the value that is best for one advertiser on a day."""
        market, multipliers = self._market, _multipliers()
        theta = np.repeat(market.static(market.scenario.platform.baseline), len(multipliers), axis=2)
        theta[advertiser] = 0.0
        theta[advertiser, FEATURES.index("value")] = multipliers
        objective = own_objective(day_totals(market.outcome(day, theta)), goals_of(market, day))
        return float(multipliers[np.argmax(objective[advertiser])])


@cache
def _multipliers() -> Array:
    """Return the multiples that are tried: evenly spaced in logs, from a twentieth to twenty times the value."""
    return np.asarray(arithmetic.exp(np.linspace(-3.0, 3.0, 49)))
