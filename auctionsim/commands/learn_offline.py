"""Learn a policy from a logged dataset alone, and evaluate it on the scenario's test days.

The command writes a run folder that report and compare show beside those of other learners: docs/offline.md.
"""

from __future__ import annotations

import argparse
import shlex

from auctionsim.commands import _common, _folders
from auctionsim.console import Console
from auctionsim.errors import InputError

EXAMPLE = "auctionsim learn-offline logs/three-arms --learner online-lp --out runs/online-lp"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("dataset", type=_common.path_text, help="a folder that export-dataset wrote as Parquet")
    parser.add_argument(
        "--learner", default="online-lp",
        help="online-lp; or bc, cql, iql, decision-transformer of d3rlpy (default: online-lp)",
    )  # fmt: skip
    parser.add_argument("--out", required=True, type=_common.utf8_path, help="the run folder, new or empty (required)")
    parser.add_argument(
        "--metric", default="profit", help="reward, profit, gmv, clicks, conversions: what is maximized (default: profit)"
    )
    parser.add_argument("--steps", type=_common.positive, help="gradient steps of d3rlpy (default: 2000)")
    _common.add_code(parser, is_allowed=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Learn, evaluate, and print the run's summary."""
    from auctionsim.analysis.reports.summary import summarize
    from auctionsim.jobs.offline.dataset import read_dataset
    from auctionsim.jobs.offline.learn import learn_offline

    if arguments.steps is not None and arguments.learner == "online-lp":
        raise InputError(f"--steps: expected with a learner of d3rlpy alone, got {arguments.steps} with 'online-lp'")
    out = _folders.new_folder(arguments.out)
    dataset = read_dataset(arguments.dataset)
    with console.steps() as report:
        made = learn_offline(
            dataset, arguments.learner, out, metric=arguments.metric, steps=arguments.steps or 2000,
            command=_common.command_line(), report=report,
        )  # fmt: skip
    summary = summarize(made)
    console.result(summary.sentence, {"run": str(out), **summary.as_dict()}, kept=out)
    console.next_command(f"auctionsim report {shlex.quote(str(out))}")
    return 0
