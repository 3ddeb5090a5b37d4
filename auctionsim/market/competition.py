"""Measure competition: how strong rivals were in each hour by their keyword bids, and how often two advertisers meet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.arithmetic.groups import first_of_each
from auctionsim.auction.sources import TrafficSource
from auctionsim.traffic.table import HOURS, Traffic

Array = NDArray[np.float64]


def hourly_competition(traffic: Traffic, quality: Array, day: int) -> Array:
    """Return the mean of `(rival - own) / (rival + own)` over an advertiser's auctions of each hour.

    `own` is the rank score of its keyword bid, `rival` the largest one of the others in the same auction. An advertiser that is
    alone in all its auctions has -1; one whose rivals rank three times as high has 0.5.

    Args:
        traffic: The traffic table.
        quality: Factor from a bid to its rank score, `[rows]`.
        day: A day of the traffic.

    Returns:
        Strength of competition in [-1, 1], `[24, advertisers]`; 0 where an advertiser has no auction in the hour.
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
    # The best one's rival is the second best: the maximum once the best row of each cell (the first of equals) is left out.
    is_best = np.zeros(len(score), dtype=bool)
    where_best = np.flatnonzero(score == best)
    is_best[first_of_each(where_best, cell)] = True
    second = np.maximum.reduceat(np.where(is_best, 0.0, score), first)[cell]
    rival = np.where(is_best, second, best)
    both = rival + score
    strength = np.divide(rival - score, both, out=np.zeros_like(both), where=both > 0)
    weight = traffic.weight[cells][cell]
    key = traffic.hour[cells][cell] * n + traffic.advertiser[rows]
    totals += np.bincount(key, weight * strength, minlength=HOURS * n)
    auctions += np.bincount(key, weight, minlength=HOURS * n)
    return np.divide(totals, auctions, out=totals, where=auctions > 0).reshape(HOURS, n)


def meeting_share(source: TrafficSource, day: int) -> float:
    """Return the share of an advertiser's auctions in which another one is a candidate too, on average, in [0, 1].

    With 8 candidates of 500 advertisers it is 7/499: so often one meets any other. It is 1 where everybody is in every auction,
    and where there is only one advertiser.

    Args:
        source: The traffic.
        day: One of its days.
    """
    others = len(source.advertisers) - 1
    candidates, auctions = 0, 0
    for hour in range(HOURS):
        for chunk in source.chunks(day, hour):
            start = chunk.buckets.start[chunk.first_bucket : chunk.last_bucket + 1]
            # Candidates that the pre-ranker dropped meet nobody.
            is_ranked = chunk.candidates.advertiser[start[0] : start[-1]] <= others
            size = np.diff(np.append(0, np.cumsum(is_ranked))[start - start[0]])
            weight = chunk.buckets.weight[chunk.first_bucket : chunk.last_bucket]
            candidates, auctions = candidates + int((weight * size).sum()), auctions + int(weight.sum())
    if others == 0 or auctions == 0:
        return 1.0
    return min(max((candidates / auctions - 1) / others, 0.0), 1.0)
