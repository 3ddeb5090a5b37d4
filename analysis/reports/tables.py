"""Build the tables of a report: amounts, ratios, advertisers, indices of collusion, and violated constraints, by run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.sections import Heading, Section, Table
from auctionsim.analysis.reports.fixed_traffic import has_fixed_traffic
from auctionsim.analysis.reports.metrics import advertiser_profits, is_better_off, mean_advertiser_ratios, unknown_amounts
from auctionsim.analysis.reports.run_collusion import TEST_COLUMNS
from auctionsim.analysis.reports.summary import NOT_DEFINED, Summary, amount, intervals_text
from auctionsim.analysis.reports.violations import constraint_words, violations
from auctionsim.analysis.statistics import mean_interval
from auctionsim.objectives.floor_days import FloorDays
from auctionsim.ratios import NotDefined
from auctionsim.runs import Run

Array = NDArray[np.float64]

AMOUNT_LABELS = {
    "revenue": "Revenue", "gmv": "GMV", "profit": "Total profit", "clicks": "Clicks", "conversions": "Conversions",
}  # fmt: skip
"""The titles of the amounts of a run (`AMOUNTS`)."""
ARM_LABELS = {"baseline": "baseline", "learned": "learned", "truthful": "truthful bids", "efficient": "bound G*"}
"""The titles of the arms (`ARMS`)."""
_NO_SCALE = 1e6
"""Violations beyond it are relative to an amount that is rounding."""
_NOT_HERE = "not in this run"
_LEARNERS_ALONE = (
    "Intervals in this table are over seeds, which share the log's days: they hold for other runs of the learner, not for "
    "further days."
)
MOST_ROWS = 40
"""Advertisers are listed one by one up to this number, and by group beyond it."""


def totals_table(summaries: Sequence[Summary]) -> Table:
    """Return a table of the amounts in currency and counts, one row per amount and arm, and the changes to the baseline."""
    rows = []
    for name, label in AMOUNT_LABELS.items():
        for arm, whose in ARM_LABELS.items():
            rows.append([f"{label}, {whose}", *(own.text(arm, name) for own in summaries)])
        changes = (own.change_text(name) for own in summaries)
        rows.append([f"{label}, change: learned minus baseline", *changes])
    changes = (NOT_DEFINED if own.worst_change is None else amount(own.worst_change, signed=True) for own in summaries)
    rows.append(["Total profit, smallest change of an advertiser", *changes])
    return Table(
        ["currency and counts, all test days together", *(own.name for own in summaries)], rows, _totals_note(summaries)
    )


def measures_table(summaries: Sequence[Summary], base: str = "the baseline") -> Table:
    """Return a table with one row per measure, as a ratio to the baseline with its interval over seeds.

    Args:
        summaries: The runs' summaries.
        base: The name of the baseline that ratios refer to.
    """
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
        [
            label,
            *(str(own.ratios[name]) if name in own.ratios else f"not defined: {own.not_defined[name]}" for own in summaries),
        ]
        for name, label in labels.items()
    ]
    rows += [
        ["Days on which the revenue floor held", *(_floor_text(own.floor_days, "share") for own in summaries)],
        ["Worst day's revenue", *(_floor_text(own.floor_days, "worst") for own in summaries)],
    ]
    note = (
        "Better off is an advertiser whose profit in currency is higher than under the baseline by more than rounding. "
        "The worst advertiser is that of the smallest profit ratio, among those that earn money under the baseline. "
        "Both are taken in each seed by itself: an advertiser may lose in one seed and still gain in the mean of all."
    )
    note = f"{_over(summaries)}. {note} Days are the test days of all seeds; a floor refers to each run's own baseline."
    return Table([f"ratio to {base}", *(summary.name for summary in summaries)], rows, note)


def advertisers_tables(named: Mapping[str, Run]) -> list[Table]:
    """Return the advertisers' profits of several runs side by side, in currency and as ratios, matched by name.

    If there are many advertisers, the table is by group, of one run too.
    """
    named = {name: run for name, run in named.items() if not unknown_amounts(run)}
    tables = {name: mean_advertiser_ratios(run) for name, run in named.items()}
    names = list(dict.fromkeys(one for table in tables.values() for one in table["advertiser"].to_list()))
    if len(names) > MOST_ROWS:
        return [_groups_table(named)]
    if len(named) <= 1:
        return []
    own = {name: {row["advertiser"]: row for row in table.iter_rows(named=True)} for name, table in tables.items()}
    money = [[one, *(_change_text(rows.get(one)) for rows in own.values())] for one in names]
    ratios = [[one, *(_ratio_text(rows.get(one)) for rows in own.values())] for one in names]
    return [
        Table(["change of profit against the baseline, currency", *named], money, "Means over seeds, all test days together."),
        Table(["profit, ratio to the baseline", *named], ratios),
    ]


def _groups_table(named: Mapping[str, Run]) -> Table:
    """Return the share of advertisers better off, by the names of groups."""
    tables = {name: advertiser_profits(run) for name, run in named.items()}
    groups = list(dict.fromkeys(group for table in tables.values() for group in table["group"].to_list()))
    rows = []
    for group in groups:
        cells = []
        for table in tables.values():
            own = table.filter(group=group)
            size = own["advertiser"].n_unique()
            share = own.select(is_better_off().mean()).item() if size else None
            cells.append(f"{share:.1%} of {size}" if share is not None else _NOT_HERE)
        rows.append([group, *cells])
    return Table(["share of advertisers and seeds better off, by group", *named], rows)


def collusion_sections(named: Mapping[str, Run]) -> list[Section]:
    """Return the tests of the verdict, and profit gain and missing revenue against each competitive benchmark.

    Nothing if no run stored them.
    """
    tables = {name: table for name, run in named.items() if (table := run.optional_table("collusion")) is not None}
    if not tables:
        return []
    rows = []
    for test, column in TEST_COLUMNS.items():
        if any(column in table.columns for table in tables.values()):
            rows.append([test, *(_over_seeds(table.unique("seed"), column) for table in tables.values())])
    benchmarks = list(dict.fromkeys(b for table in tables.values() for b in table["benchmark"]))
    for measure, label in (("profit_gain", "profit gain"), ("suppression", "revenue missing")):
        for benchmark in benchmarks:
            cells = [
                NOT_DEFINED if unknown_amounts(named[name]) else _over_seeds(table.filter(benchmark=benchmark), measure)
                for name, table in tables.items()
            ]
            rows.append([f"{label}, against {benchmark}", *cells])
    note = (
        "Low revenue alone is no collusion: a verdict of coordination needs members that give way to one another, parts that "
        "they spare together, or low bids in common that each could gain by raising alone (docs/collusion.md). Profit gain "
        "and missing revenue against a benchmark are context: 0 is the benchmark, a profit gain of 1 the cartel."
    )
    if any(has_fixed_traffic(named[name].scenario()) for name in tables):
        note += f" {_LEARNERS_ALONE}"
    return [Heading("Is it collusion?"), Table(["over seeds", *tables], rows, note)]


def constraint_sections(named: Mapping[str, Run]) -> list[Section]:
    """Return how often each constraint was violated on test days, and by how much; nothing if no run has constraints."""
    tables = {name: violations(run).filter(arm="learned") for name, run in named.items()}
    constraints = list(dict.fromkeys(key for table in tables.values() for key in table["constraint"]))
    scenarios = [run.scenario() for run in named.values()]
    rows = []
    for constraint in constraints:
        cells = []
        for table in tables.values():
            own = table.filter(constraint=constraint)
            share, excess = own["violated"].to_numpy(), own["excess"].to_numpy()
            cells.append(_violation_text(share, excess) if own.height else "not set")
        rows.append([constraint_words(constraint, scenarios), *cells])
    if not rows:
        return []
    note = (
        "Share of advertiser-days (of days, for floors on revenue and on self-bidders) on which it is violated, and "
        "the mean violation over all of them, relative to the limit."
    )
    return [Heading("Constraints"), Table(["constraint", *tables], rows, note)]


def validation_sections(named: Mapping[str, Run]) -> list[Section]:
    """Return the margins above the revenue floor that validation days chose, by run; nothing if no run chose any."""
    tables = {name: table for name, run in named.items() if (table := run.optional_table("validation")) is not None}
    if not tables:
        return []
    seeds = {name: table.unique("seed", maintain_order=True) for name, table in tables.items()}
    rows = [
        ["Margin that training aimed at", *(_range_text(own["margin"]) for own in seeds.values())],
        ["Factor on learned bids", *(_range_text(own["factor"]) for own in seeds.values())],
        ["Revenue over the floor that a further day exceeds, 95 %", *(_range_text(own["bound"]) for own in seeds.values())],
        ["Seeds on which that is >= 1", *(f"{(own['bound'] >= 1).sum()} of {own.height}" for own in seeds.values())],
        ["Validation days", *(str(table["day"].n_unique()) for table in tables.values())],
    ]
    note = "Mean over seeds, and the range of seeds. Chosen on validation days; test days played no part (docs/macg.md)."
    return [Heading("Margin above the revenue floor"), Table(["validation days", *tables], rows, note)]


def score_sections(summaries: Sequence[Summary]) -> list[Section]:
    """Return the AuctionNet score of each run under both arms; nothing if no run has target CPAs."""
    if all(isinstance(own.scores, NotDefined) for own in summaries):
        return []
    rows = [
        [
            f"{label} policy",
            *(str(own.scores) if isinstance(own.scores, NotDefined) else str(own.scores[arm]) for own in summaries),
        ]
        for arm, label in (("baseline", "baseline"), ("learned", "learned"))
    ]
    note = (
        f"{_over(summaries)}. Conversions of a day x min(1, (target / CPA)^2), mean over advertisers with a target CPA "
        "(`cpa_cap`) and test days; 2 is the exponent of AuctionNet's code."
    )
    return [Heading("AuctionNet score"), Table(["conversions", *(own.name for own in summaries)], rows, note)]


def _range_text(values: pl.Series) -> str:
    """Return the mean of values by seed with their range."""
    low, mean, high = (float(getattr(values.to_numpy(), name)()) for name in ("min", "mean", "max"))
    return f"{mean:.3f}" if low == high else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def _floor_text(found: FloorDays | NotDefined, what: str) -> str:
    """Return the share of days on which the floor held, or the worst day, as text."""
    if isinstance(found, NotDefined):
        return str(found)
    return f"{found.held} of {found.days} ({found.share:.1%})" if what == "share" else found.worst_text


def _over_seeds(table: pl.DataFrame, column: str) -> str:
    """Return a column's mean over seeds with its interval, as text."""
    if column not in table.columns or not table.height:
        return NOT_DEFINED
    values = table.sort("seed")[column].cast(pl.Float64).to_numpy()
    return str(mean_interval(values)) if np.isfinite(values).all() else NOT_DEFINED


def _violation_text(share: Array, excess: Array) -> str:
    """Return how often a constraint is violated and by how much; a limit that is a share of a baseline of 0 has no scale."""
    if excess.mean() > _NO_SCALE:
        return f"{share.mean():.1%}, by a share that is not defined: the baseline earned nothing"
    return f"{share.mean():.1%}, by {excess.mean():.2%}"


def _totals_note(summaries: Sequence[Summary]) -> str:
    over = _over(summaries)
    note = f"{over}. Revenue is what advertisers spend. The bound G* is the efficient allocation at the baseline's revenue."
    if all(own.has_learners for own in summaries):
        return note
    alone = ", ".join(own.name for own in summaries if not own.has_learners)
    return f"{note} Nobody learns in {alone}: `learned` is what the advertisers' rules bring."


def _over(summaries: Sequence[Summary]) -> str:
    """Return what the means and intervals are over, as the beginning of a sentence."""
    text = intervals_text(summaries)
    return text[:1].upper() + text[1:]


def _change_text(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return _NOT_HERE
    before, after = row["reference"], row["learned"]
    return f"{amount(after - before, signed=True)} (from {amount(before)} to {amount(after)})"


def _ratio_text(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return _NOT_HERE
    return "not defined" if row["ratio"] is None else f"{row['ratio']:.3f}"
