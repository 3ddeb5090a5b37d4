"""Tabulate external and swap regret of a run's advertisers, per day and over all days."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from auctionsim.analysis.documents.sections import Heading, Note, Section, Table
from auctionsim.analysis.statistics import INTERVALS, mean_interval
from auctionsim.ratios import NotDefined
from auctionsim.runs import Run

MOST_ROWS = 16
"""At most so many advertisers are shown: those with the most external regret over all days."""
_COLUMNS = {
    "earned": "profit a day",
    "external_regret": "external regret a day",
    "cumulative_external": "of all days, a day",
    "swap_regret": "swap regret a day",
    "cumulative_swap": "of all days, a day",
}
_NOTE = (
    "Currency a day, means over seeds with {intervals}, test days, while rivals repeat what they bid. External regret: what "
    "the best fixed multiple of keyword bids or of values would have earned more; negative where no fixed bid is as good. "
    "Swap regret: what the best replacement of each level of bids would have earned more. Of all days: one bid, or one rule, "
    "for all of them together. Both are over the bids searched, so they are lower bounds."
)


def regret_sections(named: Mapping[str, Run], unknown: Mapping[str, NotDefined] | None = None) -> list[Section]:
    """Return the regret of all audited advertisers together and of those with the most, for each run that stored it.

    Args:
        named: The runs by name.
        unknown: The reason by the name of each run whose traffic knows no profit, if there are any.
    """
    sections: list[Section] = []
    for name, run in named.items():
        table = run.optional_table("regret")
        if table is None:
            continue
        if unknown and name in unknown:
            sections.append(Note(f"{name}: regret is {unknown[name]}."))
            continue
        by_seed = _per_day(table)
        total = by_seed.group_by("seed").agg(pl.col(*_COLUMNS).sum()).sort("seed")
        order = by_seed.group_by("advertiser", maintain_order=True).agg(pl.col("cumulative_external").mean())
        shown = order.sort("cumulative_external", descending=True, maintain_order=True)["advertiser"].to_list()[:MOST_ROWS]
        rows = [["all together", *_cells(total)], *([who, *_cells(by_seed.filter(advertiser=who))] for who in shown)]
        sections.append(Table([name, *_COLUMNS.values()], rows, _NOTE.format(intervals=INTERVALS)))
    return [Heading("Regret"), *sections] if sections else []


def _per_day(table: pl.DataFrame) -> pl.DataFrame:
    """Return a row per seed and advertiser: means over days, and the last day's cumulative figures divided by the days."""
    daily = ("earned", "external_regret", "swap_regret")
    last = {f"cumulative_{kind}": f"cumulative_{kind}_regret" for kind in ("external", "swap")}
    return (
        table.sort("seed", "day", maintain_order=True)
        .group_by("seed", "advertiser", maintain_order=True)
        .agg(pl.col(*daily).mean(), *((pl.col(column).last() / pl.len()).alias(key) for key, column in last.items()))
    )


def _cells(rows: pl.DataFrame) -> list[str]:
    """Return each figure's mean over seeds with its interval."""
    return [str(mean_interval(rows.sort("seed")[column].to_list())) for column in _COLUMNS]
