"""The sections `[mechanism]` and `[platform]`: the auction, and what the platform asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from auctionsim.scenario.base import NotNegative, Positive, Section
from auctionsim.slots import MAX_SLOTS, slot_effect_problem


class MechanismSection(Section):
    """The auction."""

    pricing: Literal["gsp", "first", "vcg"] = "gsp"
    """Generalised second price, first price, or Vickrey-Clarke-Groves."""
    slot_effect: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=MAX_SLOTS)] = (1.0,)
    """Click decay by slot: first 1.0, not rising."""
    reserve: NotNegative = 0.0
    """Lowest bid and lowest price, currency per click."""
    squash: Annotated[FiniteFloat, Field(ge=0, le=10)] = 1.0
    """Exponent of pctr in the rank score: 1 ranks by eCPM, 0 by bid."""
    outcomes: Literal["expected", "sampled"] = "expected"
    """Clicks and conversions in expectation, or happening by luck that the seed draws."""
    bid_floor: NotNegative = 0.0
    """Bids below are raised to it, currency per click."""
    bid_cap: Positive | None = None
    """Bids above are cut to it, currency per click."""

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> MechanismSection:
        if self.bid_cap is not None and self.bid_cap < self.bid_floor:
            raise ValueError(f"bid_cap: expected a number at least bid_floor = {self.bid_floor}, got {self.bid_cap}")
        return self

    @model_validator(mode="after")
    def _slots_decay(self) -> MechanismSection:
        problem = slot_effect_problem(self.slot_effect)
        if problem:
            raise ValueError(f"slot_effect: expected {problem[0]}, got {problem[1]}")
        return self


class PlatformSection(Section):
    """What the platform asks for."""

    revenue_floor: NotNegative = 0.0
    """Share of the reference revenue to be kept; 0 turns it off."""
    self_bidder_floor: NotNegative = 0.0
    """Soft floor on the profit of all self-bidding advertisers together, as a share of the reference's; 0 turns it off."""
    baseline: Literal["manual", "truthful"] = "manual"
    """The policy every ratio and `baseline*SHARE` refers to, on the same traffic."""
