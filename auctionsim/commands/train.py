"""Train a scenario's learners and evaluate them on its test days.

The command writes a run folder: scenario, checkpoints, metrics, outcomes on the test days, report. Ctrl-C keeps the last
iteration.
"""

from __future__ import annotations

import argparse
import shlex

from auctionsim.commands import _common, _folders
from auctionsim.console import Console

EXAMPLE = "auctionsim train three-arms --seeds 5 --workers 2 --out runs/mine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    _common.add_scenario(parser)
    _common.add_workers(parser)
    parser.add_argument("--seeds", type=_common.positive, default=1, help="number of seeds, >= 1, from --seed on (default: 1)")
    parser.add_argument(
        "--until", type=_common.positive,
        help="stop after this iteration, as a sweep stops a trial, and evaluate; resume goes on (default: train to the end)",
    )  # fmt: skip
    parser.add_argument(
        "--watch", type=_common.port, nargs="?", const=0, metavar="PORT",
        help="show the run on a page of 127.0.0.1 while it trains, at a port, or any free one (default: no page)",
    )  # fmt: skip
    _common.add_code(parser, is_allowed=True)
    parser.add_argument("--out", type=_common.utf8_path, help="the run folder, new or empty (default: runs/NAME)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Train the learners, evaluate them, and write the report."""
    from auctionsim.agents.build import build_market
    from auctionsim.agents.learners.registry import expect_installed, make_learner, with_constants
    from auctionsim.analysis.reports.report import write_report
    from auctionsim.analysis.reports.summary import summarize
    from auctionsim.errors import InputError
    from auctionsim.jobs.training.figures import figures_line, run_figures
    from auctionsim.jobs.training.train import evaluate, has_learners, starting_states
    from auctionsim.market.size import expect_room
    from auctionsim.runs import Run
    from auctionsim.scenario.file import load_scenario, read_scenario

    overrides = _common.overrides_of(arguments)
    scenario = with_constants(load_scenario(arguments.scenario, overrides=overrides))
    expect_installed(scenario)
    _common.expect_ray(arguments, scenario.cluster.workers)
    if arguments.until is not None and arguments.until > scenario.train.iterations:
        raise InputError(f"--until: expected <= train.iterations = {scenario.train.iterations}, got {arguments.until}")
    out = _folders.run_folder(arguments.out, scenario)
    seeds = _common.seeds_from(scenario.seed, arguments.seeds)
    expect_room(scenario, len(seeds))
    # Built and started first, so that invalid traffic, or a market the learner cannot play, fails before anything is written.
    markets = {seed: build_market(scenario, seed) for seed in seeds}
    learns = has_learners(markets)
    starts = starting_states(make_learner(scenario), markets) if learns else None
    text, _ = read_scenario(arguments.scenario)
    with _common.watched(out, arguments.watch, console), _common.pool_of(arguments, scenario.cluster.workers) as pool:
        created = Run.create(out, scenario, text, seeds=seeds, command=_common.command_line(), overrides=overrides)
        if not learns:
            console.say(f"{scenario.name}: nobody learns, so there is nothing to train; the rules are evaluated")
        _common.train_run(created, console, pool, title=scenario.name, markets=markets, starts=starts, until=arguments.until)
    if created.status != "finished":
        # Stopped by --until: what it has learned so far is evaluated.
        evaluate(created)
    figures = run_figures(created, markets) if learns else None
    summary = summarize(created)
    page = write_report([created], out / "report")
    value = {"run": str(out), "report": str(page), **summary.as_dict(), "figures": figures}
    lines = [
        summary.sentence,
        *([] if figures is None else [figures_line(figures, has_profit=not summary.unknown)]),
        f"report: {page}",
    ]
    console.result("\n".join(lines), value, kept=out)
    console.next_command(f"auctionsim report {shlex.quote(str(out))}")
    return 0
