"""The auction's rules as the engine takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import unknown
from auctionsim.market.engine import PRICINGS
from auctionsim.scenario import slot_effect_problem

OUTCOME_KINDS = ("expected", "sampled")


@dataclass(frozen=True)
class Rules:
    """Slots, pricing, reserve, ranking and outcomes; what each means stands in `mechanism.py`."""

    slot_effect: tuple[float, ...] = (1.0,)
    pricing: str = "gsp"
    reserve: float = 0.0
    squash: float = 1.0
    outcomes: str = "expected"

    @classmethod
    def checked(cls, slot_effect: Sequence[float], pricing: str, reserve: float, squash: float, outcomes: str) -> Rules:
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
        return cls(effect, pricing, float(reserve), float(squash), outcomes)

    @property
    def pricing_number(self) -> int:
        """The pricing rule's number in the engine."""
        return PRICINGS.index(self.pricing)

    def quality(self, pctr: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a bid is multiplied with to rank: pctr^squash."""
        return pctr if self.squash == 1.0 else pctr**self.squash
