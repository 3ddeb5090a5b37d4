"""Report a sweep: the best trial among those that were trained equally long, all others, and what mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from auctionsim.analysis.documents.plots.sweep import Axis, parallel_coordinates
from auctionsim.analysis.documents.sections import Heading, Note, Picture, Section, Table, Text
from auctionsim.analysis.reports.sweep.importance import LEAST_TRIALS, PERMUTATIONS, Importance, importance
from auctionsim.analysis.reports.sweep.ranking import ROUNDING
from auctionsim.ratios import safe_ratio

_SHOWN = 20
NOT_DEFINED = "not defined"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class SweepView:
    """The results of a sweep, and what has to be known to read them."""

    results: pl.DataFrame
    """One row per trial and rung, as in results.parquet (docs/sweeps.md)."""
    keys: Mapping[str, bool]
    """The swept keys in order, with True for a key whose axis is logarithmic."""
    metric: str
    """The figure that trials were ranked by."""
    meaning: str
    """What the figure measures, and its unit."""
    is_max: bool
    """True if a larger figure is better."""
    seeds: int
    """The number of seeds each trial was trained on."""
    design: str
    """A sentence on how the trials were chosen."""
    has_floors: bool
    """True if the scenario asks for a floor of `[platform]`."""
    unranked_by: Sequence[str] = ()
    """The swept keys that change the traffic; trials are not ranked if there are any."""
    rules_by: Sequence[str] = ()
    """The swept keys that change rules, budgets or goals, so that each trial has a baseline of its own."""

    @property
    def finished(self) -> Sequence[Row]:
        """Return the rows of the last rung, the best first; in the order of trials if they are not ranked."""
        return self.results.filter(rung=self.results["rung"].max()).sort("rank", "trial").to_dicts()

    @property
    def stopped(self) -> Sequence[Row]:
        """Return the last row of each trial that was stopped early: those that went further first, then by rank."""
        return (
            self.results.filter(~pl.col("is_kept")).sort(["rung", "rank", "trial"], descending=[True, False, False]).to_dicts()
        )

    @property
    def best(self) -> Sequence[Row]:
        """Return the rows of the best trials, several if they tie; none if trials are not ranked or have no figure."""
        return [row for row in self.finished if row["rank"] == 1 and row[self.metric] is not None]


def sweep_sections(view: SweepView) -> list[Section]:
    """Return the sections of a sweep's report: the verdict, trials by effort, importance, a figure, and their commands."""
    return [
        Text(_verdict(view)),
        Text(view.design),
        *_finished_table(view),
        *_stopped_table(view),
        *_importance_table(view),
        _picture(view),
        *_commands(view),
        Note(_halving(view)),
    ]


def _verdict(view: SweepView) -> str:
    if view.unranked_by:
        return (
            f"Trials are not ranked: {', '.join(view.unranked_by)} changes their traffic, so that their totals are not those of "
            "the same auctions. All were trained to the end."
        )
    finished, best = view.finished, view.best
    if not best:
        return f"Best by {view.metric}: {NOT_DEFINED}, as no trial has a finite figure."
    row, sense = best[0], "" if view.is_max else " (the lowest)"
    figure = f"{view.metric} {_number(row[view.metric])}{sense} on training days after {row['iterations']} iterations"
    if len(best) > 1:
        text = f"{_trials(best)} tie for the best by {view.metric}, with equal figures: {figure}."
    else:
        text = f"Best by {view.metric}: trial {row['trial']} with {_settings(row, view)}; {figure}, {_rivals(view, finished)}."
    first = view.results.filter(rung=0)
    if first.height > 1 and first[view.metric].n_unique() == 1 and len(best) == len(finished):
        text += " All trials have the same figure, so the swept keys made no difference to it."
        if row["profit"] == row["revenue"] == 0:
            text += " Nobody won anything: revenue and profit are 0."
    return text + _floors_sentence(view, best)


def _rivals(view: SweepView, finished: Sequence[Row]) -> str:
    """Say among how many trials the best one is the best."""
    if len(finished) > 1:
        return f"the best of the {len(finished)} trials that got there"
    before = view.results.filter(rung=finished[0]["rung"] - 1)
    if not before.height:
        return "the only trial"
    return f"the only trial that got there, as the best of {before.height} after {before['iterations'][0]}"


def _floors_sentence(view: SweepView, best: Sequence[Row]) -> str:
    if not view.has_floors or view.metric == "fitness":
        return ""
    missed = best[0]["shortfall"]
    one = "They keep" if len(best) > 1 else "It keeps"
    if missed is not None and missed <= ROUNDING:
        return f" {one} the platform's floors on every training day; trials that do not rank behind."
    return " No trial that got there keeps the platform's floors on every training day; the one that misses least ranks first."


def _finished_table(view: SweepView) -> list[Section]:
    """Return the table of the trials that are compared at the end, with the baseline where all have the same."""
    rows = view.finished
    figures = [view.metric, *(name for name in ("profit", "revenue") if name != view.metric)]
    tested = ["test_profit", "test_revenue"]
    is_one_baseline = not view.rules_by and not view.unranked_by
    header = ["Trial", *([] if view.unranked_by else ["Rank"]), *view.keys, "Iterations"]
    header += [*(f"{_title(name)}, training" for name in figures), *(["Floors"] if view.has_floors else [])]
    header += ["Profit, test", "Revenue, test", "Profit / baseline, test" if is_one_baseline else "Baseline's profit, test"]
    cells = []
    for row in rows[:_SHOWN]:
        ratio = safe_ratio(row["test_profit"], row["test_baseline_profit"])
        cells.append([
            str(row["trial"]),
            *([] if view.unranked_by else [_rank(row, rows)]),
            *(_value(row[key]) for key in view.keys),
            str(row["iterations"]),
            *(_number(row[name]) for name in figures),
            *([_kept(row)] if view.has_floors else []),
            *(_number(row[name]) for name in tested),
            _ratio(ratio) if is_one_baseline else _number(row["test_baseline_profit"]),
        ])  # fmt: skip
    if is_one_baseline:
        row = rows[0]
        known = {"profit": row["baseline_profit"], "revenue": row["baseline_revenue"]}
        blank = [""] * (len(view.keys) + (1 if view.unranked_by else 2))
        floors = [""] if view.has_floors else []
        own = [_number(known[name]) if name in known else "" for name in figures]
        cells.append(["baseline", *blank, *own, *floors, _number(row["test_baseline_profit"]),
                      _number(row["test_baseline_revenue"]), ""])  # fmt: skip
    title = "All trials" if view.unranked_by else f"Trials compared after {rows[0]['iterations']} iterations"
    return [Heading(title), Table(header, cells, _note(view, len(rows)))]


def _stopped_table(view: SweepView) -> list[Section]:
    """Return the table of the trials that were stopped, each beside the worst of those that went on from the same rung."""
    rows = view.stopped
    if not rows:
        return []
    header = ["Trial", *view.keys, "Iterations", f"{_title(view.metric)}, training", *(["Floors"] if view.has_floors else [])]
    header += ["Worst that went on", "Profit, test", "Revenue, test"]
    cells = []
    for row in rows[:_SHOWN]:
        on = view.results.filter(pl.col("is_kept"), rung=row["rung"]).sort("rank", "trial").row(-1, named=True)
        cells.append([
            str(row["trial"]),
            *(_value(row[key]) for key in view.keys),
            str(row["iterations"]),
            _number(row[view.metric]),
            *([_kept(row)] if view.has_floors else []),
            f"{_number(on[view.metric])}{f', {_kept(on)}' if view.has_floors else ''}",
            *(_number(row[name]) for name in ("test_profit", "test_revenue")),
        ])  # fmt: skip
    note = (
        "These figures are of fewer iterations than those of the table above, so the two are not compared. Each trial was "
        f"compared with all others after as many iterations as its row says.{_left_out(len(rows))}"
    )
    return [Heading("Trials stopped early"), Table(header, cells, note)]


def _importance_table(view: SweepView) -> list[Section]:
    if view.unranked_by:
        return []
    first = view.results.filter(rung=0).sort("trial")
    iterations, cells, reasons = first["iterations"][0], [], []
    for key in view.keys:
        found = importance(first[key].to_list(), first[view.metric].to_list(), key)
        if isinstance(found, Importance):
            groups = f"{found.groups} {'bins' if found.is_binned else 'values'}"
            cells.append([key, f"{found.share:.0%}", f"{found.by_chance:.0%}", f"{found.p_value:.3f}", groups])
        else:
            cells.append([key, NOT_DEFINED, "", "", ""])
            reasons.append(f"{key}: {found}")
    note = (
        f"Share of the variance of {view.metric} between a key's values (eta squared), over the {first.height} trials after "
        f"{iterations} iterations, where all are compared; beside it the share that chance alone exceeds in 5 % of {PERMUTATIONS} "
        f"random dealings, and how often chance reached the share. It needs {LEAST_TRIALS} trials and two for each value. Keys "
        "that act together, or only later in training, are not seen."
    )
    if reasons:
        note += f" Not defined: {'; '.join(reasons)}."
    return [Heading("What mattered"), Table(["Key", "Share of variance", "By chance, 95 %", "p", "Compared"], cells, note)]


def _picture(view: SweepView) -> Section:
    first = view.results.filter(rung=0).sort("trial")
    trials = first["trial"].to_list()
    axes = [Axis(key, first[key].to_list(), is_log) for key, is_log in view.keys.items()]
    for (iterations,), rows in view.results.group_by("iterations", maintain_order=True):
        figures = dict(zip(rows["trial"].to_list(), rows[view.metric].to_list(), strict=True))
        axes.append(Axis(f"{view.metric}.after {iterations}", [figures.get(trial) for trial in trials]))
    best = {trials.index(row["trial"]) for row in view.best}
    ending = "; the best is highlighted" if best else ""
    return Picture(
        "parallel-coordinates",
        parallel_coordinates(axes, best),
        f"One line per trial. Axes: the swept keys, and {view.metric} on training days after the iterations of each rung; a line "
        f"ends where its trial was stopped{ending}. Each axis has its own scale.",
    )


def _commands(view: SweepView) -> list[Section]:
    rows = [*view.finished, *view.stopped]
    cells = [[str(row["trial"]), row["command"]] for row in rows[:_SHOWN]]
    note = f"Run where the sweep was run, each prints the figures of its trial's row again, equal to the bit.{_left_out(len(rows))}"
    return [Heading("Commands"), Table(["Trial", "Command"], cells, note)]


def _halving(view: SweepView) -> str:
    if view.unranked_by:
        return "No trial was stopped early."
    rungs = [
        f"{len(rows)} to iteration {iterations}"
        for (iterations,), rows in view.results.group_by("iterations", maintain_order=True)
    ]
    return (
        f"Successive halving, trials: {', '.join(rungs)}. A rung is decided when all of its trials have finished it; each trial "
        "that stopped was worse than each that went on, and ties went on together."
    )


def _note(view: SweepView, rows: int) -> str:
    text = (
        f"Means over {view.seeds} seed{'s' if view.seeds > 1 else ''} and the days, per day. {_title(view.metric)}: {view.meaning}. "
        "Trials are ranked on training days; test days chose nothing."
    )
    if view.rules_by and not view.unranked_by:
        text += (
            f" {', '.join(view.rules_by)} changes the rules, so that each trial has a baseline of its own: figures are compared in "
            "currency and counts, and each floor is a share of the trial's own baseline."
        )
    return text + _left_out(rows)


def _left_out(rows: int) -> str:
    return f" {rows - _SHOWN} more are in results.parquet." if rows > _SHOWN else ""


def _rank(row: Row, rows: Sequence[Row]) -> str:
    is_shared = sum(other["rank"] == row["rank"] for other in rows) > 1
    return f"{row['rank']} (tie)" if is_shared else str(row["rank"])


def _kept(row: Row) -> str:
    missed = row["shortfall"]
    if missed is None:
        return NOT_DEFINED
    return "kept" if missed <= ROUNDING else f"missed by {100 * missed:.2g} %"


def _trials(rows: Sequence[Row]) -> str:
    names = [str(row["trial"]) for row in rows]
    return f"Trials {', '.join(names[:-1])} and {names[-1]}"


def _settings(row: Row, view: SweepView) -> str:
    return ", ".join(f"{key} = {_value(row[key])}" for key in view.keys)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _ratio(ratio: float) -> str:
    return f"{ratio:.4f}" if ratio == ratio else NOT_DEFINED


def _number(value: float | None) -> str:
    if value is None:
        return NOT_DEFINED
    return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.6g}"
