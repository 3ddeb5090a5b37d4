"""Actions as bids: log multipliers on starting coefficients, for environments and learners alike.

A log multiplier of 0 bids about as the keyword bids do. Logs keep theta positive and make one step a ratio: only ratios of
bids decide who wins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import BID_MODELS, FEATURES
from auctionsim.market.market import Market

Array = NDArray[np.float64]

# Of the model `macg`, the share of the starting bid that each coefficient carries. Mostly the constant, as in a keyword bid:
# that bids should follow the single auction is to be learned. Started from `value` alone, training would begin next to the
# efficient allocation.
_MACG_SHARES = {"one": 0.8, "pcvr": 0.1, "value": 0.1}


def starting_coefficients(market: Market, model: str = "macg") -> Array:
    """Coefficients whose mean bid over the training days is the mean keyword bid: `[learners, features of the model]`."""
    mean = dict(zip(FEATURES, market.mean_features[market.learners].T, strict=True))
    # Without a keyword bid to start from, start from the value of a click.
    level = np.where(mean["keyword_bid"] > 0, mean["keyword_bid"], mean["value"])
    features = BID_MODELS[model]
    shares = [_MACG_SHARES[name] if len(features) > 1 else 1.0 for name in features]
    return np.stack(
        [
            np.divide(share * level, mean[name], out=np.zeros_like(level), where=mean[name] > 0)
            for share, name in zip(shares, features, strict=True)
        ],
        axis=1,
    )


def market_coefficients(market: Market, log_multipliers: Array, start: Array, model: str = "macg") -> Array:
    """Coefficients of all advertisers, fixed rules included.

    Args:
        market: The market.
        log_multipliers: `[P, learners, features of the model]`.
        start: As `starting_coefficients` gives it.
        model: The bid model.

    Returns:
        Coefficients over `FEATURES`, `[advertisers, 4, P]`.
    """
    theta = np.repeat(market.fixed[:, :, None], len(log_multipliers), axis=2)
    learned = start[None] * np.exp(log_multipliers)
    for k, name in enumerate(BID_MODELS[model]):
        theta[market.learners, FEATURES.index(name)] = learned[:, :, k].T
    return theta
