"""The report over one or several runs: verdict, figures, tables, and what is measured and what supposed."""

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
from auctionsim.analysis.documents.sections import Heading, Note, Picture, Section, Table, Text, write_document
from auctionsim.analysis.economics.responses import response_lines
from auctionsim.analysis.reports.metrics import (
    advertiser_profits,
    bootstrap,
    hourly_revenue,
    mean_advertiser_ratios,
    seed_ratios,
)
from auctionsim.analysis.reports.run_collusion import collusion_sentence
from auctionsim.analysis.reports.summary import Summary, summarise
from auctionsim.analysis.reports.violations import violations
from auctionsim.errors import InputError
from auctionsim.runs import Run

_MANY_ADVERTISERS = 40


def write_report(runs: Sequence[Run], out: Path) -> Path:
    """Write `out`/index.html, the figures as SVG and PNG beside it, and the same as `out`/report.md.

    Args:
        runs: Evaluated runs, shown side by side in this order.
        out: The report's folder.

    Returns:
        The page.

    Raises:
        InputError: A run has no evaluation, or two runs bear one name.
    """
    names = [run.path.resolve().name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.path) for run in runs]
    if len(set(names)) < len(names):
        raise InputError(f"{names[-1]}: expected each run once, got it twice")
    named = dict(zip(names, runs, strict=True))
    summaries = [summarise(run, name) for name, run in named.items()]
    seeds = ", ".join(sorted({str(summary.seeds) for summary in summaries}))
    figures = {
        "arms": (
            plots.arms_figure(summaries),
            f"Revenue, total profit and the worst advertiser's profit on the test days, as ratios to the reference; mean over "
            f"seeds (n = {seeds}) with 95 % bootstrap intervals. G* is the total profit of the efficient allocation at the "
            f"reference's revenue; above it only what the platform loses can be won.",
        ),
        "hourly": (
            plots.hourly_figure(_hourly(named)),
            f"Platform revenue by hour on the test days, mean over seeds (n = {seeds}) with 95 % bootstrap intervals.",
        ),
        "learning": (
            plots.learning_figure({name: _curves(run) for name, run in named.items()}),
            "Learning curves on the training days: mean over population and seeds, band from the lowest to the highest seed.",
        ),
        "advertisers": (
            plots.advertisers_figure({name: mean_advertiser_ratios(run)["ratio"].to_numpy() for name, run in named.items()}),
            "Each advertiser's profit over its reference's, all seeds and test days together.",
        ),
    }
    figures |= _trade_off(named, seeds) | _punishment(named)
    sections: list[Section] = [Text(summary.sentence) for summary in summaries]
    sections += [Text(line) for name, run in named.items() if (line := collusion_sentence(run, name))]
    sections += [Picture(name, figure, caption) for name, (figure, caption) in figures.items()]
    sections += [Heading("Measures"), _measures(summaries), *_collusion(named), *_constraints(named)]
    sections += [Heading("Advertisers"), _advertisers(named), Heading("What is measured and what is supposed")]
    sections += [Note(line) for line in _provenance(named)]
    title = " · ".join(dict.fromkeys(run.scenario().name for run in runs))
    commands = list(dict.fromkeys(str(run.manifest()["command"]) for run in runs))
    return write_document(f"auctionsim: {title}", commands, sections, out, page_in="", text="report.md")


def _trade_off(named: dict[str, Run], seeds: str) -> dict[str, tuple[Figure, str]]:
    points = {}
    for name, run in named.items():
        ratios = seed_ratios(run)
        points[name] = np.stack([ratios["revenue"], ratios["profit"]], axis=1)
    caption = (
        f"Total profit against platform revenue on the test days, ratios to the reference: means over seeds (n = {seeds}), and "
        "each seed. The line joins runs that no other one beats in both."
    )
    return {"trade-off": (trade_off_figure(points), caption)}


def _punishment(named: dict[str, Run]) -> dict[str, tuple[Figure, str]]:
    tables = {name: table for name, run in named.items() if (table := run.optional_table("punishment")) is not None}
    if not tables:
        return {}
    by_seed = {name: table.group_by("seed").agg(pl.col("punished").first())["punished"] for name, table in tables.items()}
    counted = ", ".join(f"{name} on {punished.sum()} of {len(punished)} seeds" for name, punished in by_seed.items())
    caption = (
        "The advertiser that earns most deviates for one hour, to the multiple of its bids that would pay best over the day: "
        f"what its rivals do then, and what it gains, mean over seeds. Punished: {counted}. Bids that do not look at the day "
        "cannot punish."
    )
    lines = {name: response_lines(table) for name, table in tables.items()}
    return {"punishment": (punishment_figure(lines), caption)}


def _hourly(named: dict[str, Run]) -> dict[str, NDArray[np.float64]]:
    first = next(iter(named.values()))
    return {"reference": hourly_revenue(first, "reference")} | {
        name: hourly_revenue(run, "learned") for name, run in named.items()
    }


def _curves(run: Run) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = run.metrics()
    by_seed = {seed: [row for row in rows if row["seed"] == seed] for seed in run.seeds}
    revenue, profit = (
        np.array([[row[key] for row in rows] for rows in by_seed.values()]) for key in ("revenue_ratio", "profit_ratio")
    )
    return revenue, profit


def _measures(summaries: Sequence[Summary]) -> Table:
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
        [label, *(str(summary.ratios[name]) if name in summary.ratios else "undefined" for summary in summaries)]
        for name, label in labels.items()
    ]
    return Table(["ratio to the reference", *(summary.name for summary in summaries)], rows)


def _advertisers(named: dict[str, Run]) -> Table:
    """Profit of each advertiser per run; of many, the share better off by group."""
    tables = {name: mean_advertiser_ratios(run) for name, run in named.items()}
    first = next(iter(tables.values()))
    if first.height <= _MANY_ADVERTISERS:
        rows = [
            [advertiser, *(_ratio_of(table["ratio"].to_list(), i) for table in tables.values())]
            for i, advertiser in enumerate(first["advertiser"].to_list())
        ]
        return Table(["profit over the reference's", *named], rows)
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


def _ratio_of(ratios: list[float | None], index: int) -> str:
    ratio = ratios[index] if index < len(ratios) else None
    return "undefined" if ratio is None or not np.isfinite(ratio) else f"{ratio:.3f}"


def _collusion(named: dict[str, Run]) -> list[Section]:
    """Profit gain and missing revenue against every competitive benchmark."""
    tables = {name: table for name, run in named.items() if (table := run.optional_table("collusion")) is not None}
    if not tables:
        return []
    benchmarks = list(dict.fromkeys(b for table in tables.values() for b in table["benchmark"]))
    rows = []
    for measure, label in (("profit_gain", "profit gain"), ("suppression", "revenue missing")):
        for benchmark in benchmarks:
            cells = [table.filter(benchmark=benchmark)[measure].to_numpy() for table in tables.values()]
            shown = [str(bootstrap(cell)) if len(cell) and np.isfinite(cell).all() else "undefined" for cell in cells]
            rows.append([f"{label}, against {benchmark}", *shown])
    note = (
        "0 is competition; a profit gain of 1 is the cartel, in which only each auction's best advertiser of the learners "
        "competes. Collusion needs both raised against every benchmark, and again without budgets (docs/collusion.md)."
    )
    return [Heading("Is it collusion?"), Table(["over seeds", *tables], rows, note)]


def _constraints(named: dict[str, Run]) -> list[Section]:
    """How often constraints were broken on test days, and by how much."""
    tables = {name: violations(run).filter(arm="learned") for name, run in named.items()}
    kinds = list(dict.fromkeys(kind for table in tables.values() for kind in table["constraint"]))
    rows = []
    for kind in kinds:
        cells = []
        for table in tables.values():
            own = table.filter(constraint=kind)
            cells.append(
                f"{own['violated'].to_numpy().mean():.1%}, by {own['excess'].to_numpy().mean():.2%}"
                if own.height
                else "none asked"
            )
        rows.append([kind.replace("_", " "), *cells])
    if not rows:
        return []
    note = (
        "Share of advertiser-days (of days, for floors on revenue and on self-bidders) on which it is broken, and by how much "
        "over all of them."
    )
    return [Heading("Constraints"), Table(["constraint", *tables], rows, note)]


def _provenance(named: dict[str, Run]) -> list[str]:
    lines = [f"{key.capitalize()}: {text}" for run in named.values() for key, text in run.provenance().items()]
    return list(dict.fromkeys(lines))
