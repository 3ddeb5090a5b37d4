"""Where an evolution strategy begins: at about the keyword bids, or at the best bids that one number describes.

One number is all that a market needs where only values count: everybody bids lambda times the value of a click, and lambda is
fitted on training days so that the revenue floor holds (`agents/learners/scales/fit.py`). From there each advertiser needs a
factor of its own, where its floors or caps ask for one. Hundreds of advertisers need not find out one by one what a value is
worth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.scales.fit import fit_value_scale
from auctionsim.agents.policies.parameterization import start_parameters
from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.market.bidding import starting_coefficients
from auctionsim.market.market import Market
from auctionsim.scenario import LearnerSection

Array = NDArray[np.float64]

FAINT = -6.0
"""Log multiplier of the coefficients that a start leaves nearly out, a four hundredth: a log that can still rise."""


def first_parameters(market: Market, settings: LearnerSection) -> Array:
    """Return the parameters before learning, as `learner.start` asks, `[agents, size]`."""
    return start_parameters(market, settings) if settings.start == "keyword-bid" else _value_scaled(market, settings)


def _value_scaled(market: Market, settings: LearnerSection) -> Array:
    """Return log multipliers at which each advertiser bids lambda x the value of a click, and hardly anything else.

    For example, with lambda 0.5 and a starting coefficient of 0.05 on the value the third log multiplier is log 10. Where no
    click is worth anything, or an advertiser has no value, its start is that of the keyword bids.
    """
    parameters, scale = start_parameters(market, settings), fit_value_scale(market)
    value = starting_coefficients(market)[:, BID_MODELS["macg"].index("value")]
    has_value = (value > 0) & (scale > 0)
    parameters[has_value] = FAINT
    ratio = np.divide(scale, value, out=np.ones_like(value), where=has_value)
    parameters[has_value, BID_MODELS["macg"].index("value")] = arithmetic.log(ratio)[has_value]
    return parameters
