"""Measure what each query brings where a run is evaluated; it draws nothing, so that training needs no matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.economics.auctions import played
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy

MOST_STORED = 500
_AMOUNTS = ("auctions", "clicks", "value", "cost")


def query_rows(seed: int, market: Market, arms: Mapping[str, Policy], days: Sequence[int]) -> pl.DataFrame:
    """Return a row for each arm and query of some days, for the queries whose clicks cost most under the first arm.

    Columns: `seed arm query`; `auctions`: number of auctions; `clicks value cost`: expected clicks, what they are worth to
    their advertisers and what they cost them, in currency. Clicks count with predicted rates, as bidders see them. The last
    charge of a budget is capped at what is left of it. Sums differ from those of outcomes.parquet where true rates do. So they
    do where a budget runs out within a cell of several auctions, which counts as a whole here. All other queries are one row,
    whose name is empty.

    Args:
        seed: The seed of the market.
        market: The market, whose traffic is in memory.
        arms: The policies by arm.
        days: The days.
    """
    sums = {arm: _by_query(market, policy, days) for arm, policy in arms.items()}
    cost = next(iter(sums.values()))[:, _AMOUNTS.index("cost")]
    largest = np.sort(np.argsort(-cost, kind="stable")[:MOST_STORED])
    names = [market.traffic.queries[i] for i in largest.tolist()]
    parts = []
    for arm, found in sums.items():
        kept = found[largest]
        if len(largest) < len(found):
            kept = np.vstack([kept, np.delete(found, largest, axis=0).sum(axis=0)])
        columns = {name: kept[:, j] for j, name in enumerate(_AMOUNTS)}
        query = [*names, *[""] * (len(kept) - len(names))]
        parts.append(pl.DataFrame({"seed": np.full(len(kept), seed), "arm": [arm] * len(kept), "query": query, **columns}))
    return pl.concat(parts)


def _by_query(market: Market, policy: Policy, days: Sequence[int]) -> NDArray[np.float64]:
    """Return the amounts of each query, `[queries, 4]`, day by day so that one day's auctions are in memory."""
    found = np.zeros((len(market.traffic.queries), len(_AMOUNTS)))
    traffic = market.traffic
    for day in days:
        cells = traffic.cell_slice(day)
        np.add.at(found[:, 0], traffic.query[cells], traffic.weight[cells])
        auctions = played(market, policy, [day])
        done = auctions.outcome()
        revenue = _within_budgets(done.cost, done.advertiser(auctions.who), auctions.budgets).sum(axis=1)
        for j, amounts in enumerate((done.clicks.sum(axis=1), done.welfare(auctions.value), revenue), start=1):
            np.add.at(found[:, j], auctions.query, amounts)
    return found


def _within_budgets(cost: NDArray[np.float64], who: NDArray[np.int64], budgets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a day's charges with each advertiser's last one capped at what its budget has left.

    Args:
        cost: Charge for each slot, currency `[auctions, slots]`, of auctions in order of time.
        who: Advertiser in each slot, -1 for none, `[auctions, slots]`.
        budgets: Daily budgets, currency, infinite where there is none, `[advertisers]`.
    """
    capped = cost.ravel().copy()
    for i in np.flatnonzero(np.isfinite(budgets)):
        own = np.flatnonzero((who.ravel() == i) & (capped > 0))
        spent = np.cumsum(capped[own])
        capped[own] = np.clip(budgets[i] - (spent - capped[own]), 0.0, capped[own])
    return capped.reshape(cost.shape)
