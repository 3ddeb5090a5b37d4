"""Simulate A/A and A/B tests of a change beside the truth: which experiment would tell what the change does?

Designs assign auctions (users), halves of budgets, advertisers, or periods of time to the two arms (docs/experiments.md). The
command gives bias and standard error of each, and how often the experiment's own 95 % interval holds the truth.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console

EXAMPLE = "auctionsim experiment taobao-mix --set mechanism.reserve=0.3 --replicates 20"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    _common.add_question(parser)
    parser.add_argument(
        "--set",
        dest="changes",
        metavar="KEY.PATH=VALUE",
        action="append",
        default=[],
        help="what differs in treatment, as of whatif; repeatable, all are one change (default: none, A/A tests alone)",
    )
    parser.add_argument(
        "--design",
        dest="designs",
        metavar="NAME",
        action="append",
        help="user, budget-split, advertiser, switchback or switchback-days; repeatable (default: all)",
    )
    parser.add_argument(
        "--replicates", type=_common.positive, default=100, help="random assignments of each test, >= 1 (default: 100)"
    )
    parser.add_argument("--period", type=_common.positive, help="hours of a period of switchback, a divisor of 24 (default: 4)")
    parser.add_argument(
        "--metric",
        default="revenue",
        help="metric to print: revenue, clicks, conversions, welfare or profit (default: revenue)",
    )
    parser.add_argument(
        "--out",
        type=_common.utf8_path,
        help="folder for results.csv and a page, new or that of an earlier experiment (default: none written)",
    )
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Simulate the experiments and print the verdict on each design."""
    from auctionsim.analysis.experiments.arms import METRICS
    from auctionsim.analysis.experiments.result import RESULTS
    from auctionsim.analysis.whatif.files import expect_answer_folder
    from auctionsim.errors import InputError, unknown
    from auctionsim.jobs.experiment import experiment

    if arguments.period is not None and arguments.designs and "switchback" not in arguments.designs:
        raise InputError(f"--period: expected with --design switchback alone, got {arguments.period} without")
    if arguments.metric not in METRICS:
        raise unknown("--metric", arguments.metric, METRICS)
    out = None if arguments.out is None else Path(arguments.out)
    if out is not None:
        expect_answer_folder(out, RESULTS, (arguments.source, arguments.budgets))
    found = experiment(
        arguments.source,
        arguments.changes,
        base=arguments.base,
        designs=arguments.designs,
        budgets=arguments.budgets,
        days=_common.day_numbers(arguments.days),
        replicates=arguments.replicates,
        period=arguments.period or 4,
        seed=arguments.seed,
        progress=console.say,
    )
    lines, value = found.lines(arguments.metric), found.as_dict()
    if out is not None:
        page = found.write(out, _common.command_line())
        lines, value = [*lines, f"report: {page}"], {**value, "report": str(page)}
    console.result("\n".join(lines), value, kept=out)
    return 0
