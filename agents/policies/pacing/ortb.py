"""`ortb`: optimal real-time bidding for a win curve w(b) = b / (c + b) (Zhang, Yuan and Wang, KDD 2014; derived again here)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.pacing.plan import bid_by
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState

Array = NDArray[np.float64]

_LARGEST_WIN_RATE, _SMALLEST_WIN_RATE = 0.99, 0.01
_LARGEST_LAMBDA, _HALVINGS = 1e6, 60


class Ortb:
    """Bid `b = sqrt(c^2 + c v / lambda) - c` per click, with v the value of a click.

    It solves `lambda w(b) = (v - lambda b) w'(b)`. c is set so that w at the mean keyword bid is the win rate under the
    baseline. lambda >= 1 is set so that the curve's expected spend on training days is the budget. At lambda = 1, and without a
    budget, the bid maximizes `(v - b) w(b)`. The market bids by coefficients that are linear in the features, so each hour bids
    along the tangent at its mean value. The formula is concave in v, so both coefficients of the tangent are >= 0.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        days = market.scenario.traffic.train_days
        auctions = sum(market.hourly_auctions(day)[:, advertisers].sum(axis=0) for day in days)
        shown = sum(market.baseline[day].impressions[:, advertisers, 0].sum(axis=0) for day in days)
        won = np.clip(shown / np.maximum(auctions, 1.0), _SMALLEST_WIN_RATE, _LARGEST_WIN_RATE)
        keyword_bid, value = (market.mean_features[advertisers, FEATURES.index(name)] for name in ("keyword_bid", "value"))
        level = np.where(keyword_bid > 0, keyword_bid, value)
        c = np.maximum(level * (1 - won) / won, 1e-12)
        lam = np.array([_lambda(market, int(i), float(one)) for i, one in zip(advertisers, c, strict=True)])
        mean_value = sum(market.hourly_features(day)[:, advertisers, FEATURES.index("value")] for day in days) / len(days)
        root = np.sqrt(c * c + c * mean_value / lam)
        self._slope = c / lam / (2 * root)
        self._intercept = root - c - self._slope * mean_value

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (other rules use them)
        """Bid along the tangent of each hour."""

        def act(state: DayState) -> Array:
            one, value = (np.tile(part[state.hour][:, None], n_policies) for part in (self._intercept, self._slope))
            return bid_by(one=np.maximum(one, 0.0), value=value)

        return DayPolicy(act)


def _lambda(market: Market, advertiser: int, c: float) -> float:
    """Find by bisection the smallest lambda >= 1 whose expected spend on a training day, `sum ctr b w(b)`, fits the budget."""
    traffic, days = market.traffic, market.scenario.traffic.train_days
    rows = (traffic.advertiser == advertiser) & np.isin(traffic.row_day, days)
    value, clicks = market.phi[rows, FEATURES.index("value")], traffic.ctr[rows] * traffic.row_weight[rows] / len(days)

    def spend(lam: float) -> float:
        bid = np.sqrt(c * c + c * value / lam) - c
        return float((clicks * bid * bid / (c + bid)).sum())

    budget, low, high = float(market.budgets[advertiser]), 1.0, _LARGEST_LAMBDA
    if spend(low) <= budget:
        return low
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if spend(middle) > budget else (low, middle)
    return high
