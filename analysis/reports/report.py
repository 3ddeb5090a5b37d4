"""Write the report on one or several runs: summaries, figures, tables, and what was measured and what was assumed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.plots import runs as plots
from auctionsim.analysis.documents.plots.front import trade_off_figure
from auctionsim.analysis.documents.plots.responses import punishment_figure
from auctionsim.analysis.documents.plots.style import Figure
from auctionsim.analysis.documents.sections import Heading, Note, Picture, Section, Text, write_document
from auctionsim.analysis.reports.metrics import hourly_revenue, mean_advertiser_ratios, seed_ratios
from auctionsim.analysis.reports.run_collusion import collusion_sentence
from auctionsim.analysis.reports.run_punishment import response_lines
from auctionsim.analysis.reports.summary import Summary, summarize
from auctionsim.analysis.reports.tables import advertisers_table, collusion_sections, constraint_sections, measures_table
from auctionsim.analysis.statistics import INTERVALS
from auctionsim.errors import InputError
from auctionsim.runs import Run

_PROVENANCE_LABELS = {"supposed": "Assumed"}
"""Labels of notes whose key in provenance.json is not the word itself: run folders of earlier versions."""


def write_report(runs: Sequence[Run], out: Path) -> Path:
    """Write `out`/index.html, its figures as SVG and PNG beside it, and the same text as `out`/report.md.

    Args:
        runs: Evaluated runs, shown side by side in this order.
        out: The folder to write the report to.

    Returns:
        The path of index.html.

    Raises:
        InputError: A run has no evaluation, or a run is given twice.
    """
    named = _named(runs)
    summaries = [summarize(run, name) for name, run in named.items()]
    seeds = ", ".join(sorted({str(summary.seeds) for summary in summaries}))
    sections: list[Section] = [Text(summary.sentence) for summary in summaries]
    sections += [Text(line) for name, run in named.items() if (line := collusion_sentence(run, name))]
    sections += [Picture(name, figure, caption) for name, (figure, caption) in _figures(named, summaries, seeds).items()]
    sections += [Heading("Measures"), measures_table(summaries), *collusion_sections(named), *constraint_sections(named)]
    sections += [Heading("Advertisers"), advertisers_table(named), Heading("What was measured and what was assumed")]
    sections += [Note(line) for line in _provenance(named)]
    title = " · ".join(dict.fromkeys(run.scenario().name for run in runs))
    commands = list(dict.fromkeys(str(run.manifest()["command"]) for run in runs))
    return write_document(f"auctionsim: {title}", commands, sections, out, page_in="", text="report.md")


def _named(runs: Sequence[Run]) -> dict[str, Run]:
    """Return the runs by the names of their folders, or by their paths where two folders have the same name."""
    names = [run.path.resolve().name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.path) for run in runs]
    if len(set(names)) < len(names):
        raise InputError(f"{names[-1]}: expected each run once, got it twice")
    return dict(zip(names, runs, strict=True))


def _figures(named: dict[str, Run], summaries: Sequence[Summary], seeds: str) -> dict[str, tuple[Figure, str]]:
    """Return every figure with its caption, by the name of its file."""
    figures = {
        "arms": (
            plots.arms_figure(summaries),
            f"Revenue, total profit and the worst advertiser's profit on the test days, as ratios to the baseline; means over "
            f"seeds (n = {seeds}) with {INTERVALS}. G* is the total profit of the efficient allocation at the baseline's "
            f"revenue; total profit above G* is paid for by the platform.",
        ),
        "hourly": (
            plots.hourly_figure(_hourly(named)),
            f"Platform revenue by hour on the test days; means over seeds (n = {seeds}) with {INTERVALS}.",
        ),
        "learning": (
            plots.learning_figure({name: _curves(run) for name, run in named.items()}),
            "Learning curves on the training days: means over population and seeds; the band spans the lowest and the highest "
            "seed.",
        ),
        "advertisers": (
            plots.advertisers_figure({name: mean_advertiser_ratios(run)["ratio"].to_numpy() for name, run in named.items()}),
            "Each advertiser's profit as a ratio to its baseline profit, all seeds and test days together.",
        ),
    }
    return figures | _trade_off(named, seeds) | _punishment(named)


def _trade_off(named: dict[str, Run], seeds: str) -> dict[str, tuple[Figure, str]]:
    points = {}
    for name, run in named.items():
        ratios = seed_ratios(run)
        points[name] = np.stack([ratios["revenue"], ratios["profit"]], axis=1)
    caption = (
        f"Total profit against platform revenue on the test days, ratios to the baseline: means over seeds (n = {seeds}), and "
        "each seed. The line joins the runs on the Pareto front."
    )
    return {"trade-off": (trade_off_figure(points), caption)}


def _punishment(named: dict[str, Run]) -> dict[str, tuple[Figure, str]]:
    tables = {name: table for name, run in named.items() if (table := run.optional_table("punishment")) is not None}
    if not tables:
        return {}
    by_seed = {name: table.group_by("seed").agg(pl.col("punished").first())["punished"] for name, table in tables.items()}
    counted = ", ".join(f"{name} on {punished.sum()} of {len(punished)} seeds" for name, punished in by_seed.items())
    caption = (
        "The advertiser with the highest profit deviates for one hour, to the best multiple of its own bids over the day. "
        f"Shown are its rivals' bids and its own gain, means over seeds. Punished: {counted}. A policy that does not observe "
        "the day cannot punish."
    )
    lines = {name: response_lines(table) for name, table in tables.items()}
    return {"punishment": (punishment_figure(lines), caption)}


def _hourly(named: dict[str, Run]) -> dict[str, NDArray[np.float64]]:
    first = next(iter(named.values()))
    return {plots.BASELINE: hourly_revenue(first, "reference")} | {
        name: hourly_revenue(run, "learned") for name, run in named.items()
    }


def _curves(run: Run) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the revenue and the profit ratio of each iteration, `[seeds, iterations]` each."""
    rows = run.metrics()
    by_seed = {seed: [row for row in rows if row["seed"] == seed] for seed in run.seeds}
    revenue, profit = (
        np.array([[row[key] for row in rows] for rows in by_seed.values()]) for key in ("revenue_ratio", "profit_ratio")
    )
    return revenue, profit


def _provenance(named: dict[str, Run]) -> list[str]:
    """Return the notes on the traffic's origin, one line each, without repetitions."""
    lines = [
        f"{_PROVENANCE_LABELS.get(key, key.capitalize())}: {text}"
        for run in named.values()
        for key, text in run.provenance().items()
    ]
    return list(dict.fromkeys(lines))
