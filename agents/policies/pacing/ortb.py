"""`ortb`: optimal real-time bidding for a win curve w(b) = b / (c + b) (Zhang, Yuan and Wang, KDD 2014; derived again here)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.pacing.plan import bid_by
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState

Array = NDArray[np.float64]

_MOST_OFTEN, _LEAST_OFTEN = 0.99, 0.01
_LARGEST_LAMBDA, _HALVINGS = 1e6, 60


class Ortb:
    """`b = sqrt(c^2 + c v / lambda) - c` per click, v a click's value: the solution of `lambda w(b) = (v - lambda b) w'(b)`.

    c makes w the reference's win rate at the mean keyword bid; lambda, at least 1, makes the curve's expected spend on
    training days the budget. At lambda = 1, and without a budget, the bid maximises `(v - b) w(b)`. Since the market bids by
    coefficients that are linear in the features, each hour bids along the tangent at its mean value; the formula is concave,
    so that both coefficients are at least 0.
    """

    def __init__(self, market: Market, who: NDArray[np.int64]) -> None:
        days = market.scenario.traffic.train_days
        auctions = sum(market.hourly_auctions(day)[:, who].sum(axis=0) for day in days)
        shown = sum(market.baseline[day].impressions[:, who, 0].sum(axis=0) for day in days)
        won = np.clip(shown / np.maximum(auctions, 1.0), _LEAST_OFTEN, _MOST_OFTEN)
        manual, value = (market.mean_features[who, FEATURES.index(name)] for name in ("keyword_bid", "value"))
        level = np.where(manual > 0, manual, value)
        c = np.maximum(level * (1 - won) / won, 1e-12)
        lam = np.array([_lambda(market, int(i), float(one)) for i, one in zip(who, c, strict=True)])
        features = sum(market.hourly_features(day)[:, who, FEATURES.index("value")] for day in days) / len(days)
        root = np.sqrt(c**2 + c * features / lam)
        self._slope = c / lam / (2 * root)
        self._intercept = root - c - self._slope * features

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (a rule may know the day)
        """Bid along the tangent of each hour."""

        def act(state: DayState) -> Array:
            one, value = (np.tile(part[state.hour][:, None], n_policies) for part in (self._intercept, self._slope))
            return bid_by(one=np.maximum(one, 0.0), value=value)

        return DayPolicy(act)


def _lambda(market: Market, advertiser: int, c: float) -> float:
    """The least lambda from 1 on whose expected spend on a training day, `sum ctr b w(b)`, fits the budget; by bisection."""
    traffic, days = market.traffic, market.scenario.traffic.train_days
    rows = (traffic.advertiser == advertiser) & np.isin(traffic.row_day, days)
    value, clicks = market.phi[rows, FEATURES.index("value")], traffic.ctr[rows] * traffic.row_weight[rows] / len(days)

    def spend(lam: float) -> float:
        bid = np.sqrt(c**2 + c * value / lam) - c
        return float((clicks * bid * bid / (c + bid)).sum())

    budget, low, high = float(market.budgets[advertiser]), 1.0, _LARGEST_LAMBDA
    if spend(low) <= budget:
        return low
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if spend(middle) > budget else (low, middle)
    return high
