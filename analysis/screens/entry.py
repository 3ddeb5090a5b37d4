"""Ask whether winning bids got worse for the auctioneer when one bidder, such as an optimizer, came in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auctionsim import arithmetic
from auctionsim.analysis.screens.log import BidLog
from auctionsim.errors import unknown
from auctionsim.ratios import NotDefined

_FEW = 30


@dataclass(frozen=True)
class Entry:
    """Winning bids before and after a bidder's first auction."""

    entrant: str
    before: int
    """Auctions before the entry."""
    after: int
    change: float
    """Mean change of the winning bid for the worse, about a share of the bid: lower where the highest wins, else higher."""
    p_value: float
    """Share of the moments of the log at which a change as large stands after as many auctions."""


def entry_drop(log: BidLog, entrant: str, source: str = "entrant") -> Entry | NotDefined:
    """Compare winning bids before and after a bidder's first auction.

    Winning bids are over the reserve where every auction has one: shares and currency cannot be compared. The p-value shifts
    the log around itself, so that slow changes of the market count as chance; that anything else happened at the same time, it
    cannot see.

    Args:
        log: The log, in order of time.
        entrant: Name of the bidder.
        source: Name of the argument in the message.

    Raises:
        InputError: The log has no such bidder.
    """
    if entrant not in log.bidders:
        raise unknown(source, entrant, log.bidders, what="unknown bidder")
    there = np.flatnonzero((log.who == log.bidders.index(entrant)).any(axis=1))
    n, first = len(log), int(there[0]) if len(there) else 0
    if first < _FEW or n - first < _FEW:
        return NotDefined(f"{first} auctions before the entry and {n - first} after it, and {_FEW} of each are needed")
    limit = log.reserve if np.isfinite(log.reserve).all() else np.ones(n)
    best = np.where(log.exists, log.level, np.inf).min(axis=1) - arithmetic.log(limit) * (1.0 if log.lowest_wins else -1.0)
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([best, best]))])
    starts = np.arange(n)
    early = (sums[starts + first] - sums[starts]) / first
    late = (sums[starts + n] - sums[starts + first]) / (n - first)
    change = late - early
    # Equal up to the rounding of sums.
    as_large = float((change >= change[0] - 1e-12 * np.abs(best).sum()).mean())
    return Entry(entrant, first, n - first, float(change[0]), as_large)
