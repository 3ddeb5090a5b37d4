"""Sweep a scenario's settings: draw many at random, train them side by side, stop the worse ones early.

The method is successive halving (Jamieson and Talwalkar 2016; the inner loop of HyperBand and of ASHA), synchronous: every rung
waits for all of its trials, then the best 1 / eta by the metric go on, ties to the lower number. An asynchronous scheduler such
as ASHA decides as results arrive, so it stops other trials when workers are faster or slower; here the same seed gives the same
table for any number of workers. Trials of a rung are run by Ray Tune, or in this process.

A trial is a run folder like any other, trained from rung to rung from its own checkpoint. The metrics of a rung have a file of
their own, so that the same command continues an interrupted sweep. Trials are ranked on training days only; those that finish
are also evaluated on test days, for information.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from auctionsim import __version__
from auctionsim.agents.learners.registry import with_constants
from auctionsim.analysis.reports.metrics import seed_ratios
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.jobs.studies.base import lock_plan
from auctionsim.jobs.sweeps.distributions import Parameter
from auctionsim.jobs.sweeps.trial import METRICS, TrialTask, run_folder, train_to_rung
from auctionsim.runs import Run
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario
from auctionsim.streams import stream

_NOT_SWEPT = ("name", "seed", "train.iterations", "cluster.workers")


@dataclass(frozen=True)
class Sweep:
    """A scenario, the settings to draw, and how to rank trials."""

    text: str
    """The scenario file's text."""
    source: str
    """The scenario's name in messages."""
    folder: Path | None
    """The folder that paths in the scenario are relative to."""
    overrides: tuple[str, ...]
    """The `--set` items that all trials share."""
    parameters: tuple[Parameter, ...]
    samples: int
    """The number of trials."""
    seeds: tuple[int, ...]
    """The seeds that each trial is trained on."""
    metric: str
    """The metric to rank by, one of `METRICS`."""
    is_max: bool
    """True if a larger metric is better."""
    eta: int
    """One in `eta` trials goes on at each rung, >= 2."""
    command: str

    def scenario(self, *more: str) -> Scenario:
        """Return the scenario with the shared overrides and a trial's own."""
        return with_constants(parse_scenario(self.text, self.source, overrides=[*self.overrides, *more], folder=self.folder))


def draw_trials(sweep: Sweep) -> list[dict[str, Any]]:
    """Draw each trial's values by key, from the stream of (seed, trial, key), and check that each makes a valid scenario.

    Raises:
        InputError: A key is unknown or cannot be swept, is given twice, or a value does not fit it.
    """
    base = sweep.scenario()
    keys = [parameter.key for parameter in sweep.parameters]
    for parameter in sweep.parameters:
        if parameter.key in _NOT_SWEPT:
            raise InputError(
                f"{_source(parameter)}: expected a key that trials may differ in, got one of {', '.join(_NOT_SWEPT)}"
            )
        if keys.count(parameter.key) > 1:
            raise InputError(f"{_source(parameter)}: expected each key once, got it twice")
    trials = []
    for trial in range(sweep.samples):
        values = {p.key: p.draw(stream(base.seed, "sweep", trial, p.key)) for p in sweep.parameters}
        for parameter in sweep.parameters:
            # One key at a time first, so that the message names the --param it comes from.
            alone = [*sweep.overrides, parameter.override(values[parameter.key])]
            parse_scenario(sweep.text, _source(parameter), overrides=alone, folder=sweep.folder)
        sweep.scenario(*_overrides(sweep, values))
        trials.append(values)
    return trials


def rungs_of(iterations: int, samples: int, eta: int) -> list[int]:
    """Return the iterations at which trials are compared: `iterations / eta^k` rounded up, the last one the whole training.

    There are as many rungs as leave a trial to stop at each: 200 iterations, 20 trials and eta 3 give 23, 67 and 200, at which
    20, 6 and 2 trials are left.
    """
    rungs, left = [iterations], samples
    while left >= eta and rungs[0] > 1:
        rungs.insert(0, -(-rungs[0] // eta))
        left //= eta
    return rungs


def run_sweep(sweep: Sweep, pool: Pool, out: Path, report: Callable[[int, int, int, float], None]) -> pl.DataFrame:
    """Run every rung, skipping the trials whose metrics are on disk already.

    Args:
        sweep: The scenario, the settings to draw, and how to rank.
        pool: The pool that trains the trials of a rung.
        out: The sweep's folder: new, or of this very sweep.
        report: Called after every rung with its number, its iterations, its number of trials, and the best metric.

    Returns:
        One row per trial and rung: trial, rung, iterations, is_kept, the metrics, and a column per parameter.

    Raises:
        InputError: `out` holds something else, or a parameter is wrong.
    """
    base, trials = sweep.scenario(), draw_trials(sweep)
    rungs = rungs_of(base.train.iterations, sweep.samples, sweep.eta)
    lock_plan(out, _plan(sweep, base, trials))
    rows: list[dict[str, Any]] = []
    alive = list(range(sweep.samples))
    # A worker's current folder is another one.
    folder = None if sweep.folder is None else sweep.folder.resolve()
    for rung, iterations in enumerate(rungs):
        tasks = [
            TrialTask(
                out, trial, rung, iterations, sweep.text, sweep.source, folder,
                (*sweep.overrides, *_overrides(sweep, trials[trial])), sweep.seeds, sweep.command, base.learner, Path.cwd(),
            )
            for trial in alive
        ]  # fmt: skip
        missing = [task for task in tasks if not task.result_path.exists()]
        if missing:
            pool.map(train_to_rung, [(None, task) for task in missing])
        found = {task.trial: json.loads(task.result_path.read_text(encoding="utf-8")) for task in tasks}
        ranked = sorted(alive, key=lambda trial: (_cost(found[trial][sweep.metric], is_max=sweep.is_max), trial))
        kept = ranked[: max(1, len(alive) // sweep.eta)] if rung < len(rungs) - 1 else ranked
        for trial in alive:
            row = {"trial": trial, "rung": rung, "iterations": iterations, "is_kept": trial in kept}
            rows.append(row | {name: _or_nan(found[trial][name]) for name in METRICS} | trials[trial])
        report(rung, iterations, len(alive), _or_nan(found[ranked[0]][sweep.metric]))
        alive = sorted(kept)
    return pl.DataFrame(rows, infer_schema_length=None)


def figures_on_test_days(out: Path, trial: int) -> dict[str, float]:
    """Return a finished trial's revenue and total profit on test days, as ratios to the baseline, means over seeds."""
    ratios = seed_ratios(Run.open(run_folder(out, trial)))
    return {name: float(ratios[name].to_numpy().mean()) for name in ("revenue", "profit")}


def _source(parameter: Parameter) -> str:
    """Return the parameter as messages name it."""
    return f"--param {parameter.key}={parameter.distribution}"


def _overrides(sweep: Sweep, values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(parameter.override(values[parameter.key]) for parameter in sweep.parameters)


def _cost(value: float | None, *, is_max: bool) -> float:
    """Return a metric as a cost, smaller being better; a metric that failed costs the most."""
    if value is None:
        return np.inf
    return -value if is_max else value


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _plan(sweep: Sweep, base: Scenario, trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return everything that the table depends on: a sweep is continued only under the same plan."""
    return {
        "sweep": json.loads(base.model_dump_json()),
        "version": __version__,
        "parameters": {parameter.key: parameter.distribution for parameter in sweep.parameters},
        "trials": list(trials),
        "seeds": list(sweep.seeds),
        "metric": sweep.metric,
        "is_max": sweep.is_max,
        "eta": sweep.eta,
    }
