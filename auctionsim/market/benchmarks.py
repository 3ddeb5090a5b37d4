"""What a day could bring: efficient welfare and truthful bidding, the yardsticks beside every learned result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.setup import Market
from auctionsim.market.traffic import Traffic


@dataclass(frozen=True)
class DayBenchmark:
    """One benchmark on one day, in currency."""

    name: str
    revenue: float
    welfare: float

    @property
    def profit(self) -> float:
        """Total profit of all advertisers."""
        return self.welfare - self.revenue


def day_benchmarks(market: Market, day: int) -> list[DayBenchmark]:
    """The benchmarks of a day.

    `efficient`: slots go to the candidates of the largest expected value `ctr cvr item_price`, best first, at the reference's
    revenue; its profit G* = W* - R_ref bounds the total profit at that revenue when budgets do not bind.
    `truthful`: everybody bids the value of a click, without budgets; with one slot and GSP, and always with VCG, this is the
    equilibrium.
    """
    best = _efficient_value(market.traffic, day, market.rules.slot_effect)
    truthful = market.without_budgets().outcome(day, market.static("truthful"))
    return [
        DayBenchmark("efficient", float(market.reference[day].cost.sum()), float(best.sum())),
        DayBenchmark("truthful", float(truthful.cost.sum()), float(truthful.gmv.sum())),
    ]


def _efficient_value(traffic: Traffic, day: int, slot_effect: tuple[float, ...]) -> NDArray[np.float64]:
    """Largest welfare of each cell of a day: values sorted within the cell meet slot effects."""
    cells = traffic.cell_slice(day)
    start = traffic.cell_start[cells.start : cells.stop + 1]
    rows, size = slice(int(start[0]), int(start[-1])), np.diff(start)
    value = traffic.ctr[rows] * traffic.cvr[rows] * traffic.item_price[rows]
    cell = np.repeat(np.arange(len(size)), size)
    order = np.lexsort((-value, cell))
    rank = np.arange(len(value)) - np.repeat(start[:-1] - start[0], size)
    effect = np.zeros(max(int(size.max()), len(slot_effect)))
    effect[: len(slot_effect)] = slot_effect
    one_auction = np.bincount(cell, value[order] * effect[rank], minlength=len(size)).astype(np.float64)
    return one_auction * traffic.weight[cells]
