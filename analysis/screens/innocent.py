"""Draw logs of procurement in which nobody colludes, and which a careless screen would accuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from auctionsim import arithmetic
from auctionsim.analysis.screens.log import BidLog, bid_log


@dataclass(frozen=True)
class Innocent:
    """A market in which bidders bid a markup on their own costs, each alone."""

    bidders: int = 20
    present: tuple[int, int] = (2, 6)
    """Fewest and most bidders of an auction."""
    private: float = 0.06
    """Standard deviation of the logarithm of private costs."""
    unit: float = 0.0
    """Unit that bids are rounded to, currency."""
    lead: float = 0.0
    """Share by which the costs of one bidder are lower."""
    spreads: float = 0.0
    """Standard deviation of the logarithm of an auction's own spread."""
    tails: float = 0.0
    """Standard deviation of the logarithm of a private cost's own spread, which gives costs heavy tails."""
    has_reserve: bool = True
    """Whether bids are below a reserve of about the common cost and a fifth."""


CASES: Mapping[str, Innocent] = {
    "common costs": Innocent(private=0.03),
    "few bidders": Innocent(bidders=3, present=(3, 3)),
    "rounded bids": Innocent(unit=50_000.0),
    "dominant bidder": Innocent(lead=0.1, bidders=8),
    "uneven auctions": Innocent(spreads=0.6),
    "heavy tails": Innocent(tails=0.6, present=(3, 7)),
    "no reserve": Innocent(has_reserve=False),
}
"""The innocent cases by name."""


def innocent_log(case: Innocent, auctions: int, rng: np.random.Generator) -> BidLog:
    """Draw a log of bids that the lowest wins. Common costs are 1 to 10 million.

    Args:
        case: The market.
        auctions: Number of auctions.
        rng: A generator.
    """
    low, high = case.present
    count = rng.integers(low, high + 1, size=auctions)
    auction = np.repeat(np.arange(auctions), count)
    who = np.argsort(rng.random((auctions, case.bidders)), axis=1)
    bidder = who[auction, np.arange(len(auction)) - np.repeat(np.cumsum(count) - count, count)]
    common = arithmetic.exp(arithmetic.uniform(rng, 0.0, float(arithmetic.log(np.array(10.0))), auctions)) * 1e6
    own = 0.02 * arithmetic.normal(rng, case.bidders)
    own[0] -= case.lead
    spread = case.private * arithmetic.exp(case.spreads * arithmetic.normal(rng, auctions))
    private = spread[auction] * arithmetic.exp(case.tails * arithmetic.normal(rng, len(auction)))
    cost = common[auction] * arithmetic.exp(own[bidder] + private * arithmetic.normal(rng, len(auction)))
    bid = cost * (1.0 + 0.1 / count[auction])
    if case.unit:
        bid = np.maximum(np.rint(bid / case.unit), 1.0) * case.unit
    reserve = 1.2 * common[auction]
    kept = bid <= reserve if case.has_reserve else np.ones(len(bid), dtype=bool)
    names = tuple(f"firm {i}" for i in range(case.bidders))
    return bid_log(
        auction[kept], bidder[kept].astype(np.int64), bid[kept], names=names, lowest_wins=True,
        reserve=reserve[kept] if case.has_reserve else None,
    )  # fmt: skip
