"""Resume an interrupted run. The result equals that of a run that was never interrupted, bit for bit."""

from __future__ import annotations

import argparse
import shlex

from auctionsim.commands import _common
from auctionsim.console import Console

EXAMPLE = "auctionsim resume runs/mine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("run", type=_common.path_text, help="the folder of the run")
    _common.add_workers(parser)
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Train the run to its end and write its report."""
    from auctionsim.agents.learners.registry import expect_installed
    from auctionsim.analysis.reports.report import write_report
    from auctionsim.analysis.reports.summary import summarize
    from auctionsim.runs import Run

    opened = Run.open(arguments.run)
    opened.expect_trained_here("resume")
    if opened.status != "finished":
        scenario = opened.scenario()
        scenario.expect_code_allowed()
        expect_installed(scenario)
        with _common.pool_of(arguments, scenario.cluster.workers) as pool:
            _common.train_run(opened, console, pool, title=scenario.name)
    summary = summarize(opened)
    page = write_report([opened], opened.path / "report")
    console.result(f"{summary.sentence}\nreport: {page}", {"run": str(opened.path), **summary.as_dict()}, kept=opened.path)
    console.next_command(f"auctionsim report {shlex.quote(str(opened.path))}")
    return 0
