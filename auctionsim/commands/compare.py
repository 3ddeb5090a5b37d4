"""Compare runs on the same test traffic: differences to the first run in currency and counts, paired by seed.

The page shows the runs side by side, with every ratio to the first run's baseline, and how the scenarios differ key by key.
Runs whose traffic, test days or sampling differ are refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.commands import _common, _folders
from auctionsim.console import Console

EXAMPLE = "auctionsim compare runs/openai-es runs/macg-es runs/cma-es"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "runs",
        type=_common.path_text,
        nargs="+",
        metavar="run",
        help="two or more run folders on the same test traffic; the first is the common baseline",
    )
    parser.add_argument(
        "--out", type=_common.utf8_path, help="output folder of the report (default: comparison, beside the first run)"
    )
    _common.add_never_code(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Compare the runs and print the differences with their intervals."""
    from auctionsim.analysis.reports.comparison import compare_runs, write_comparison
    from auctionsim.runs import Run

    opened = [Run.open(path) for path in arguments.runs]
    out = _folders.report_folder(Path(arguments.out or opened[0].path.parent / "comparison"), opened)
    found = compare_runs(opened)
    page = write_comparison(found, out)
    for one in opened:
        console.warn(str(one.path), one.warnings)
    console.result("\n".join([*found.lines, f"report: {page}"]), {"report": str(page), **found.as_dict()})
    return 0
