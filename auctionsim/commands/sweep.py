"""Sweep a scenario's settings: try them, stop the worst trials early, and report the best of those trained equally long.

The command writes OUT/results.parquet (a row per trial and rung), OUT/table.md, OUT/report/index.html and a run folder per
trial. After an interruption, the same command with the same OUT continues. --workers never changes a result.
"""

from __future__ import annotations

import argparse
import shlex
import warnings
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auctionsim.commands import _common, _folders
from auctionsim.console import Console
from auctionsim.errors import RenamedWarning

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.reports.sweep.view import SweepView
    from auctionsim.jobs.sweeps.sweep import Sweep
    from auctionsim.scenario import Scenario

EXAMPLE = 'auctionsim sweep three-arms --param "learner.sigma=loguniform(0.01,0.3)" --samples 20'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    _common.add_scenario(parser)
    parser.add_argument(
        "--param", dest="parameters", metavar="KEY.PATH=DISTRIBUTION", action="append", required=True,
        help="a key and its distribution: loguniform(LOW,HIGH), uniform(LOW,HIGH), randint(LOW,HIGH[,STEP]), "
             "choice(A,B,...), or grid(A,B,...) for all combinations; repeatable (required)",
    )  # fmt: skip
    parser.add_argument(
        "--samples", type=_common.positive, default=20,
        help="number of sampled settings, >= 1, per combination of grid values; all of them if there are fewer (default: 20)",
    )  # fmt: skip
    parser.add_argument("--seeds", type=_common.positive, default=1, help="seeds per trial, >= 1, from --seed on (default: 1)")
    parser.add_argument(
        "--metric",
        help="the figure to rank by, on the training days: profit, revenue, learner_profit, learner_gmv, learner_clicks, "
        "learner_conversions or fitness (default: what the learners aim at, docs/sweeps.md)",
    )
    parser.add_argument("--minimize", action="store_true", help="prefer low values of the metric (default: high values)")
    parser.add_argument("--minimise", action=_Minimise, nargs=0, help=argparse.SUPPRESS)
    parser.add_argument(
        "--eta", type=_common.positive, default=3, help="one in ETA trials continues at each rung, >= 2 (default: 3)"
    )
    _common.add_workers(parser)
    _common.add_code(parser, is_allowed=True)
    parser.add_argument("--out", type=_common.utf8_path, help="output folder (default: runs/NAME-sweep)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Train the trials and print their table."""
    from auctionsim.analysis.documents.sections import write_document
    from auctionsim.analysis.reports.sweep.document import sweep_sections
    from auctionsim.files import write_then_rename
    from auctionsim.jobs.distributed.tuner import TunePool
    from auctionsim.jobs.sweeps.sweep import begin_sweep, run_sweep
    from auctionsim.jobs.sweeps.trial import run_folder

    scenario, sweep = _parsed(arguments)
    out = Path(arguments.out or _folders.default_folder(scenario, "-sweep")).resolve()
    asked = scenario.cluster.workers if arguments.workers is None else arguments.workers
    is_serial = arguments.address is None and asked == 0
    begin_sweep(sweep, out)
    console.say(f"{scenario.name}: {sweep.design.sentence}")

    def line(rung: int, iterations: int, trials: int, best: float) -> None:
        figure = f", best {sweep.metric} {best:.6g}" if isfinite(best) else ""
        console.say(
            f"{scenario.name}: rung {rung}, {trials} trial{'s' if trials > 1 else ''} to iteration {iterations}{figure}"
        )

    try:
        with _common.pool_of(arguments, scenario.cluster.workers) as pool:
            results = run_sweep(sweep, pool if is_serial else TunePool(), out, line)
    except KeyboardInterrupt:
        console.say(f"{out}: interrupted; trials so far are kept")
        console.next_command(_common.command_line())
        raise
    write_then_rename(out / "results.parquet", results.write_parquet)
    _warn(scenario, [run_folder(out, trial) for trial in sorted(set(results["trial"]))], console)
    view = _view(sweep, results)
    sections, names = sweep_sections(view), {scenario.name, *view.names}
    page = write_document(f"Sweep of {scenario.name}", [sweep.command], sections, out, names=names)
    table, best = (out / "table.md").read_text(encoding="utf-8"), view.best
    value = {"report": str(page), "results": str(out / "results.parquet"), "metric": sweep.metric, "best": best}
    console.result(f"{table}\nreport: {page}", value, kept=out)
    shown = run_folder(out, best[0]["trial"] if best else 0)
    console.next_command(f"auctionsim report {shlex.quote(str(shown))}")
    return 0


def _warn(scenario: Scenario, folders: list[Path], console: Console) -> None:
    """Show what makes trials' figures meaningless, once each, with the first such trial and the number of the others."""
    from auctionsim.runs import Run

    found: dict[str, list[str]] = {}
    for folder in folders:
        for line in Run.open(folder).warnings:
            found.setdefault(line, []).append(folder.name)
    trials = {
        line: f"trial {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "") for line, names in found.items()
    }
    console.warn(scenario.source, [f"{where}: {line}" for line, where in trials.items()])


class _Minimise(argparse.Action):
    """The old name of `--minimize`."""

    def __call__(self, _parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: Any) -> None:
        namespace.minimize = True
        warnings.warn("--minimise is called --minimize now; the old name works until version 0.3", RenamedWarning, stacklevel=2)


def _parsed(arguments: argparse.Namespace) -> tuple[Scenario, Sweep]:
    """Read the scenario, and check and describe the sweep."""
    from auctionsim.errors import InputError
    from auctionsim.jobs.sweeps.comparable import checked_metric
    from auctionsim.jobs.sweeps.distributions import parse_parameter
    from auctionsim.jobs.sweeps.sweep import Sweep
    from auctionsim.scenario.file import load_scenario, read_scenario

    if arguments.eta < 2:
        raise InputError(f"--eta: expected a whole number >= 2, got {arguments.eta}")
    overrides, path = _common.overrides_of(arguments), Path(arguments.scenario)
    scenario, (text, source) = load_scenario(arguments.scenario, overrides=overrides), read_scenario(arguments.scenario)
    parameters = tuple(parse_parameter(item) for item in arguments.parameters)
    sweep = Sweep(
        text, source, path.parent if path.is_file() else None, overrides, parameters, arguments.samples,
        _common.seeds_from(scenario.seed, arguments.seeds), checked_metric(arguments.metric, scenario, parameters),
        not arguments.minimize, arguments.eta, _common.command_line(),
    )  # fmt: skip
    # Laid out here to check the parameters before anything is written.
    assert sweep.design.trials
    return scenario, sweep


def _view(sweep: Sweep, results: pl.DataFrame) -> SweepView:
    """Return the results as the report reads them."""
    from auctionsim.analysis.reports.sweep.view import SweepView
    from auctionsim.jobs.sweeps.comparable import changes_baseline
    from auctionsim.jobs.training.figures import METRICS

    keys = {parameter.key: parameter.is_log for parameter in sweep.parameters}
    floors = ("revenue_floor", "self_bidder_floor")
    scenario = sweep.scenario()
    platform, groups = scenario.platform, scenario.advertisers
    return SweepView(
        results, keys, sweep.metric, METRICS[sweep.metric], sweep.is_max, len(sweep.seeds), sweep.design.sentence,
        has_floors=any(getattr(platform, floor) > 0 or f"platform.{floor}" in keys for floor in floors),
        unranked_by=sweep.unranked_by, baselines_by=tuple(key for key in keys if changes_baseline(key)),
        nobody_learns=all(group.controller != "learner" for group in groups)
        and not any(key.startswith("advertisers.") for key in keys),
    )  # fmt: skip
