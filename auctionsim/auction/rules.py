"""The rules of the auction: checked, and in the form that the kernel reads."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import finite_vector, instance_of, number_between, one_of
from auctionsim.auction.kernel.arguments import AuctionRules
from auctionsim.errors import InputError, shown
from auctionsim.names.display import short_repr
from auctionsim.numbers import checked_seed, whole_number
from auctionsim.slots import MAX_SLOTS, slot_effect_problem

OUTCOME_KINDS = ("expected", "sampled")
"""Clicks and conversions count with their expectation, or are drawn."""


MOST_NOISE = 10.0
"""Largest standard deviation of a pre-ranker's errors: from there on its order is chance."""
PRERANKER_SCORES = ("ecpm", "pctr")
"""Scores of pre-rankers: pctr^squash x keyword bid, or pctr alone."""


@dataclass(frozen=True)
class PreRanker:
    """A pre-ranker, which keeps the best candidates of each auction by a noisy score before the auction ranks them.

    `auction/preranking.py` has the formula. What it sorts by is known before the auction: no bid of a policy enters.

    Args:
        keep: Candidates M that it keeps of each auction, >= 1; all where there are no more.
        noise: Standard deviation of the error of the score's logarithm, >= 0.
        score: `ecpm` sorts by pctr^squash x keyword bid, `pctr` by pctr alone.
        seed: Seed of the errors.

    Raises:
        InputError: An argument is out of range or names something unknown.
    """

    keep: int
    noise: float = 0.0
    score: str = "ecpm"
    seed: int = 0

    __repr__ = short_repr

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep", whole_number("keep", self.keep, 1))
        object.__setattr__(self, "noise", number_between("noise", self.noise, 0, MOST_NOISE))
        one_of("score", self.score, PRERANKER_SCORES)
        object.__setattr__(self, "seed", checked_seed("seed", self.seed))


@dataclass(frozen=True)
class Ring:
    """Advertisers of whom one bids in each auction, as `auction/rings/withholding.py` says."""

    members: tuple[int, ...]
    """Indices of the advertisers."""
    score: str = "value"
    """Score of the member that bids: pctr^squash x keyword bid (`keyword-bid`), or x value of a click (`value`)."""

    __repr__ = short_repr


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
    preranker: PreRanker | None = None
    """Pre-ranker that drops candidates before the auction; None where all of them are ranked."""
    rings: tuple[Ring, ...] = ()
    """Agencies of whose members one bids in each auction (`auction/rings/withholding.py`)."""

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
        preranker: PreRanker | None = None,
    ) -> Rules:
        """Make rules from a user's arguments, with no more slots than `most_slots`.

        Raises:
            InputError: An argument is out of range or names something unknown.
        """
        from auctionsim.auction.kernel.prices import PRICINGS

        effect = tuple(finite_vector("slot_effect", slot_effect, "one per slot").tolist())
        one_of("pricing", pricing, PRICINGS)
        one_of("outcomes", outcomes, OUTCOME_KINDS)
        problem = slot_effect_problem(effect, most_slots)
        if problem:
            raise InputError(f"slot_effect: expected {problem[0]}, got {problem[1]}")
        reserve, squash = number_between("reserve", reserve, 0), number_between("squash", squash, 0, 10)
        bid_floor = number_between("bid_floor", bid_floor, 0)
        is_number = isinstance(bid_cap, int | float | np.integer | np.floating) and not isinstance(bid_cap, bool)
        if not is_number or not bid_cap >= bid_floor:
            raise InputError(f"bid_cap: expected a number >= bid_floor = {bid_floor}, got {shown(bid_cap)}")
        # A cap of 400 digits is none.
        cap = float(bid_cap) if bid_cap <= sys.float_info.max else math.inf
        if preranker is not None:
            instance_of("preranker", preranker, PreRanker, "a PreRanker (auctionsim.auction.rules), or None")
        return cls(effect, pricing, reserve, squash, outcomes, bid_floor, cap, preranker)

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


def noiseless_scores(
    rules: Rules, quality: NDArray[np.float64], pctr: NDArray[Any], keyword_bid: NDArray[Any]
) -> NDArray[np.float64]:
    """Return what the pre-ranker would sort candidates by if it made no error, `[rows]`.

    Args:
        rules: The auction's rules, with a pre-ranker.
        quality: Factor that turns a bid into a rank score, pctr^squash, `[rows]`.
        pctr: Predicted click-through rates, `[rows]`.
        keyword_bid: Keyword bids, currency per click, `[rows]`.
    """
    assert rules.preranker is not None
    if rules.preranker.score == "pctr":
        return np.array(pctr, dtype=np.float64)
    bid = np.clip(np.asarray(keyword_bid, dtype=np.float64), rules.bid_floor, rules.bid_cap)
    return np.where(bid >= rules.reserve, quality * bid, 0.0)
