"""What a scale multiplies: coefficients of the bid formula at which the bids of an advertiser are about its keyword bids.

A direction is `[learners, 4]` over `bid_formula.FEATURES`; advertiser i bids `scale x direction_i . phi`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market

Array = NDArray[np.float64]

_FEATURE_OF = {"clicks": "one", "conversions": "pcvr", "gmv": "value", "profit": "value"}
"""The bid feature that is worth a unit of each objective."""


def value_direction(market: Market) -> Array:
    """Return the value of a click times one number for all, at which all bids together have the mean of the keyword bids.

    For example, two advertisers whose clicks are worth 2 and 4 and whose keyword bids are 1 and 2 get 0.5 on the value.

    Args:
        market: The market; means are over training days.

    Returns:
        Coefficients, `[learners, 4]`; 0 where no click is worth anything.
    """
    mean = market.mean_features[market.learners]
    keyword_bid, value = (float(mean[:, FEATURES.index(name)].sum()) for name in ("keyword_bid", "value"))
    # Without keyword bids the value itself is where the search begins.
    level = 0.0 if value <= 0 else keyword_bid / value if keyword_bid > 0 else 1.0
    direction = np.zeros((len(market.learners), len(FEATURES)))
    direction[:, FEATURES.index("value")] = level
    return direction


def objective_direction(market: Market) -> Array:
    """Return what each advertiser wants, at its mean keyword bid: a constant for clicks, pcvr for conversions, else the value.

    Where it wants several things, each has its share of the bid: with `{clicks = 1, gmv = 3}` a quarter of the mean bid is the
    constant and three quarters follow the value.

    Args:
        market: The market; means are over training days.

    Returns:
        Coefficients, `[learners, 4]`; 0 for a feature that is 0 in all its auctions.
    """
    mean = market.mean_features[market.learners]
    keyword_bid, value = (mean[:, FEATURES.index(name)] for name in ("keyword_bid", "value"))
    level = np.where(keyword_bid > 0, keyword_bid, value)
    direction = np.zeros((len(market.learners), len(FEATURES)))
    for k, who in enumerate(market.learners):
        weights = market.groups[who].objectives
        for name, weight in weights.items():
            feature = FEATURES.index(_FEATURE_OF[name])
            if mean[k, feature] > 0:
                direction[k, feature] += weight / sum(weights.values()) * level[k] / mean[k, feature]
    return direction
