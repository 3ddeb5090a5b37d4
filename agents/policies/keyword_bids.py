"""The simple rivals of SS-RTB: keyword bids (KB) and one alpha a day (`linear`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import Constant
from auctionsim.agents.policies.cost_matched import match_cost
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market

Array = NDArray[np.float64]

_PROBE = 0.25
"""Log step to either side of `linear` at which the worth of cost is measured."""


def keyword_bids(market: Market) -> Constant:
    """KB: controlled advertisers bid their keyword bids, the others follow their rule."""
    theta = market.fixed[:, :, None].copy()
    theta[market.learners, FEATURES.index("keyword_bid")] = 1.0
    return Constant(theta)


def keyword_cost(market: Market, day: int) -> Array:
    """What a day costs each controlled advertiser under keyword bids, currency `[learners]`: the target c of SS-RTB."""
    cost: Array = market.without_budgets().outcome(day, keyword_bids(market).theta).cost[:, market.learners, 0].sum(axis=0)
    return cost


def base_alpha(market: Market) -> Array:
    """The alpha whose mean bid over the training days is the mean keyword bid, `[learners]`: mean bid over mean pcvr."""
    mean = market.mean_features[market.learners]
    bid, pcvr = mean[:, FEATURES.index("keyword_bid")], mean[:, FEATURES.index("pcvr")]
    return np.divide(bid, pcvr, out=np.zeros_like(bid), where=pcvr > 0)


def alpha_bids(market: Market, alpha: Array) -> Array:
    """Coefficients of all advertisers for alphas of the controlled ones: `[learners, P]` to `[advertisers, 4, P]`."""
    theta = np.repeat(market.fixed[:, :, None], alpha.shape[-1], axis=2)
    theta[market.learners, FEATURES.index("pcvr")] = alpha
    return theta


def linear_alpha(market: Market, day: int) -> Array:
    """`linear`: the alphas that, held all day, cost on a training day what keyword bids cost, `[learners]`."""
    alpha = base_alpha(market)
    match = match_cost(market, day, Constant(alpha_bids(market, alpha[:, None])), keyword_cost(market, day))
    return alpha * match.policy.factor[market.learners]


def linear(market: Market, alpha: Array) -> Constant:
    """One alpha a day for each controlled advertiser."""
    return Constant(alpha_bids(market, alpha[:, None]))


def worth_of_cost(market: Market, day: int, alpha: Array) -> Array:
    """GMV that one more unit of cost brings each controlled advertiser, all others as they are, `[learners]`.

    The slope between alphas a quarter (in logs) below and above, one advertiser at a time: policy 2i lowers advertiser i's
    alpha and policy 2i + 1 raises it.
    """
    n = len(market.learners)
    free = market.without_budgets()
    slopes = np.zeros(n)
    for first in range(0, n, 16):
        own = np.arange(first, min(first + 16, n))
        alphas = np.repeat(alpha[:, None], 2 * len(own), axis=1)
        alphas[own, 2 * np.arange(len(own))] *= np.exp(-_PROBE)
        alphas[own, 2 * np.arange(len(own)) + 1] *= np.exp(_PROBE)
        outcome = free.outcome(day, alpha_bids(market, alphas))
        gmv, cost = (array[:, market.learners].sum(axis=0)[own] for array in (outcome.gmv, outcome.cost))
        low, high = 2 * np.arange(len(own)), 2 * np.arange(len(own)) + 1
        each = np.arange(len(own))
        gained, paid = gmv[each, high] - gmv[each, low], cost[each, high] - cost[each, low]
        slopes[own] = np.maximum(np.divide(gained, paid, out=np.zeros_like(paid), where=paid > 0), 0.0)
    return slopes
