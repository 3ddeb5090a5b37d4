"""Show what each query brings: measure it where a run is evaluated, and tabulate it in the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.sections import Heading, Section, Table
from auctionsim.analysis.economics.auctions import played
from auctionsim.analysis.reports.fixed_traffic import has_fixed_traffic
from auctionsim.analysis.reports.summary import amount, amount_interval
from auctionsim.analysis.statistics import mean_interval
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.ratios import ratio_of_columns
from auctionsim.runs import Run

OTHERS = "(all other queries)"
"""The name of the queries that are not stored one by one."""
MOST_STORED = 500
_MOST_SHOWN = 500

_AMOUNTS = ("auctions", "clicks", "value", "cost")


def query_rows(seed: int, market: Market, arms: Mapping[str, Policy], days: Sequence[int]) -> pl.DataFrame:
    """Return a row for each arm and query of some days, for the queries whose clicks cost most under the first arm.

    Columns: `seed arm query`; `auctions`: number of auctions; `clicks value cost`: expected clicks, what they are worth to
    their advertisers and what they cost them, in currency. Clicks count with predicted rates, as bidders see them, so that sums
    differ from those of outcomes.parquet wherever true rates do. All other queries are one row, whose name is empty.

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


def query_sections(named: Mapping[str, Run]) -> list[Section]:
    """Return a table of what each query brings, those whose revenue changes most first; nothing if no run stores it."""
    tables = {name: table for name, run in named.items() if (table := run.optional_table("queries")) is not None}
    if not tables:
        return []
    many = len(named) > 1
    rows = [
        (size, [query, *([name] if many else []), *cells])
        for name, table in tables.items()
        for size, (query, *cells) in _rows(table, has_intervals=not has_fixed_traffic(named[name].scenario()))
    ]
    rows.sort(key=lambda pair: -pair[0])
    header = ["query", *(["run"] if many else []), "auctions", "clicks", "CPC", "revenue", "baseline's revenue"]
    header += ["change of revenue", "profit", "change of profit"]
    note = (
        "The queries whose revenue changes most come first. Currency and counts of all test days together, means over seeds; "
        "intervals are over seeds, and left out where these share one log. Clicks count with predicted rates, as bidders see "
        "them: sums differ from the amounts above wherever true rates do."
    )
    if len(rows) > _MOST_SHOWN:
        note += f" Shown are {_MOST_SHOWN} of {len(rows)} rows; `auctionsim export RUN --csv` has all."
    signed = (len(header) - 3, len(header) - 1)
    cells = [own for _, own in rows[:_MOST_SHOWN]]
    return [Heading("Queries"), Table(header, cells, note, (1,) if many else (), signed)]


def _by_query(market: Market, policy: Policy, days: Sequence[int]) -> NDArray[np.float64]:
    """Return the amounts of each query, `[queries, 4]`, day by day so that one day's auctions are in memory."""
    found = np.zeros((len(market.traffic.queries), len(_AMOUNTS)))
    traffic = market.traffic
    for day in days:
        cells = traffic.cell_slice(day)
        np.add.at(found[:, 0], traffic.query[cells], traffic.weight[cells])
        auctions = played(market, policy, [day])
        done = auctions.outcome()
        for j, amounts in enumerate((done.clicks.sum(axis=1), done.welfare(auctions.value), done.revenue), start=1):
            np.add.at(found[:, j], auctions.query, amounts)
    return found


def _rows(table: pl.DataFrame, *, has_intervals: bool) -> Iterator[tuple[float, list[str]]]:
    """Yield the change of revenue and the cells of each query of one run, means over the seeds that store it."""
    table = table.with_columns(profit=pl.col("value") - pl.col("cost"))
    wide = table.pivot("arm", index=["seed", "query"], values=["auctions", "clicks", "cost", "profit"])
    # A query that a table lacks under one arm brought nothing there.
    wide = wide.fill_null(0.0)
    wide = wide.with_columns(
        (pl.col(f"{name}_learned") - pl.col(f"{name}_reference")).alias(name) for name in ("cost", "profit")
    )
    for (query,), own in wide.group_by("query", maintain_order=True):
        row = own.mean().with_columns(cpc=ratio_of_columns("cost_learned", "clicks_learned")).row(0, named=True)
        changes = {name: _change(own[name], has_interval=has_intervals) for name in ("cost", "profit")}
        yield (
            abs(row["cost"]),
            [
                str(query) or OTHERS,
                f"{row['auctions_learned']:.0f}",
                amount(row["clicks_learned"]),
                "not defined" if row["cpc"] is None else f"{row['cpc']:.3f}",
                amount(row["cost_learned"]),
                amount(row["cost_reference"]),
                changes["cost"],
                amount(row["profit_learned"]),
                changes["profit"],
            ],
        )


def _change(values: pl.Series, *, has_interval: bool) -> str:
    found = mean_interval(values.to_numpy())
    return amount_interval(found, signed=True) if has_interval else amount(found.mean, signed=True)
