"""Write the report of one or several runs: one HTML page that needs no network, and its figures as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.console import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("runs", nargs="+", metavar="run", help="run folders; several are shown side by side")
    parser.add_argument("--out", help="folder of the report (default: RUN/report of the first run)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Report."""
    from auctionsim.analysis.reports.report import write_report
    from auctionsim.runs import Run

    opened = [Run.open(path) for path in arguments.runs]
    page = write_report(opened, Path(arguments.out) if arguments.out else opened[0].path / "report")
    console.result(f"report: {page}", {"report": str(page)})
    return 0
