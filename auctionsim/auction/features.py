"""Sums of bid features over a market's auctions, read piece by piece so that traffic may be larger than memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.sources import Feed
from auctionsim.traffic.table import HOURS


def feature_sums(feed: Feed, days: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of the bid features over each advertiser's auctions by hour `[24, advertisers, 4]`, and how many auctions.

    Row by row in the order of the traffic, so that the sums do not depend on how it is cut into pieces.
    """
    n = len(feed.advertisers)
    sums, auctions = np.zeros((len(FEATURES), HOURS * n)), np.zeros(HOURS * n)
    for day in sorted(days):
        for hour in range(HOURS):
            for piece in feed.pieces(day, hour):
                start = piece.cells.start[piece.first_cell : piece.last_cell + 1]
                rows = slice(int(start[0]), int(start[-1]))
                weight = np.repeat(piece.cells.weight[piece.first_cell : piece.last_cell], np.diff(start)).astype(np.float64)
                key = hour * n + piece.rows.advertiser[rows]
                np.add.at(auctions, key, weight)
                for f in range(len(FEATURES)):
                    np.add.at(sums[f], key, weight * piece.rows.figures[rows, f])
    return np.ascontiguousarray(sums.reshape(-1, HOURS, n).transpose(1, 2, 0)), auctions.reshape(HOURS, n)


def means(sums: NDArray[np.float64], auctions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over auctions; 0 where there are none."""
    return np.divide(sums, auctions[..., None], out=np.zeros_like(sums), where=auctions[..., None] > 0)
