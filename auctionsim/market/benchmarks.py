"""What a day could bring: efficient welfare and truthful bidding, the yardsticks beside every learned result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auctionsim.market.setup import Market


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

    `efficient`: every auction goes to the candidate of the largest expected value `ctr cvr item_price`, at the reference's
    revenue; its profit G* = W* - R_ref bounds the total profit at that revenue when budgets do not bind.
    `truthful`: everybody bids the value of a click, without budgets; with one slot and GSP this is the equilibrium.
    """
    traffic = market.traffic
    value = traffic.ctr * traffic.cvr * traffic.item_price
    best = np.maximum.reduceat(value, traffic.cell_start[:-1]) * traffic.weight
    truthful = market.without_budgets().outcome(day, market.static("truthful"))
    return [
        DayBenchmark("efficient", float(market.reference[day].cost.sum()), float(best[traffic.cell_slice(day)].sum())),
        DayBenchmark("truthful", float(truthful.cost.sum()), float(truthful.gmv.sum())),
    ]
