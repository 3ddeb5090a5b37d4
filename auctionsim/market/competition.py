"""How strong the competition was: the best rival's keyword-level score against one's own, hour by hour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.traffic.table import HOURS, Traffic

Array = NDArray[np.float64]


def hourly_competition(traffic: Traffic, quality: Array, day: int) -> Array:
    """Mean over an advertiser's auctions of `(rival - own) / (rival + own)`, `[24, advertisers]`, 0 where it has none.

    Own is the rank score of its keyword bid, rival the largest of the others' in the same auction; in [-1, 1], -1 where the
    advertiser is alone.
    """
    cells = traffic.cell_slice(day)
    starts = traffic.cell_start[cells.start : cells.stop + 1]
    rows = slice(starts[0], starts[-1])
    n = len(traffic.advertisers)
    totals, auctions = np.zeros(HOURS * n), np.zeros(HOURS * n)
    if starts[0] == starts[-1]:
        return totals.reshape(HOURS, n)
    score = quality[rows] * traffic.keyword_bid[rows]
    sizes, first = np.diff(starts), starts[:-1] - starts[0]
    cell = np.repeat(np.arange(len(sizes)), sizes)
    best = np.maximum.reduceat(score, first)[cell]
    # Without the best one of each cell, the first of equals, the maximum is the second best.
    is_best = np.zeros(len(score), dtype=bool)
    where_best = np.flatnonzero(score == best)
    is_best[where_best[np.unique(cell[where_best], return_index=True)[1]]] = True
    second = np.maximum.reduceat(np.where(is_best, 0.0, score), first)[cell]
    rival = np.where(is_best, second, best)
    both = rival + score
    strength = np.divide(rival - score, both, out=np.zeros_like(both), where=both > 0)
    weight = traffic.weight[cells][cell]
    key = traffic.hour[cells][cell] * n + traffic.advertiser[rows]
    totals += np.bincount(key, weight * strength, minlength=HOURS * n)
    auctions += np.bincount(key, weight, minlength=HOURS * n)
    return np.divide(totals, auctions, out=totals, where=auctions > 0).reshape(HOURS, n)
