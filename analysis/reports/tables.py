"""Build the tables of a report: measures, advertisers, indices of collusion, and violated constraints, one column per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auctionsim.analysis.documents.sections import Heading, Section, Table
from auctionsim.analysis.reports.metrics import advertiser_profits, mean_advertiser_ratios
from auctionsim.analysis.reports.summary import Summary
from auctionsim.analysis.reports.violations import violations
from auctionsim.analysis.statistics import mean_interval
from auctionsim.runs import Run

_UNDEFINED = "undefined"
_MOST_ROWS = 40
"""Advertisers are listed one by one up to this number, and by group beyond it."""


def measures_table(summaries: Sequence[Summary]) -> Table:
    """Return a table with one row per measure, as a ratio to the baseline with its interval over seeds."""
    labels = {
        "revenue": "Revenue",
        "profit": "Total profit",
        "bound": "Bound G* on total profit",
        "gap_closed": "Gap to G* closed",
        "worst_advertiser": "Worst advertiser's profit",
        "better_off": "Share better off",
        "truthful_revenue": "Revenue of truthful bidding",
    }
    rows = [
        [label, *(str(summary.ratios[name]) if name in summary.ratios else _UNDEFINED for summary in summaries)]
        for name, label in labels.items()
    ]
    return Table(["ratio to the baseline", *(summary.name for summary in summaries)], rows)


def advertisers_table(named: Mapping[str, Run]) -> Table:
    """Return each advertiser's profit ratio, or the share better off in each group if there are many advertisers."""
    tables = {name: mean_advertiser_ratios(run) for name, run in named.items()}
    first = next(iter(tables.values()))
    if first.height <= _MOST_ROWS:
        rows = [
            [advertiser, *(_ratio_text(table["ratio"].to_list(), i) for table in tables.values())]
            for i, advertiser in enumerate(first["advertiser"].to_list())
        ]
        return Table(["profit, ratio to the baseline", *named], rows)
    rows = []
    for group in first["group"].unique(maintain_order=True):
        shares = []
        for run in named.values():
            profits = advertiser_profits(run)
            own = profits.filter(profits["group"] == group)
            shares.append(f"{np.mean(own['learned'].to_numpy() > own['reference'].to_numpy()):.1%}")
        size = int((first["group"] == group).sum())
        rows.append([f"{group} ({size} advertisers)", *shares])
    return Table(["share of advertisers and seeds better off", *named], rows)


def collusion_sections(named: Mapping[str, Run]) -> list[Section]:
    """Return the profit gain and the missing revenue against each competitive benchmark; nothing if no run stored them."""
    tables = {name: table for name, run in named.items() if (table := run.optional_table("collusion")) is not None}
    if not tables:
        return []
    benchmarks = list(dict.fromkeys(b for table in tables.values() for b in table["benchmark"]))
    rows = []
    for measure, label in (("profit_gain", "profit gain"), ("suppression", "revenue missing")):
        for benchmark in benchmarks:
            cells = [table.filter(benchmark=benchmark)[measure].to_numpy() for table in tables.values()]
            shown = [str(mean_interval(cell)) if len(cell) and np.isfinite(cell).all() else _UNDEFINED for cell in cells]
            rows.append([f"{label}, against {benchmark}", *shown])
    note = (
        "0 is competition. A profit gain of 1 is the cartel, in which only the best learner of each auction competes. A "
        "verdict of collusion needs both indices at or above the threshold against every benchmark, and again without budgets "
        "(docs/collusion.md)."
    )
    return [Heading("Is it collusion?"), Table(["over seeds", *tables], rows, note)]


def constraint_sections(named: Mapping[str, Run]) -> list[Section]:
    """Return how often each constraint was violated on test days, and by how much; nothing if no run has constraints."""
    tables = {name: violations(run).filter(arm="learned") for name, run in named.items()}
    constraints = list(dict.fromkeys(key for table in tables.values() for key in table["constraint"]))
    rows = []
    for constraint in constraints:
        cells = []
        for table in tables.values():
            own = table.filter(constraint=constraint)
            share, excess = own["violated"].to_numpy(), own["excess"].to_numpy()
            cells.append(f"{share.mean():.1%}, by {excess.mean():.2%}" if own.height else "not set")
        rows.append([constraint.replace("_", " "), *cells])
    if not rows:
        return []
    note = (
        "Share of advertiser-days (of days, for floors on revenue and on self-bidders) on which it is violated, and "
        "the mean violation over all of them, relative to the limit."
    )
    return [Heading("Constraints"), Table(["constraint", *tables], rows, note)]


def _ratio_text(ratios: list[float | None], index: int) -> str:
    ratio = ratios[index] if index < len(ratios) else None
    return _UNDEFINED if ratio is None or not np.isfinite(ratio) else f"{ratio:.3f}"
