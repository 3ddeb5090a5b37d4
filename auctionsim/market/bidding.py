"""Turn actions into bids: log multipliers on starting coefficients, for environments and learners alike.

A log multiplier of 0 bids about as the keyword bids do. Logs keep theta positive and make one step a ratio: only ratios of
bids decide who wins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.bid_formula import BID_MODELS, FEATURES
from auctionsim.market.market import Market

Array = NDArray[np.float64]

# Share of the starting bid that each coefficient of the model `macg` carries. The constant carries most of it, as in a keyword
# bid: an agent has to learn that bids should follow the single auction. If all of it were `value`, training would begin next to
# the efficient allocation.
_MACG_SHARES = {"one": 0.8, "pcvr": 0.1, "value": 0.1}


def starting_coefficients(market: Market, model: str = "macg") -> Array:
    """Return coefficients whose mean bid over the training days is the mean keyword bid.

    Args:
        market: The market.
        model: The bid model, a key of `bid_formula.BID_MODELS`.

    Returns:
        Coefficients of the controlled advertisers, `[learners, features of the model]`; 0 for a feature whose mean is 0.
    """
    mean = dict(zip(FEATURES, market.mean_features[market.learners].T, strict=True))
    # An advertiser without a keyword bid starts from the value of a click.
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
    """Return the coefficients of all advertisers, those of fixed rules included.

    Args:
        market: The market.
        log_multipliers: Logs of the factors on the starting coefficients, `[P, learners, features of the model]`.
        start: Starting coefficients, `[learners, features of the model]`, from `starting_coefficients`.
        model: The bid model, a key of `bid_formula.BID_MODELS`.

    Returns:
        Coefficients over `bid_formula.FEATURES`, `[advertisers, 4, P]`; NaN for advertisers whose rule bids hour by hour.
    """
    return coefficients_with(market.fixed, market.learners, log_multipliers, start, model)


def coefficients_with(fixed: Array, learners: NDArray[np.int64], log_multipliers: Array, start: Array, model: str) -> Array:
    """Return the coefficients of all advertisers, of arrays of numpy or of a library that follows its protocols.

    Args:
        fixed: Coefficients of the advertisers under a fixed rule, `[advertisers, 4]`, from `Market.fixed`.
        learners: Indices of the controlled advertisers, `[learners]`.
        log_multipliers: Logs of the factors on the starting coefficients, `[P, learners, features of the model]`.
        start: Starting coefficients, `[learners, features of the model]`.
        model: The bid model.
    """
    theta = np.repeat(fixed[:, :, None], len(log_multipliers), axis=2)
    learned = start[None] * arithmetic.exp(log_multipliers)
    for k, name in enumerate(BID_MODELS[model]):
        theta[learners, FEATURES.index(name)] = learned[:, :, k].T
    return theta
