"""The simple rivals of SS-RTB: keyword bids (KB), one alpha a day (`linear`), an alpha an hour, one marginal value for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.base import Constant, DayPolicy
from auctionsim.agents.policies.cost_matched import cost_matched
from auctionsim.agents.policies.pacing.timetable import hour_factors, purchases_by_hour
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr

Array = NDArray[np.float64]

_PROBE = 0.25
"""Step in log alpha to either side of `linear`, over which the marginal value of spend is measured."""


def keyword_bids(market: Market) -> Constant:
    """Return the policy KB: controlled advertisers bid their keyword bids, the others follow their rule."""
    theta = market.fixed[:, :, None].copy()
    theta[market.learners, FEATURES.index("keyword_bid")] = 1.0
    return Constant(theta)


def keyword_cost(market: Market, day: int) -> Array:
    """Return the cost of a day under keyword bids and without budgets, currency `[learners]`: the target c of SS-RTB."""
    cost: Array = market.without_budgets().outcome(day, keyword_bids(market).theta).cost[:, market.learners, 0].sum(axis=0)
    return cost


def base_alpha(market: Market) -> Array:
    """Return the alpha whose mean bid over the training days is the mean keyword bid, `[learners]`: mean bid over mean pcvr."""
    mean = market.mean_features[market.learners]
    bid, pcvr = mean[:, FEATURES.index("keyword_bid")], mean[:, FEATURES.index("pcvr")]
    return np.divide(bid, pcvr, out=np.zeros_like(bid), where=pcvr > 0)


def alpha_bids(market: Market, alpha: Array) -> Array:
    """Return everybody's coefficients, where the controlled advertisers bid alpha x pcvr.

    Args:
        market: The market, whose rules the others follow.
        alpha: Coefficient on pcvr of each controlled advertiser, currency per conversion `[learners, P]`.

    Returns:
        Coefficients over `bid_formula.FEATURES`, `[advertisers, 4, P]`.
    """
    theta = np.repeat(market.fixed[:, :, None], alpha.shape[-1], axis=2)
    theta[market.learners, FEATURES.index("pcvr")] = alpha
    return theta


def linear_alpha(market: Market, day: int) -> Array:
    """Fit the alphas that, held all day, cost on a training day what keyword bids cost, `[learners]`."""
    alpha = base_alpha(market)
    match = cost_matched(market, day, Constant(alpha_bids(market, alpha[:, None])), keyword_cost(market, day))
    return alpha * match.policy.factor[market.learners]


def linear(market: Market, alpha: Array) -> Constant:
    """Return the policy `linear`: one alpha a day for each controlled advertiser, `[learners]`."""
    return Constant(alpha_bids(market, alpha[:, None]))


@dataclass(frozen=True, eq=False)
class HourlyAlpha:
    """Bid an alpha of its own in each hour."""

    alpha: Array
    """Coefficient on pcvr of each controlled advertiser, currency per conversion `[24, learners]`."""

    __repr__ = short_repr

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (the same for all)
        """Bid the hour's alphas."""
        return DayPolicy(lambda state: alpha_bids(market, self.alpha[state.hour][:, None]))


def timetable(market: Market, day: int, *, own: bool = False, smooth: bool = False) -> HourlyAlpha:
    """Fit alphas that follow 24 factors on pcvr from a training day, and cost there what keyword bids cost.

    Args:
        market: The market whose outcomes of the training day are seen.
        day: The training day.
        own: Whether each advertiser has factors from its own purchases; else all share those from everybody's.
        smooth: Whether purchases and predictions are averaged over three hours before, with weights 1/4, 1/2, 1/4.
    """
    seen = purchases_by_hour(market, (day,))
    bought, predicted = (amount[:, market.learners] if own else amount.sum(axis=1, keepdims=True) for amount in seen)
    if smooth:
        bought, predicted = (
            (np.roll(amount, 1, axis=0) + 2 * amount + np.roll(amount, -1, axis=0)) / 4 for amount in (bought, predicted)
        )
    policy = HourlyAlpha(base_alpha(market) * hour_factors(bought, predicted))
    drawn = market.with_realized_rates()
    match = cost_matched(drawn, day, policy, keyword_cost(drawn, day))
    return HourlyAlpha(policy.alpha * match.policy.factor[market.learners])


def common_value_alpha(market: Market, day: int) -> Array:
    """Fit fixed alphas at which one more unit of cost brings every advertiser the same GMV, `[learners]`.

    Where the price is a rival's bid, the last click that an advertiser wins costs what it bids for it. So GMV per unit of cost
    is lambda at the margin of all if each bids its click's mean GMV over lambda: alpha = GMV per predicted conversion of the
    training day, over lambda. lambda is set so that all together cost there what keyword bids cost.

    Args:
        market: The market whose outcomes of the training day are seen.
        day: The training day.
    """
    predicted = purchases_by_hour(market, (day,))[1][:, market.learners].sum(axis=0)
    gmv = market.baseline[day].gmv[:, market.learners, 0].sum(axis=0)
    alpha = np.divide(gmv, predicted, out=np.zeros_like(gmv), where=predicted > 0)
    drawn = market.with_realized_rates()
    policy = Constant(alpha_bids(market, alpha[:, None]))
    match = cost_matched(drawn, day, policy, keyword_cost(drawn, day), pooled=True)
    return alpha * match.policy.factor[market.learners]


def marginal_value_of_spend(market: Market, day: int, alpha: Array) -> Array:
    """Return the marginal value of spend (lambda): the GMV that one more unit of cost brings each advertiser, `[learners]`.

    It is the slope of GMV over cost between alphas a quarter (in logs) below and above, one advertiser at a time with all
    others unchanged: policy 2i lowers advertiser i's alpha and policy 2i + 1 raises it.

    Args:
        market: The market; its budgets are not applied.
        day: A training day.
        alpha: Coefficient on pcvr of each controlled advertiser, currency per conversion `[learners]`.
    """
    n = len(market.learners)
    free = market.without_budgets()
    slopes = np.zeros(n)
    for first in range(0, n, 16):
        own = np.arange(first, min(first + 16, n))
        alphas = np.repeat(alpha[:, None], 2 * len(own), axis=1)
        alphas[own, 2 * np.arange(len(own))] *= arithmetic.exp(-_PROBE)
        alphas[own, 2 * np.arange(len(own)) + 1] *= arithmetic.exp(_PROBE)
        outcome = free.outcome(day, alpha_bids(market, alphas))
        gmv, cost = (array[:, market.learners].sum(axis=0)[own] for array in (outcome.gmv, outcome.cost))
        low, high = 2 * np.arange(len(own)), 2 * np.arange(len(own)) + 1
        each = np.arange(len(own))
        gained, paid = gmv[each, high] - gmv[each, low], cost[each, high] - cost[each, low]
        slopes[own] = np.maximum(np.divide(gained, paid, out=np.zeros_like(paid), where=paid > 0), 0.0)
    return slopes
