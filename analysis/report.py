"""The report over one or several runs: verdict, figures, tables, and what is measured and what supposed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from auctionsim.analysis import page
from auctionsim.analysis.metrics import advertiser_profits, hourly_revenue, mean_advertiser_ratios
from auctionsim.analysis.plots import runs as plots
from auctionsim.analysis.sections import save_figure
from auctionsim.analysis.summary import Summary, summarise
from numpy.typing import NDArray

from auctionsim.errors import InputError
from auctionsim.files import write_text
from auctionsim.runs import Run

_MANY_ADVERTISERS = 40


def write_report(runs: Sequence[Run], out: Path) -> Path:
    """Write `out`/index.html and the figures as SVG and PNG beside it.

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
    parts = [page.verdict(summary.sentence) for summary in summaries]
    for name, (figure, caption) in figures.items():
        parts.append(page.picture(save_figure(figure, out / "figures", name), caption))
    parts += [page.heading("Measures"), _measures(summaries), page.heading("Advertisers"), _advertisers(named)]
    parts += [page.heading("What is measured and what is supposed"), *_provenance(named)]
    title = " · ".join(dict.fromkeys(run.scenario().name for run in runs))
    write_text(out / "index.html", page.page(f"auctionsim: {title}", parts))
    return out / "index.html"


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


def _measures(summaries: Sequence[Summary]) -> str:
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
    return page.table(["ratio to the reference", *(summary.name for summary in summaries)], rows)


def _advertisers(named: dict[str, Run]) -> str:
    """Profit of each advertiser per run; of many, the share better off by group."""
    tables = {name: mean_advertiser_ratios(run) for name, run in named.items()}
    first = next(iter(tables.values()))
    if first.height <= _MANY_ADVERTISERS:
        rows = [
            [advertiser, *(_ratio_of(table["ratio"].to_list(), i) for table in tables.values())]
            for i, advertiser in enumerate(first["advertiser"].to_list())
        ]
        return page.table(["profit over the reference's", *named], rows)
    rows = []
    for group in first["group"].unique(maintain_order=True):
        shares = []
        for run in named.values():
            profits = advertiser_profits(run)
            own = profits.filter(profits["group"] == group)
            shares.append(f"{np.mean(own['learned'].to_numpy() > own['reference'].to_numpy()):.1%}")
        size = int((first["group"] == group).sum())
        rows.append([f"{group} ({size} advertisers)", *shares])
    return page.table(["share of advertisers and seeds better off", *named], rows)


def _ratio_of(ratios: list[float | None], index: int) -> str:
    ratio = ratios[index] if index < len(ratios) else None
    return "undefined" if ratio is None or not np.isfinite(ratio) else f"{ratio:.3f}"


def _provenance(named: dict[str, Run]) -> list[str]:
    parts = []
    seen: set[str] = set()
    for run in named.values():
        for key, text in run.provenance().items():
            line = f"{key.capitalize()}: {text}"
            if line not in seen:
                seen.add(line)
                parts.append(page.note(line))
    commands = dict.fromkeys(str(run.manifest()["command"]) for run in named.values())
    return [*parts, *(page.command(text) for text in commands)]
