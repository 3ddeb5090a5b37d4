"""Benchmarks of a day: efficient welfare and truthful bidding, which stand beside every learned result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.kernel.arguments import CTR, CVR, ITEM_PRICE
from auctionsim.auction.sources import Chunk, TrafficSource
from auctionsim.market.market import Market
from auctionsim.names.display import short_repr
from auctionsim.traffic.table import HOURS


@dataclass(frozen=True)
class DayBenchmark:
    """One benchmark on one day."""

    name: str
    """`efficient` or `truthful`."""
    revenue: float
    """Revenue of the platform, currency."""
    welfare: float
    """GMV of all advertisers, currency."""
    clicks: float
    """Expected number of clicks of all advertisers."""
    conversions: float
    """Expected number of conversions of all advertisers."""

    __repr__ = short_repr

    @property
    def profit(self) -> float:
        """Return the total profit of all advertisers, currency."""
        return self.welfare - self.revenue


def day_benchmarks(market: Market, day: int) -> list[DayBenchmark]:
    """Return the benchmarks of a day.

    `efficient`: slots go to the candidates of the largest expected value `ctr cvr item_price`, best first, at the baseline's
    revenue; its profit G* = W* - R_ref bounds the total profit at that revenue when budgets do not bind.
    `truthful`: everybody bids the value of a click, without budgets; with one slot and GSP, and always with VCG, this is the
    equilibrium.

    Args:
        market: The market.
        day: A training or test day.
    """
    welfare, clicks, conversions = _efficient(market.traffic_source, day, market.rules.slot_effect).sum(axis=1).tolist()
    truthful = market.without_budgets().outcome(day, market.static("truthful"))
    return [
        DayBenchmark("efficient", float(market.baseline[day].cost.sum()), welfare, clicks, conversions),
        DayBenchmark("truthful", *(float(getattr(truthful, name).sum()) for name in ("cost", "gmv", "clicks", "conversions"))),
    ]


def _efficient(source: TrafficSource, day: int, slot_effect: tuple[float, ...]) -> NDArray[np.float64]:
    """Return GMV, clicks and conversions of each cell of a day in the efficient allocation, `[3, cells]`."""
    chunks = (chunk for hour in range(HOURS) for chunk in source.chunks(day, hour))
    return np.concatenate([_efficient_of(chunk, slot_effect) for chunk in chunks], axis=1)


def _efficient_of(chunk: Chunk, slot_effect: tuple[float, ...]) -> NDArray[np.float64]:
    """Return GMV, clicks and conversions of each cell of a chunk: the largest values first, times the slot effects."""
    start = chunk.buckets.start[chunk.first_bucket : chunk.last_bucket + 1]
    rows, size = slice(int(start[0]), int(start[-1])), np.diff(start)
    ctr, cvr = chunk.candidates.features[rows, CTR], chunk.candidates.features[rows, CVR]
    value = ctr * cvr * chunk.candidates.features[rows, ITEM_PRICE]
    cell = np.repeat(np.arange(len(size)), size)
    order = np.lexsort((-value, cell))
    rank = np.arange(len(value)) - np.repeat(start[:-1] - start[0], size)
    effect = np.zeros(max(int(size.max(initial=0)), len(slot_effect)))
    effect[: len(slot_effect)] = slot_effect
    one_auction = [
        np.bincount(cell, amount[order] * effect[rank], minlength=len(size)).astype(np.float64)
        for amount in (value, ctr, ctr * cvr)
    ]
    return np.stack(one_auction) * chunk.buckets.weight[chunk.first_bucket : chunk.last_bucket]
