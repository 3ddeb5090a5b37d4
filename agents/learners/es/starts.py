"""Where an evolution strategy begins: at about the keyword bids, or at the best bids that one number describes.

One number is all that a market needs where only values count: everybody bids lambda times the value of a click, and lambda is
fitted on training days so that the revenue floor holds (`agents/learners/scales/fit.py`). From there each advertiser needs a
factor of its own, where its floors or caps ask for one. Hundreds of advertisers need not find out one by one what a value is
worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.scales.fit import fit_value_scale
from auctionsim.agents.learners.scales.paced import fit_paced_scales
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
    if settings.start == "keyword-bid":
        return start_parameters(market, settings)
    return _value_scaled(market, settings, _FITS[settings.start](market))


def _value_scaled(market: Market, settings: LearnerSection, scale: Array) -> Array:
    """Return log multipliers at which each advertiser bids a scale times the value of a click, and hardly anything else.

    For example, with a scale of 0.5 and a starting coefficient of 0.05 on the value the third log multiplier is log 10. Where
    no click is worth anything, or an advertiser has no value, its start is that of the keyword bids.

    Args:
        market: The market.
        settings: The learner's settings.
        scale: One scale for all, or one for each learner, `[1]` or `[learners]`.
    """
    parameters = start_parameters(market, settings)
    value = starting_coefficients(market)[:, BID_MODELS["macg"].index("value")]
    has_value = (value > 0) & (scale > 0)
    parameters[has_value] = FAINT
    ratio = np.divide(scale, value, out=np.ones_like(value), where=has_value)
    parameters[has_value, BID_MODELS["macg"].index("value")] = arithmetic.log(ratio)[has_value]
    return parameters


_FITS: Mapping[str, Callable[[Market], Array]] = {
    "value-scale": lambda market: np.array([fit_value_scale(market)]),
    "value-scale-paced": fit_paced_scales,
}
"""Functions that fit the scales of each start on training days."""
