"""Small logs of bids for the tests of screens."""

from __future__ import annotations

import numpy as np

from auctionsim.analysis.screens.innocent import CASES, innocent_log
from auctionsim.analysis.screens.log import BidLog, bid_log
from auctionsim.streams import stream

from ...conftest import SHARED_DATA

HAS_BIDS = (SHARED_DATA / "tsuchiura_bids" / "bids.csv.gz").is_file()


def log_of(*auctions: dict[int, float], lowest_wins: bool = True, reserve: float | None = None) -> BidLog:
    """A log of auctions, each the bids by bidder."""
    rows = [(k, who, bid) for k, one in enumerate(auctions) for who, bid in one.items()]
    auction, bidder, bid = (np.array(column) for column in zip(*rows, strict=True))
    names = tuple(f"b{i}" for i in range(int(bidder.max()) + 1))
    limits = None if reserve is None else np.full(len(bid), reserve)
    return bid_log(auction, bidder, bid.astype(float), names=names, lowest_wins=lowest_wins, reserve=limits)


def market(case: str = "common costs", auctions: int = 200, seed: int = 0) -> BidLog:
    """An innocent log."""
    return innocent_log(CASES[case], auctions, stream(seed, "test", case))
