"""Sweep a scenario's settings: sample them, train every trial, stop the worst ones early, and report the best.

The command writes OUT/results.parquet (a row per trial and rung), OUT/table.md, OUT/report/index.html and a run folder per
trial. After an interruption, the same command with the same OUT continues. --workers never changes a result.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auctionsim.commands import _common
from auctionsim.console import Console
from auctionsim.errors import RenamedWarning

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.jobs.sweeps.sweep import Sweep
    from auctionsim.scenario import Scenario

EXAMPLE = 'auctionsim sweep three-arms --param "learner.sigma=loguniform(0.01,0.3)" --samples 20'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    _common.add_scenario(parser)
    parser.add_argument(
        "--param", dest="parameters", metavar="KEY.PATH=DISTRIBUTION", action="append", required=True,
        help="a key and its distribution: loguniform(LOW,HIGH), uniform(LOW,HIGH), randint(LOW,HIGH[,STEP]) or "
             "choice(A,B,...); repeatable (required)",
    )  # fmt: skip
    parser.add_argument("--samples", type=_common.positive, default=20, help="number of trials, >= 1 (default: 20)")
    parser.add_argument("--seeds", type=_common.positive, default=1, help="seeds per trial, >= 1, from --seed on (default: 1)")
    parser.add_argument(
        "--metric", default="fitness", help="fitness, profit or revenue, on the training days (default: fitness)"
    )
    parser.add_argument("--minimize", action="store_true", help="prefer low values of the metric (default: high values)")
    parser.add_argument("--minimise", action=_Minimise, nargs=0, help=argparse.SUPPRESS)
    parser.add_argument(
        "--eta", type=_common.positive, default=3, help="one in ETA trials continues at each rung, >= 2 (default: 3)"
    )
    _common.add_workers(parser)
    parser.add_argument("--out", help="output folder (default: runs/NAME-sweep)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Train the trials and print their table."""
    from auctionsim.files import write_then_rename
    from auctionsim.jobs.distributed.tuner import TunePool
    from auctionsim.jobs.sweeps.sweep import run_sweep

    scenario, sweep = _parsed(arguments)
    out = Path(arguments.out or _common.default_folder(scenario, "-sweep")).resolve()
    asked = scenario.cluster.workers if arguments.workers is None else arguments.workers
    is_serial = arguments.address is None and asked == 0

    def line(rung: int, iterations: int, trials: int, best: float) -> None:
        console.say(f"{scenario.name}: rung {rung}, {trials} trials to iteration {iterations}, best {sweep.metric} {best:.4f}")

    try:
        with _common.pool_of(arguments, scenario.cluster.workers) as pool:
            results = run_sweep(sweep, pool if is_serial else TunePool(), out, line)
    except KeyboardInterrupt:
        console.say(f"{out}: interrupted; trials so far are kept")
        console.next_command(_common.command_line())
        raise
    write_then_rename(out / "results.parquet", results.write_parquet)
    page = _report(f"Sweep of {scenario.name}", sweep, results, out)
    table = (out / "table.md").read_text(encoding="utf-8")
    console.result(f"{table}\nreport: {page}", {"report": str(page), "results": str(out / "results.parquet")})
    last = results.filter(rung=results["rung"].max()).sort([sweep.metric, "trial"], descending=[sweep.is_max, False])
    console.next_command(f"auctionsim report {out}/trials/{last['trial'][0]:04d}")
    return 0


class _Minimise(argparse.Action):
    """The old name of `--minimize`."""

    def __call__(self, _parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: Any) -> None:
        namespace.minimize = True
        warnings.warn("--minimise is called --minimize now; the old name works until version 0.3", RenamedWarning, stacklevel=2)


def _parsed(arguments: argparse.Namespace) -> tuple[Scenario, Sweep]:
    """Read the scenario, and check and describe the sweep."""
    from auctionsim.errors import InputError, unknown
    from auctionsim.jobs.sweeps.distributions import parse_parameter
    from auctionsim.jobs.sweeps.sweep import Sweep, draw_trials
    from auctionsim.jobs.sweeps.trial import METRICS
    from auctionsim.scenario.file import load_scenario, read_scenario

    if arguments.metric not in METRICS:
        raise unknown("--metric", arguments.metric, METRICS)
    if arguments.eta < 2:
        raise InputError(f"--eta: expected a whole number >= 2, got {arguments.eta}")
    overrides, path = _common.overrides_of(arguments), Path(arguments.scenario)
    scenario, (text, source) = load_scenario(arguments.scenario, overrides=overrides), read_scenario(arguments.scenario)
    sweep = Sweep(
        text, source, path.parent if path.is_file() else None, overrides,
        tuple(parse_parameter(item) for item in arguments.parameters), arguments.samples,
        _common.seeds_from(scenario.seed, arguments.seeds), arguments.metric, not arguments.minimize, arguments.eta,
        _common.command_line(),
    )  # fmt: skip
    # Drawn here only to check the parameters before anything is written.
    draw_trials(sweep)
    return scenario, sweep


def _report(title: str, sweep: Sweep, results: pl.DataFrame, out: Path) -> Path:
    """Write the table and the report; returns the path of the page."""
    from auctionsim.analysis.documents.sections import write_document
    from auctionsim.analysis.reports.sweep import sweep_sections
    from auctionsim.jobs.sweeps.sweep import figures_on_test_days

    finished = results.filter(rung=results["rung"].max())["trial"].to_list()
    tested = {trial: figures_on_test_days(out, trial) for trial in finished}
    keys = {parameter.key: parameter.is_log for parameter in sweep.parameters}
    sections = sweep_sections(results, keys, sweep.metric, tested, is_max=sweep.is_max, seeds=len(sweep.seeds))
    return write_document(title, [sweep.command], sections, out)
