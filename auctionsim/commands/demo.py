"""Train the same advertisers in three arms: competing, colluding, and cooperating under a platform revenue floor.

The traffic is drawn from a generator calibrated on public data, or, with --data, built from the public files themselves. The
command writes OUT/competing, OUT/colluding, OUT/cooperating, beside them OUT/value-scale-paced, the simplest rule that holds
the same floor, and one report over all of them. After an interruption, the same command with the same OUT continues.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from auctionsim.commands import _common
from auctionsim.console import Console
from auctionsim.errors import InputError, shown

if TYPE_CHECKING:
    from auctionsim.jobs.demos.three_arms import Arm
    from auctionsim.jobs.distributed.cluster import Pool

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
    _common.add_workers(parser, default="auto; 0 without Ray")
    _common.add_code(parser, is_allowed=True)
    parser.add_argument("--seeds", type=_common.positive, help="number of seeds, >= 1 (default: 5; with --quick: 2)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="use a small market and 2 seeds: takes a minute or two, supports no claim (default: full size)",
    )
    parser.add_argument(
        "--out",
        type=_common.utf8_path,
        help="output folder, new or of this very demo (default: runs/demo, runs/demo-real or runs/demo-quick)",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Train the arms and write their reports; go on where the same command was interrupted."""
    from auctionsim.analysis.reports.summary import summarize
    from auctionsim.jobs.reports import write_reports
    from auctionsim.runs import Run

    if arguments.data is not None and arguments.scenario is not None:
        raise InputError(f"--data: expected without --scenario, got {shown(arguments.data)} beside it")
    _common.expect_ray(arguments, None)
    default = "demo-quick" if arguments.quick else "demo-real" if arguments.data else "demo"
    out = Path(arguments.out or f"runs/{default}")
    seeds = _common.seeds_from(arguments.seed or 0, arguments.seeds or (2 if arguments.quick else 5))
    try:
        arms = _arms(arguments, console, out, seeds)
        with _common.pool_of(arguments, None) as pool:
            _train(console, out, seeds, arms, pool)
            paths = [out / arm.name for arm in arms]
            # One that is there already may be of a run that was interrupted before its report was written.
            page, *_ = write_reports([(paths, out / "report"), *(([path], path / "report") for path in paths)], pool)
    except KeyboardInterrupt:
        console.say(f"{out}: interrupted; what is done so far is kept")
        console.next_command(_common.command_line())
        raise
    runs = [Run.open(path) for path in paths]
    summaries = [summarize(one) for one in runs]
    text = "\n".join([*(summary.sentence for summary in summaries), f"report: {page}"])
    console.result(text, {"report": str(page), "arms": [summary.as_dict() for summary in summaries]}, kept=out)
    console.next_command(f"auctionsim report {shlex.join(str(one.path) for one in runs)}")
    return 0


def _arms(arguments: argparse.Namespace, console: Console, out: Path, seeds: tuple[int, ...]) -> list[Arm]:
    """Return the demo's arms, once its folder is known to be new or that of this very demo."""
    from auctionsim import __version__
    from auctionsim.agents.learners.registry import expect_installed
    from auctionsim.jobs.demos import real_table, three_arms
    from auctionsim.jobs.studies.base import lock_plan
    from auctionsim.traffic.public_data import expect_public_files

    shared, quick = (*arguments.overrides, f"seed={seeds[0]}"), arguments.quick
    plan = {"version": __version__, "seeds": list(seeds), "overrides": list(shared), "quick": quick}
    if arguments.data and not arguments.scenario:
        expect_public_files(Path(arguments.data))
        lock_plan(out, {"demo": f"real-table on {Path(arguments.data).resolve()}", **plan})

        def built(done: int) -> None:
            console.say(f"{arguments.data}: {done} of {len(seeds)} traffic tables built")

        return three_arms.plan(str(real_table.write_tables(Path(arguments.data), out, seeds, built)), shared, quick=quick)
    arms = three_arms.plan(arguments.scenario or "calibrated", shared, quick=quick)
    arms[0].scenario.expect_code_allowed()
    expect_installed(arms[0].scenario)
    lock_plan(out, {"demo": [json.loads(arm.scenario.model_dump_json()) for arm in arms], **plan})
    return arms


def _train(console: Console, out: Path, seeds: tuple[int, ...], arms: list[Arm], pool: Pool) -> None:
    """Train the arms that are not finished, from their last checkpoints."""
    from auctionsim.agents.build import build_market
    from auctionsim.market.warnings import warnings_of
    from auctionsim.runs import Run

    def opened(arm: Arm) -> Run | None:
        return Run.open(out / arm.name) if (out / arm.name / "manifest.json").is_file() else None

    missing = []
    for arm in arms:
        run = opened(arm)
        if run is None or run.status != "finished":
            missing.append(arm)
        else:
            console.say(f"{arm.name}: finished before, skipped")
    # Traffic and baseline are the same in all arms.
    markets = {seed: build_market(arms[0].scenario, seed) for seed in seeds} if missing else {}
    if markets:
        console.warn(arms[0].scenario.source, warnings_of(markets.values()))
    for arm in missing:
        run = opened(arm)
        if run is None:
            command = _common.command_line()
            run = Run.create(out / arm.name, arm.scenario, arm.text, seeds=seeds, command=command, overrides=arm.overrides)
        elif run.checkpoints():
            console.say(f"{arm.name}: goes on after iteration {run.last_checkpoint()}")
        goals = {seed: market.with_goals(arm.scenario) for seed, market in markets.items()}
        _common.train_run(run, console, pool, title=arm.name, markets=goals, are_warned=True)
