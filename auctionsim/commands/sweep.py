"""Sweep a scenario's settings: draw them, train all, stop the worse ones early, and say which is best.

Writes OUT/results.parquet (a row per trial and rung), OUT/table.md, OUT/report/index.html and a run folder per trial. The same
command with the same OUT goes on where an interrupted one stood; --workers never changes a result.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    _common.add_scenario(parser)
    parser.add_argument(
        "--param", dest="parameters", metavar="KEY.PATH=DISTRIBUTION", action="append", required=True,
        help="what to draw: loguniform(LOW,HIGH), uniform(LOW,HIGH), randint(LOW,HIGH[,STEP]) or choice(A,B,...); repeatable",
    )  # fmt: skip
    parser.add_argument("--samples", type=_common.positive, default=20, help="how many trials (default 20)")
    parser.add_argument("--seeds", type=_common.positive, default=1, help="seeds of each trial, from the first (default 1)")
    parser.add_argument("--metric", default="fitness", help="fitness, profit or revenue on training days (default fitness)")
    parser.add_argument("--minimise", action="store_true", help="less of the metric is better")
    parser.add_argument("--eta", type=_common.positive, default=3, help="one in ETA trials goes on at each rung (default 3)")
    _common.add_workers(parser)
    parser.add_argument("--out", help="output folder (default runs/NAME-sweep)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Sweep."""
    from auctionsim.analysis.documents.sections import write_document
    from auctionsim.analysis.reports.sweep import sweep_sections
    from auctionsim.errors import InputError, unknown
    from auctionsim.files import write_then_rename
    from auctionsim.jobs.distributed.tuner import TunePool
    from auctionsim.jobs.sweeps.distributions import parse_parameter
    from auctionsim.jobs.sweeps.sweep import Sweep, draw_trials, figures_on_test_days, run_sweep
    from auctionsim.jobs.sweeps.trial import METRICS
    from auctionsim.scenario.file import load_scenario, read_scenario

    if arguments.metric not in METRICS:
        raise unknown("--metric", arguments.metric, METRICS)
    if arguments.eta < 2:
        raise InputError(f"--eta: expected a whole number at least 2, got {arguments.eta}")
    overrides, path = _common.overrides_of(arguments), Path(arguments.scenario)
    scenario, (text, place) = load_scenario(arguments.scenario, overrides=overrides), read_scenario(arguments.scenario)
    sweep = Sweep(
        text, place, path.parent if path.is_file() else None, overrides,
        tuple(parse_parameter(item) for item in arguments.parameters), arguments.samples,
        _common.seeds_from(scenario.seed, arguments.seeds), arguments.metric, not arguments.minimise, arguments.eta,
        _common.command_line(),
    )  # fmt: skip
    draw_trials(sweep)
    out = Path(arguments.out or _common.default_folder(scenario, "-sweep")).resolve()
    asked = scenario.cluster.workers if arguments.workers is None else arguments.workers
    is_serial = arguments.address is None and asked == 0

    def line(rung: int, iterations: int, trials: int, best: float) -> None:
        console.say(f"{scenario.name}: rung {rung}, {trials} trials to iteration {iterations}, best {sweep.metric} {best:.4f}")

    try:
        with _common.pool_of(arguments, scenario.cluster.workers) as pool:
            results = run_sweep(sweep, pool if is_serial else TunePool(), out, line)
    except KeyboardInterrupt:
        console.say(f"{out}: interrupted; what is trained is kept")
        console.next_command(_common.command_line())
        raise
    write_then_rename(out / "results.parquet", results.write_parquet)
    finished = results.filter(rung=results["rung"].max())["trial"].to_list()
    tested = {trial: figures_on_test_days(out, trial) for trial in finished}
    keys = {parameter.key: parameter.is_log for parameter in sweep.parameters}
    sections = sweep_sections(results, keys, sweep.metric, tested, is_max=sweep.is_max, seeds=len(sweep.seeds))
    page = write_document(f"Sweep of {scenario.name}", [sweep.command], sections, out)
    table = (out / "table.md").read_text(encoding="utf-8")
    console.result(f"{table}\nreport: {page}", {"report": str(page), "results": str(out / "results.parquet")})
    last = results.filter(rung=results["rung"].max()).sort([sweep.metric, "trial"], descending=[sweep.is_max, False])
    console.next_command(f"auctionsim report {out}/trials/{last['trial'][0]:04d}")
    return 0
