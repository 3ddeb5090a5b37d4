"""Report a sweep: the best trial among those that were trained equally long, all others, and what mattered."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from auctionsim.analysis.documents.plots.sweep import Axis, parallel_coordinates
from auctionsim.analysis.documents.sections import Heading, Note, Picture, Section, Table, Text
from auctionsim.analysis.reports.sweep.importance import PERMUTATIONS, Importance, importance
from auctionsim.analysis.reports.sweep.ranking import ROUNDING
from auctionsim.analysis.reports.sweep.tables import commands_table, finished_table, stopped_table
from auctionsim.analysis.reports.sweep.view import NOT_DEFINED, Row, SweepView, iterations_text, number_text, value_text

_NOBODY = (
    "Nobody learns in these trials: every advertiser follows a rule. So iterations change nothing, each trial is its rules' "
    "replay, and figures of learners are 0 or not defined."
)
_LEAST_TRIED = 3
"""Different values of a key from which on the best one may lie between others."""


def sweep_sections(view: SweepView) -> list[Section]:
    """Return the sections of a sweep's report: the verdict, trials by effort, importance, a figure, and their commands."""
    return [
        Text(_verdict(view)),
        Text(view.design),
        *([Text(_NOBODY)] if view.nobody_learns else []),
        *finished_table(view),
        *stopped_table(view),
        *_importance_table(view),
        _picture(view),
        *commands_table(view),
        Note(_halving(view)),
    ]


def _verdict(view: SweepView) -> str:
    if view.unranked_by:
        return (
            f"Trials are not ranked: their traffic differs (by {', '.join(view.unranked_by)}), so that their totals are not of "
            "the same auctions. All were trained to the end."
        )
    finished, best = view.finished, view.best
    if not best:
        return f"Best by {view.metric}: {NOT_DEFINED}, as no trial has a finite figure."
    row, sense = best[0], "" if view.is_max else " (the lowest)"
    figure = f"{view.metric} {number_text(row[view.metric])}{sense} on training days after {iterations_text(row['iterations'])}"
    if len(best) > 1:
        text = f"{_trials(best)} tie for the best by {view.metric}, with equal figures: {figure}."
    else:
        text = f"Best by {view.metric}: trial {row['trial']} with {_settings(row, view)}; {figure}, {_rivals(view, finished)}."
        text += _ends_sentence(row, view)
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


def _ends_sentence(row: Row, view: SweepView) -> str:
    """Say which of the best trial's values are the smallest or the largest tried, as better ones may lie beyond."""
    tried = view.results.filter(rung=0)
    found = []
    for key in view.keys:
        values = tried[key].unique()
        if not values.dtype.is_numeric() or len(values) < _LEAST_TRIED or row[key] not in (values.min(), values.max()):
            continue
        which, beyond = ("largest", "larger") if row[key] == values.max() else ("smallest", "smaller")
        found.append(f" {key} = {value_text(row[key])} is the {which} that was tried; a {beyond} one may be better.")
    return "".join(found)


def _floors_sentence(view: SweepView, best: Sequence[Row]) -> str:
    if not view.has_floors or view.metric == "fitness":
        return ""
    missed = best[0]["shortfall"]
    one = "They keep" if len(best) > 1 else "It keeps"
    if missed is not None and missed <= ROUNDING:
        return f" {one} the platform's floors on every training day; trials that miss them rank behind."
    return " No trial that got there keeps the platform's floors on every training day; the one that misses least ranks first."


def _importance_table(view: SweepView) -> list[Section]:
    if view.unranked_by:
        return []
    first = view.results.filter(rung=0).sort("trial")
    found = {key: importance(first[key].to_list(), first[view.metric].to_list(), key) for key in view.keys}
    reasons = "; ".join(f"{key}: {reason}" for key, reason in found.items() if isinstance(reason, str))
    missing = [Note(f"Importance {NOT_DEFINED} for {reasons}.")] if reasons else []
    cells = [
        [key, f"{one.share:.0%}", f"{one.by_chance:.0%}", f"{one.p_value:.3f}", f"{one.groups} {one.kind}"]
        for key, one in found.items()
        if isinstance(one, Importance)
    ]
    if not cells:
        return list(missing)
    note = (
        f"Share of the variance of {view.metric} between a key's values (eta squared), over the {first.height} trials after "
        f"{iterations_text(first['iterations'][0])}, where all are compared; beside it the share that chance alone exceeds "
        f"in 5 % of {PERMUTATIONS} random dealings, and how often chance reached the share. Keys that act together, or "
        "only later in training, are not seen."
    )
    return [
        Heading("What mattered"),
        Table(["Key", "Share of variance", "By chance, 95 %", "p", "Compared"], cells, note),
        *missing,
    ]


def _picture(view: SweepView) -> Section:
    first = view.results.filter(rung=0).sort("trial")
    trials = first["trial"].to_list()
    axes = [Axis(key, first[key].to_list(), is_log) for key, is_log in view.keys.items()]
    for (iterations,), rows in view.results.group_by("iterations", maintain_order=True):
        figures = dict(zip(rows["trial"].to_list(), rows[view.metric].to_list(), strict=True))
        axes.append(Axis(f"{view.metric}\nafter {iterations}", [figures.get(trial) for trial in trials]))
    best = {trials.index(row["trial"]) for row in view.best}
    missed = {
        trials.index(trial)
        for trial, missed in view.results.sort("rung").group_by("trial").agg(pl.col("shortfall").last()).iter_rows()
        if missed is None or missed > ROUNDING
    }
    ending = "; the best is highlighted" if best else ""
    ending += "; dashed: the platform's floors are missed" if missed else ""
    return Picture(
        "parallel-coordinates",
        parallel_coordinates(axes, best, dashed=missed),
        f"One line per trial. Axes: the swept keys, and {view.metric} on training days after the iterations of each rung; a "
        f"line ends where its trial was stopped{ending}. Each axis has its own scale.",
    )


def _halving(view: SweepView) -> str:
    if not view.stopped:
        return "No trial was stopped early."
    rungs = [
        f"{len(rows)} to iteration {iterations}"
        for (iterations,), rows in view.results.group_by("iterations", maintain_order=True)
    ]
    return (
        f"Successive halving, trials: {', '.join(rungs)}. A rung is decided when all of its trials have finished it; each "
        "trial that stopped was worse than each that went on, and ties went on together."
    )


def _trials(rows: Sequence[Row]) -> str:
    names = [str(row["trial"]) for row in rows]
    return f"Trials {', '.join(names[:-1])} and {names[-1]}"


def _settings(row: Row, view: SweepView) -> str:
    return ", ".join(f"{key} = {value_text(row[key])}" for key in view.keys)
