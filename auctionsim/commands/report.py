"""Write the report of one or more runs: one HTML page that needs no network, the same in Markdown, and the figures as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.commands import _common, _folders
from auctionsim.console import Console

EXAMPLE = "auctionsim report runs/competing runs/cooperating --out runs/both"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "runs", nargs="+", metavar="run", type=_common.path_text, help="one or more run folders, shown side by side"
    )
    parser.add_argument(
        "--out", type=_common.utf8_path, help="output folder of the report (default: report, in the first run's folder)"
    )
    _common.add_never_code(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write the report and print its path."""
    from auctionsim.analysis.reports.report import write_report
    from auctionsim.runs import Run

    opened = [Run.open(path) for path in arguments.runs]
    page = write_report(opened, _folders.report_folder(Path(arguments.out or opened[0].path / "report"), opened))
    console.result(f"report: {page}", {"report": str(page)})
    return 0
