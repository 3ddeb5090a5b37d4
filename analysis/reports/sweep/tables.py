"""Table a sweep's trials: those compared at the end, those stopped early, and the command of each."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auctionsim.analysis.documents.sections import Heading, Section, Table
from auctionsim.analysis.reports.sweep.view import (
    NOT_DEFINED,
    SHOWN,
    Row,
    SweepView,
    floors_text,
    iterations_text,
    left_out,
    number_text,
    title_of,
    value_text,
)
from auctionsim.ratios import safe_ratio


def finished_table(view: SweepView) -> list[Section]:
    """Return the table of the trials that are compared at the end, with the baseline where all have the same."""
    rows = view.finished
    figures = [view.metric, *(name for name in ("profit", "revenue") if name != view.metric)]
    tested = ["test_profit", "test_revenue"]
    is_one_baseline = not view.baselines_by and not view.unranked_by
    header = ["Trial", *([] if view.unranked_by else ["Rank"]), *view.keys, "Iterations"]
    header += [*(f"{title_of(name)}, training" for name in figures), *(["Floors"] if view.has_floors else [])]
    header += ["Profit, test", "Revenue, test", "Profit / baseline, test" if is_one_baseline else "Baseline's profit, test"]
    cells = []
    for row in rows[:SHOWN]:
        profits = row["test_profit"], row["test_baseline_profit"]
        ratio = float("nan") if None in profits else safe_ratio(*profits)
        cells.append([
            str(row["trial"]),
            *([] if view.unranked_by else [_rank(row, rows)]),
            *(value_text(row[key]) for key in view.keys),
            str(row["iterations"]),
            *(number_text(row[name]) for name in figures),
            *([floors_text(row)] if view.has_floors else []),
            *(number_text(row[name]) for name in tested),
            _ratio(ratio) if is_one_baseline else number_text(row["test_baseline_profit"]),
        ])  # fmt: skip
    if is_one_baseline:
        row = rows[0]
        known = {"profit": row["baseline_profit"], "revenue": row["baseline_revenue"]}
        blank = [""] * (len(view.keys) + (1 if view.unranked_by else 2))
        floors = [""] if view.has_floors else []
        own = [number_text(known[name]) if name in known else "" for name in figures]
        cells.append(["baseline", *blank, *own, *floors, number_text(row["test_baseline_profit"]),
                      number_text(row["test_baseline_revenue"]), ""])  # fmt: skip
    title = "All trials" if view.unranked_by else f"Trials compared after {iterations_text(rows[0]['iterations'])}"
    return [Heading(title), Table(header, cells, _note(view, len(rows)))]


def stopped_table(view: SweepView) -> list[Section]:
    """Return the table of the trials that were stopped, each beside the worst of those that went on from the same rung."""
    rows = view.stopped
    if not rows:
        return []
    header = ["Trial", *view.keys, "Iterations", f"{title_of(view.metric)}, training", *(["Floors"] if view.has_floors else [])]
    header += ["Worst that went on", "Profit, test", "Revenue, test"]
    cells = []
    for row in rows[:SHOWN]:
        on = view.results.filter(pl.col("is_kept"), rung=row["rung"]).sort("rank", "trial", nulls_last=True).row(-1, named=True)
        cells.append([
            str(row["trial"]),
            *(value_text(row[key]) for key in view.keys),
            str(row["iterations"]),
            number_text(row[view.metric]),
            *([floors_text(row)] if view.has_floors else []),
            f"{number_text(on[view.metric])}{f', {floors_text(on)}' if view.has_floors else ''}",
            *(number_text(row[name]) for name in ("test_profit", "test_revenue")),
        ])  # fmt: skip
    note = (
        "These figures are of fewer iterations than those of the table above, so the two are not compared. Each trial was "
        f"compared with all others after as many iterations as its row says.{left_out(len(rows))}"
    )
    return [Heading("Trials stopped early"), Table(header, cells, note)]


def commands_table(view: SweepView) -> list[Section]:
    """Return the table of the commands that reproduce each trial's row."""
    rows = [*view.finished, *view.stopped]
    cells = [[str(row["trial"]), row["command"]] for row in rows[:SHOWN]]
    note = (
        f"Run where the sweep was run, each prints the figures of its trial's row again, equal to the bit.{left_out(len(rows))}"
    )
    return [Heading("Commands"), Table(["Trial", "Command"], cells, note)]


def _note(view: SweepView, rows: int) -> str:
    text = (
        f"Means over {view.seeds} seed{'s' if view.seeds > 1 else ''} and the days, per day. "
        f"{title_of(view.metric)}: {view.meaning}."
    )
    text += "" if view.unranked_by else " Trials are ranked on training days; test days chose nothing."
    if view.baselines_by and not view.unranked_by:
        text += (
            f" Each trial has a baseline of its own (by {', '.join(view.baselines_by)}): figures are compared in currency and "
            "counts, and each floor is a share of the trial's own baseline."
        )
    if any(key.startswith("platform.") and key.endswith("_floor") for key in view.keys):
        text += " Each trial is held to its own floors."
    return text + left_out(rows)


def _rank(row: Row, rows: Sequence[Row]) -> str:
    if row["rank"] is None:
        return "none"
    is_shared = sum(other["rank"] == row["rank"] for other in rows) > 1
    return f"{row['rank']} (tie)" if is_shared else str(row["rank"])


def _ratio(ratio: float) -> str:
    return f"{ratio:.4f}" if ratio == ratio else NOT_DEFINED
