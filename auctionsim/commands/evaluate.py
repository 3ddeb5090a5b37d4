"""Evaluate a run's last checkpoint on its test days again."""

from __future__ import annotations

import argparse
import shlex

from auctionsim.commands import _common
from auctionsim.console import Console

EXAMPLE = "auctionsim evaluate runs/mine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("run", type=_common.path_text, help="the folder of a run with a checkpoint")
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Evaluate the checkpoint and print the run's summary."""
    from auctionsim.analysis.reports.summary import summarize
    from auctionsim.jobs.training.train import evaluate
    from auctionsim.runs import Run

    opened = Run.open(arguments.run)
    evaluate(opened)
    console.warn(str(opened.path), opened.warnings)
    summary = summarize(opened)
    console.result(summary.sentence, {"run": str(opened.path), **summary.as_dict()}, kept=opened.path)
    console.next_command(f"auctionsim report {shlex.quote(str(opened.path))}")
    return 0
