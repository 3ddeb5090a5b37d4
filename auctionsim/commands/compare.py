"""Compare runs: one report over all of them, and differences to the first run, paired by seed."""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.console import Console

EXAMPLE = "auctionsim compare runs/openai-es runs/macg-es runs/cma-es"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "runs", nargs="+", metavar="run", help="two or more run folders of the same scenario and seeds, the baseline first"
    )
    parser.add_argument("--out", help="output folder of the report (default: comparison, beside the first run)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Compare the runs and print the differences with their intervals."""
    from auctionsim.analysis.reports.metrics import seed_ratios
    from auctionsim.analysis.reports.report import write_report
    from auctionsim.analysis.statistics import mean_interval
    from auctionsim.errors import InputError
    from auctionsim.runs import Run

    opened = [Run.open(path) for path in arguments.runs]
    if len(opened) < 2:
        raise InputError("compare: expected two or more run folders, got one")
    tables = [seed_ratios(one) for one in opened]
    shared = sorted(set.intersection(*(set(table["seed"].to_list()) for table in tables)))
    if not shared:
        raise InputError(f"{opened[1].path}: expected a seed in common with {opened[0].path}, got none")
    page = write_report(opened, Path(arguments.out) if arguments.out else opened[0].path.parent / "comparison")
    lines, found = [], {}
    base = tables[0].filter(tables[0]["seed"].is_in(shared)).sort("seed")
    for one, table in zip(opened[1:], tables[1:], strict=True):
        own = table.filter(table["seed"].is_in(shared)).sort("seed")
        differences = {name: mean_interval((own[name] - base[name]).to_numpy()) for name in ("revenue", "profit")}
        found[str(one.path)] = {name: interval.as_dict() for name, interval in differences.items()}
        said = ", ".join(f"{name} {interval}" for name, interval in differences.items())
        lines.append(f"{one.path} minus {opened[0].path}: {said} (ratios to the baseline, {len(shared)} paired seeds)")
    console.result("\n".join([*lines, f"report: {page}"]), {"report": str(page), "differences": found})
    return 0
