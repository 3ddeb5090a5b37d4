"""Train the same advertisers in three arms: competing, colluding, and cooperating under a platform revenue floor.

The traffic is drawn from a generator calibrated on public data, or, with --data, built from the public files themselves. The
command writes OUT/competing, OUT/colluding, OUT/cooperating and one report over all three.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console

EXAMPLE = "auctionsim demo --quick --out runs/look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--scenario",
        help="the cooperating arm, a file or a built-in scenario (default: calibrated; with --data: built on the real tables)",
    )
    parser.add_argument(
        "--data",
        type=_common.path_text,
        help="folder of the public files: alimama_traffic, avito_bat, nab_ad_exchange (default: synthetic traffic)",
    )
    _common.add_overrides(parser)
    _common.add_workers(parser, default="auto")
    _common.add_code(parser, is_allowed=True)
    parser.add_argument("--seeds", type=_common.positive, help="number of seeds, >= 1 (default: 5; with --quick: 2)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="use a small market and 2 seeds: takes seconds, supports no claim (default: full size)",
    )
    parser.add_argument(
        "--out",
        type=_common.path_text,
        help="output folder, new or empty (default: runs/demo, runs/demo-real or runs/demo-quick)",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Train the three arms and write their reports."""
    from auctionsim.agents.build import build_market
    from auctionsim.analysis.reports.report import write_report
    from auctionsim.analysis.reports.summary import summarize
    from auctionsim.jobs.demos import real_table, three_arms
    from auctionsim.runs import Run

    default = "demo-quick" if arguments.quick else "demo-real" if arguments.data else "demo"
    out = _common.new_folder(arguments.out or f"runs/{default}")
    seeds = _common.seeds_from(arguments.seed or 0, arguments.seeds or (2 if arguments.quick else 5))
    scenario = arguments.scenario or "calibrated"
    if arguments.data and not arguments.scenario:

        def built(done: int) -> None:
            console.say(f"{arguments.data}: {done} of {len(seeds)} traffic tables built")

        scenario = str(real_table.write_tables(Path(arguments.data), out, seeds, built))
    shared = (*(three_arms.QUICK if arguments.quick else ()), *arguments.overrides, f"seed={seeds[0]}")
    arms = three_arms.plan(scenario, shared)
    # Traffic and baseline are the same in all arms.
    markets = {seed: build_market(arms[0].scenario, seed) for seed in seeds}
    runs = []
    with _common.pool_of(arguments, "auto") as pool:
        for arm in arms:
            created = Run.create(
                out / arm.name, arm.scenario, arm.text, seeds=seeds, command=_common.command_line(), overrides=arm.overrides
            )
            goals = {seed: market.with_goals(arm.scenario) for seed, market in markets.items()}
            _common.train_run(created, console, pool, title=arm.name, markets=goals)
            write_report([created], created.path / "report")
            runs.append(created)
    page = write_report(runs, out / "report")
    summaries = [summarize(one) for one in runs]
    text = "\n".join([*(summary.sentence for summary in summaries), f"report: {page}"])
    console.result(text, {"report": str(page), "arms": [summary.as_dict() for summary in summaries]}, kept=out)
    console.next_command(f"auctionsim report {shlex.join(str(one.path) for one in runs)}")
    return 0
