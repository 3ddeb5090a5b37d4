"""The sections `[mechanism]` and `[platform]`: the auction's rules, and the platform's goals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from auctionsim.scenario.base import NotNegative, Positive, Section
from auctionsim.slots import MAX_SLOTS, slot_effect_problem


class PreRankerSection(Section):
    """The pre-ranker of a cascade, which keeps some candidates of each auction before the auction ranks them."""

    keep: Annotated[int, Field(ge=1, le=10**6)]
    """Candidates M that the pre-ranker keeps of each auction; all where there are no more. Fewer than slots + 1 leave slots
    empty, or their price to the reserve."""
    noise: Annotated[FiniteFloat, Field(ge=0, le=10)] = 0.0
    """Standard deviation of the error of the score's logarithm, which is drawn for each advertiser in each auction bucket."""
    score: Literal["ecpm", "pctr"] = "ecpm"
    """Score by which the pre-ranker sorts: `ecpm` pctr^squash x keyword bid, `pctr` the predicted click-through rate alone."""


class MechanismSection(Section):
    """The auction's rules."""

    pricing: Literal["gsp", "first", "vcg"] = "gsp"
    """Price per click: `gsp` generalized second price, `first` first price, `vcg` Vickrey-Clarke-Groves."""
    slot_effect: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=MAX_SLOTS)] = (1.0,)
    """Click-through rate by slot relative to the first slot: the first is 1.0, none is larger than the one before."""
    reserve: NotNegative = 0.0
    """Lowest eligible bid and lowest price, currency per click."""
    squash: Annotated[FiniteFloat, Field(ge=0, le=10)] = 1.0
    """Exponent of pctr in the rank score pctr^squash x bid: 1 ranks by eCPM, 0 by bid (Lahaie and Pennock 2007)."""
    outcomes: Literal["expected", "sampled"] = "expected"
    """Clicks and conversions: `expected` counts their expectation; `sampled` draws them from random streams keyed by seed, day,
    hour and cell, the same for every policy."""
    bid_floor: NotNegative = 0.0
    """Lower bound on bids, currency per click: lower bids are raised to it."""
    bid_cap: Positive | None = None
    """Upper bound on bids, currency per click: higher bids are cut to it."""
    preranker: PreRankerSection | None = None
    """Pre-ranker that drops candidates before the auction; without the section all candidates are ranked."""

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> MechanismSection:
        if self.bid_cap is not None and self.bid_cap < self.bid_floor:
            raise ValueError(f"bid_cap: expected a number >= bid_floor = {self.bid_floor}, got {self.bid_cap}")
        return self

    @model_validator(mode="after")
    def _slots_decay(self) -> MechanismSection:
        problem = slot_effect_problem(self.slot_effect)
        if problem:
            raise ValueError(f"slot_effect: expected {problem[0]}, got {problem[1]}")
        return self


class PlatformSection(Section):
    """The platform's goals, and the baseline policy."""

    revenue_floor: NotNegative = 0.0
    """Floor on the platform's revenue, as a share of the baseline revenue; 0 turns it off."""
    self_bidder_floor: NotNegative = 0.0
    """Soft floor on the total profit of all self-bidding advertisers, as a share of their baseline profit; 0 turns it off."""
    baseline: Literal["manual", "truthful"] = "manual"
    """Baseline policy of all advertisers, `manual` (keyword bids) or `truthful`. Every ratio and every `baseline*SHARE` refers
    to it, on the same traffic."""
