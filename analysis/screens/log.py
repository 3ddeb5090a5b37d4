"""Lay a log of bids out as arrays: auctions in order of time, their bids side by side, of any auction that one bid wins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.errors import InputError
from auctionsim.names.display import short_repr
from auctionsim.traffic.table import Traffic

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_RUNS = 10
_MOST_BIDS = 100
"""Bids of an auction, beyond which its pairs of bidders are too many to compare."""
_UNITS = (100_000.0, 50_000.0, 10_000.0, 5_000.0, 1_000.0, 500.0, 100.0, 50.0, 10.0, 5.0, 1.0, 0.5, 0.1, 0.05, 0.01)
_ROUND_SHARE = 0.95


@dataclass(frozen=True, eq=False)
class BidLog:
    """Bids of auctions, arrays `[auctions, width]` padded with bidder -1 and NaN."""

    bidders: tuple[str, ...]
    """Names of the bidders."""
    who: Integers
    """Index of each bid's bidder; -1 where there is no bid."""
    bid: Array
    """Bids > 0: currency, or rank scores of a traffic table."""
    reserve: Array
    """Highest bid that may win where the lowest wins, currency, infinite where there is none, `[auctions]`."""
    lowest_wins: bool
    unit: float = 0.0
    """Unit that bids are rounded to; 0 if they are not."""
    segment: Integers | None = None
    """Number of each auction's segment, such as its query, in which a bidder has a level of its own, `[auctions]`."""
    left_out: int = 0
    """Rows of the log that are no bid > 0."""

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.who)

    @property
    def exists(self) -> NDArray[np.bool_]:
        """Return where there is a bid."""
        return self.who >= 0

    @property
    def counts(self) -> Integers:
        """Return the number of bids of each auction, `[auctions]`."""
        return np.asarray(self.exists.sum(axis=1), dtype=np.int64)

    @property
    def level(self) -> Array:
        """Return the logarithm of each bid, its sign turned where the highest wins: the lowest level wins. NaN for none.

        A difference of levels is about a share of the bid.
        """
        logs = arithmetic.log(np.where(self.exists, self.bid, 1.0))
        return np.where(self.exists, logs if self.lowest_wins else -logs, np.nan)

    @property
    def doubled(self) -> int:
        """Return the number of bids beyond a bidder's first in an auction; each counts as a bid of its own."""
        row = np.nonzero(self.exists)[0]
        return int(self.exists.sum()) - len(np.unique(row * len(self.bidders) + self.who[self.exists]))

    def rows(self, chosen: NDArray[np.bool_] | Integers) -> BidLog:
        """Return some of the auctions, in their order."""
        segment = None if self.segment is None else self.segment[chosen]
        return replace(self, who=self.who[chosen], bid=self.bid[chosen], reserve=self.reserve[chosen], segment=segment)

    def sample(self, most: int) -> BidLog:
        """Return at most `most` auctions: some runs of consecutive ones, evenly spaced, so that turns stay visible."""
        if len(self) <= most:
            return self
        starts = np.linspace(0, len(self) - most // _RUNS, _RUNS).astype(np.int64)
        return self.rows(np.unique(starts[:, None] + np.arange(most // _RUNS)))


def bid_log(
    auction: NDArray[np.int64],
    bidder: NDArray[np.int64],
    bid: Array,
    *,
    names: tuple[str, ...],
    lowest_wins: bool,
    reserve: Array | None = None,
    segment: NDArray[np.int64] | None = None,
    source: str = "bids",
) -> BidLog:
    """Lay out bids that stand one below the other. Bids that are not > 0 are none and are left out.

    Args:
        auction: Number of each bid's auction, in order of time, `[bids]`.
        bidder: Index of each bid's bidder in `names`, `[bids]`.
        bid: Bids, `[bids]`.
        names: Names of the bidders.
        lowest_wins: Whether the lowest bid wins, as in procurement.
        reserve: Highest bid that may win, currency `[bids]`, the same for all bids of an auction; None for none.
        segment: Number of the segment of each bid's auction, such as its query, `[bids]`; None for none.
        source: The log's name in messages.

    Raises:
        InputError: There is no bid, an auction has more than 100, or none is on the side of the reserve on which bids win.
    """
    keep = np.isfinite(bid) & (bid > 0)
    order = np.argsort(auction[keep], kind="stable")
    auction, bidder, bid = auction[keep][order], bidder[keep][order], bid[keep][order]
    if not len(bid):
        raise InputError(f"{source}: expected one or more bids > 0, got none")
    numbers, first, counts = np.unique(auction, return_index=True, return_counts=True)
    if counts.max() > _MOST_BIDS:
        raise InputError(
            f"{source}: expected <= {_MOST_BIDS} bids in an auction, got {counts.max()} (is its column the right one?)"
        )
    row = np.repeat(np.arange(len(numbers)), counts)
    column = np.arange(len(bid)) - np.repeat(first, counts)
    who = np.full((len(numbers), int(counts.max())), -1, dtype=np.int64)
    bids = np.full(who.shape, np.nan)
    who[row, column], bids[row, column] = bidder, bid
    limits = np.full(len(numbers), np.inf) if reserve is None else reserve[keep][order][first]
    parts = None if segment is None else segment[keep][order][first]
    limits = np.where(limits > 0, limits, np.inf)
    return BidLog(names, who, bids, limits, lowest_wins, unit_of(bid), parts, int((~keep).sum()))


def log_of_traffic(traffic: Traffic) -> BidLog:
    """Return the rank scores, pctr x keyword bid, of a traffic table's auctions; a cell counts once, whatever its weight.

    Segments are the queries.
    """
    cell = np.repeat(np.arange(len(traffic.cell_start) - 1), np.diff(traffic.cell_start))
    score = traffic.pctr * traffic.keyword_bid
    query = traffic.query.astype(np.int64)[cell]
    return bid_log(
        cell, traffic.advertiser.astype(np.int64), score, names=traffic.advertisers, lowest_wins=False, segment=query
    )


def unit_of(bid: Array) -> float:
    """Return the largest usual unit of which 95 % of bids are multiples, 0 if there is none."""
    for unit in _UNITS:
        parts = bid / unit
        whole = np.rint(parts)
        # A bid that is far smaller than the unit is no multiple of it, however near to 0 it is.
        if float(((np.abs(parts - whole) < 1e-6 * np.maximum(parts, 1.0)) & (whole >= 1.0)).mean()) >= _ROUND_SHARE:
            # Bids that are all far larger than a unit of 0.01 are multiples of it up to the digits that are stored.
            return unit if float(np.median(parts)) < 1e5 else 0.0
    return 0.0
