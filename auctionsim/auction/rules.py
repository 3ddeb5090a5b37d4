"""The rules of the auction: checked, and in the form that the kernel reads."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import finite_vector, number_between, one_of
from auctionsim.auction.kernel.arguments import AuctionRules
from auctionsim.errors import shown
from auctionsim.names.display import short_repr
from auctionsim.slots import MAX_SLOTS, slot_effect_problem

OUTCOME_KINDS = ("expected", "sampled")
"""Clicks and conversions count with their expectation, or are drawn."""


@dataclass(frozen=True)
class Rules:
    """Slots, pricing, reserve, ranking, outcomes and bounds of bids; `auction/reference.py` defines each."""

    slot_effect: tuple[float, ...] = (1.0,)
    """Click decay by slot: 1.0 for the first, positive, never rising."""
    pricing: str = "gsp"
    """One of `prices.PRICINGS`."""
    reserve: float = 0.0
    """Lowest bid and lowest price, currency per click."""
    squash: float = 1.0
    """Exponent of pctr in the rank score, in [0, 10] (Lahaie and Pennock 2007): 1 ranks by eCPM, 0 by bid."""
    outcomes: str = "expected"
    """One of `OUTCOME_KINDS`."""
    bid_floor: float = 0.0
    bid_cap: float = math.inf
    """Bids are clipped to `[bid_floor, bid_cap]`, currency per click."""

    __repr__ = short_repr

    @classmethod
    def checked(
        cls,
        slot_effect: Sequence[float],
        pricing: str,
        reserve: float,
        squash: float,
        outcomes: str,
        bid_floor: float = 0.0,
        bid_cap: float = math.inf,
        most_slots: float = MAX_SLOTS,
    ) -> Rules:
        """Make rules from a user's arguments, with no more slots than `most_slots`.

        Raises:
            ValueError: An argument is out of range or names something unknown.
        """
        from auctionsim.auction.kernel.prices import PRICINGS

        effect = tuple(finite_vector("slot_effect", slot_effect, "one per slot").tolist())
        one_of("pricing", pricing, PRICINGS)
        one_of("outcomes", outcomes, OUTCOME_KINDS)
        problem = slot_effect_problem(effect, most_slots)
        if problem:
            raise ValueError(f"slot_effect: expected {problem[0]}, got {problem[1]}")
        reserve, squash = number_between("reserve", reserve, 0), number_between("squash", squash, 0, 10)
        bid_floor = number_between("bid_floor", bid_floor, 0)
        is_number = isinstance(bid_cap, int | float | np.integer | np.floating) and not isinstance(bid_cap, bool)
        if not is_number or not bid_cap >= bid_floor:
            raise ValueError(f"bid_cap: expected a number >= bid_floor = {bid_floor}, got {shown(bid_cap)}")
        # A cap of 400 digits is none.
        cap = float(bid_cap) if bid_cap <= sys.float_info.max else math.inf
        return cls(effect, pricing, reserve, squash, outcomes, bid_floor, cap)

    @property
    def is_clipped(self) -> bool:
        """Whether bids have bounds."""
        return self.bid_floor > 0 or self.bid_cap < math.inf

    def for_kernel(self) -> AuctionRules:
        """Return the rules as the numbers that the kernel reads."""
        from auctionsim.auction.kernel.prices import PRICINGS

        return AuctionRules(
            slot_effect=np.array(self.slot_effect),
            pricing=PRICINGS.index(self.pricing),
            reserve=self.reserve,
            bid_floor=self.bid_floor,
            bid_cap=self.bid_cap,
            is_sampled=self.outcomes == "sampled",
        )

    def quality(self, pctr: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the factor that turns a bid into a rank score, pctr^squash."""
        return pctr if self.squash == 1.0 else arithmetic.power(pctr, self.squash)
