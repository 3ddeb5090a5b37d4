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
    traffic = market.traffic
    value = traffic.ctr * traffic.cvr * traffic.item_price
    best = _efficient_value(traffic, value, market.rules.slot_effect) * traffic.weight
    truthful = market.without_budgets().outcome(day, market.static("truthful"))
    return [
        DayBenchmark("efficient", float(market.reference[day].cost.sum()), float(best[traffic.cell_slice(day)].sum())),
        DayBenchmark("truthful", float(truthful.cost.sum()), float(truthful.gmv.sum())),
    ]


def _efficient_value(traffic: Traffic, value: NDArray[np.float64], slot_effect: tuple[float, ...]) -> NDArray[np.float64]:
    """Largest welfare of one auction of each cell, `[cells]`: values sorted within the cell meet slot effects."""
    size = np.diff(traffic.cell_start)
    cell = np.repeat(np.arange(len(size)), size)
    order = np.lexsort((-value, cell))
    rank = np.arange(len(value)) - np.repeat(traffic.cell_start[:-1], size)
    effect = np.zeros(max(int(size.max()), len(slot_effect)))
    effect[: len(slot_effect)] = slot_effect
    return np.bincount(cell, value[order] * effect[rank], minlength=len(size)).astype(np.float64)
