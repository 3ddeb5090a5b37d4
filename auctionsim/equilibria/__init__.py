"""Solve for equilibria: what bids end in when nobody gains by departing alone. No traffic, no scenario, no learner.

Every solver returns how precise it is, computed from the result: a gap, a violation or an exploitability, never a constant.
"""

from __future__ import annotations

from auctionsim.equilibria.autobidding import Autobidders, autobidding_equilibria
from auctionsim.equilibria.best_responses import Path, follow_best_responses
from auctionsim.equilibria.distributions import PowerValues, uniform_values
from auctionsim.equilibria.first_price_pacing import FirstPricePacing, fppe
from auctionsim.equilibria.first_price_values import (
    BidFunction,
    FirstPriceEquilibrium,
    first_price_equilibrium,
    utility_losses,
)
from auctionsim.equilibria.multiplier_game import MultiplierGame
from auctionsim.equilibria.second_price_pacing import SecondPricePacing, sppe
from auctionsim.equilibria.throttling import Throttling, throttling_equilibrium

__all__ = [
    "Autobidders",
    "BidFunction",
    "FirstPriceEquilibrium",
    "FirstPricePacing",
    "MultiplierGame",
    "Path",
    "PowerValues",
    "SecondPricePacing",
    "Throttling",
    "autobidding_equilibria",
    "first_price_equilibrium",
    "follow_best_responses",
    "fppe",
    "sppe",
    "throttling_equilibrium",
    "uniform_values",
    "utility_losses",
]
