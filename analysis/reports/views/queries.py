"""Show in the report what each query brings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from auctionsim.analysis.documents.sections import Heading, Section, Table
from auctionsim.analysis.reports.fixed_traffic import has_fixed_traffic
from auctionsim.analysis.reports.metrics import amounts_of, unknown_amounts
from auctionsim.analysis.reports.summary import NOT_DEFINED, amount, amount_interval
from auctionsim.analysis.statistics import mean_interval
from auctionsim.ratios import NotDefined, ratio_of_columns
from auctionsim.runs import Run

OTHERS = "(all other queries)"
"""The name of the queries that are not stored one by one."""
_MOST_SHOWN = 500
_ROUNDING = 1e-9


def query_sections(named: Mapping[str, Run]) -> list[Section]:
    """Return a table of what each query brings, those whose revenue changes most first; nothing if no run stores it."""
    tables = {name: table for name, run in named.items() if (table := run.optional_table("queries")) is not None}
    if not tables:
        return []
    many = len(named) > 1
    rows = [
        (size, [query, *([name] if many else []), *cells])
        for name, table in tables.items()
        for unknown in (unknown_amounts(named[name]),)
        for size, (query, *cells) in _rows(table, unknown, has_intervals=not has_fixed_traffic(named[name].scenario()))
    ]
    rows.sort(key=lambda pair: -pair[0])
    header = ["query", *(["run"] if many else []), "auctions", "clicks", "CPC", "revenue", "baseline's revenue"]
    header += ["change of revenue", "profit", "change of profit"]
    note = (
        "The queries whose revenue changes most come first. Currency and counts of all test days together, means over seeds; "
        "intervals are over seeds, and left out where these share one log. Clicks count with predicted rates, as bidders see "
        f"them. {' '.join(_compared(named[name], name, table) for name, table in tables.items())}"
    )
    if len(rows) > _MOST_SHOWN:
        note += f" Shown are {_MOST_SHOWN} of {len(rows)} rows; `auctionsim export RUN --csv` has all."
    signed = (len(header) - 3, len(header) - 1)
    cells = [own for _, own in rows[:_MOST_SHOWN]]
    return [Heading("Queries"), Table(header, cells, note, (1,) if many else (), signed)]


def _compared(run: Run, name: str, table: pl.DataFrame) -> str:
    """Say whether the sums over a run's queries are its amounts, and what sets them apart where they are not."""
    sums = table.filter(arm="learned").group_by("seed").agg(pl.col("cost", "clicks").sum()).sort("seed")
    amounts = amounts_of(run, "learned").filter(pl.col("seed").is_in(sums["seed"].to_list()))
    is_equal = {
        mine: np.allclose(sums[mine].to_numpy(), amounts[theirs].to_numpy(), rtol=_ROUNDING, atol=0.0)
        for mine, theirs in (("cost", "revenue"), ("clicks", "clicks"))
    }
    if all(is_equal.values()):
        return f"{name}: sums are the amounts above."
    scenario, why = run.scenario(), []
    if scenario.traffic.budgets is not None or any(group.has_budget for group in scenario.advertisers):
        why.append("the last charge of a budget, and the cell of auctions in which it ends, are counted otherwise here")
    if not is_equal["clicks"]:
        is_sampled = scenario.mechanism.outcomes == "sampled"
        why.append("there clicks are sampled" if is_sampled else "there clicks count with true rates")
        if any("throttle" in (group.controller, group.autobid.method) for group in scenario.advertisers):
            why.append("which auctions a throttled advertiser enters is drawn anew here")
    here, there = amount(float(sums["cost"].mean())), amount(float(amounts["revenue"].mean()))  # type: ignore[arg-type]
    return f"{name}: revenue sums to {here} in place of the {there} above{''.join(f'; {reason}' for reason in why)}."


def _rows(table: pl.DataFrame, unknown: Mapping[str, NotDefined], *, has_intervals: bool) -> Iterator[tuple[float, list[str]]]:
    """Yield the change of revenue and the cells of each query of one run, means over the seeds that store it."""
    table = table.with_columns(profit=pl.col("value") - pl.col("cost"))
    wide = table.pivot("arm", index=["seed", "query"], values=["auctions", "clicks", "cost", "profit"])
    # A query that a table lacks under one arm brought nothing there.
    wide = wide.fill_null(0.0)
    wide = wide.with_columns(
        (pl.col(f"{name}_learned") - pl.col(f"{name}_reference")).alias(name) for name in ("cost", "profit")
    )
    # All queries at once: a table of its own for each took as long as a figure.
    means = wide.group_by("query", maintain_order=True).mean()
    means = means.with_columns(cpc=ratio_of_columns("cost_learned", "clicks_learned"))
    by_seed = wide.group_by("query", maintain_order=True).agg("cost", "profit")
    for row, own in zip(means.iter_rows(named=True), by_seed.iter_rows(named=True), strict=True):
        changes = {name: _change(own[name], has_interval=has_intervals) for name in ("cost", "profit")}
        yield (
            abs(row["cost"]),
            [
                str(row["query"]) or OTHERS,
                f"{row['auctions_learned']:.0f}",
                amount(row["clicks_learned"]),
                "not defined" if row["cpc"] is None else f"{row['cpc']:.3f}",
                amount(row["cost_learned"]),
                amount(row["cost_reference"]),
                changes["cost"],
                NOT_DEFINED if unknown else amount(row["profit_learned"]),
                NOT_DEFINED if unknown else changes["profit"],
            ],
        )


def _change(values: Sequence[float], *, has_interval: bool) -> str:
    found = mean_interval(values)
    return amount_interval(found, signed=True) if has_interval else amount(found.mean, signed=True)
