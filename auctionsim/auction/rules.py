"""The auction's rules as the engine takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import Terms
from auctionsim.auction.kernel.pricing import PRICINGS
from auctionsim.errors import unknown
from auctionsim.slots import slot_effect_problem

OUTCOME_KINDS = ("expected", "sampled")


@dataclass(frozen=True)
class Rules:
    """Slots, pricing, reserve, ranking, outcomes and bounds of bids; what each means stands in `mechanism.py`."""

    slot_effect: tuple[float, ...] = (1.0,)
    pricing: str = "gsp"
    reserve: float = 0.0
    squash: float = 1.0
    outcomes: str = "expected"
    bid_floor: float = 0.0
    bid_cap: float = math.inf

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
    ) -> Rules:
        """Rules from outside.

        Raises:
            ValueError: One is out of range or unknown.
        """
        effect = tuple(float(e) for e in slot_effect)
        if pricing not in PRICINGS:
            raise unknown("pricing", pricing, PRICINGS)
        if outcomes not in OUTCOME_KINDS:
            raise unknown("outcomes", outcomes, OUTCOME_KINDS)
        problem = slot_effect_problem(effect)
        if problem:
            raise ValueError(f"slot_effect: expected {problem[0]}, got {problem[1]}")
        if not (math.isfinite(reserve) and reserve >= 0):
            raise ValueError(f"reserve: expected a number at least 0, got {reserve}")
        if not (math.isfinite(squash) and 0 <= squash <= 10):
            raise ValueError(f"squash: expected a number from 0 to 10, got {squash}")
        if not (math.isfinite(bid_floor) and bid_floor >= 0):
            raise ValueError(f"bid_floor: expected a number at least 0, got {bid_floor}")
        if not bid_cap >= bid_floor:
            raise ValueError(f"bid_cap: expected a number at least bid_floor = {bid_floor}, got {bid_cap}")
        return cls(effect, pricing, float(reserve), float(squash), outcomes, float(bid_floor), float(bid_cap))

    @property
    def is_clipped(self) -> bool:
        """Whether bids have bounds."""
        return self.bid_floor > 0 or self.bid_cap < math.inf

    def terms(self) -> Terms:
        """The rules as the engine takes them."""
        return Terms(
            slot_effect=np.array(self.slot_effect),
            pricing=PRICINGS.index(self.pricing),
            reserve=self.reserve,
            bid_floor=self.bid_floor,
            bid_cap=self.bid_cap,
            is_sampled=self.outcomes == "sampled",
        )

    def quality(self, pctr: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a bid is multiplied with to rank: pctr^squash."""
        return pctr if self.squash == 1.0 else pctr**self.squash
