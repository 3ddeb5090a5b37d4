"""Sweep a scenario's settings: try many, train them side by side, stop the worse ones early.

The method is successive halving (Jamieson and Talwalkar 2016; the inner loop of HyperBand and of ASHA), synchronous: every rung
waits for all of its trials, which have the same number of iterations then, and the best 1 / eta by the metric go on, ties
included. An asynchronous scheduler such as ASHA decides as results arrive, so it stops other trials when workers are faster or
slower; here the same seed gives the same table for any number of workers. Trials of a rung are run by Ray Tune, or in this
process.

A trial is a run folder like any other, trained from rung to rung from its own checkpoint. The figures of a rung have a file of
their own, so that the same command continues an interrupted sweep. Trials are ranked on training days only; test days choose
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from auctionsim import __version__
from auctionsim.agents.learners.registry import expect_installed, with_constants
from auctionsim.analysis.reports.sweep.ranking import going_on, ranks
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.jobs.studies.base import lock_plan
from auctionsim.jobs.sweeps.comparable import changes_traffic
from auctionsim.jobs.sweeps.design import Design, lay_out
from auctionsim.jobs.sweeps.distributions import Parameter
from auctionsim.jobs.sweeps.trial import TrialTask, train_to_rung, trial_command
from auctionsim.jobs.training.figures import METRICS, SHORTFALL, checked_figures
from auctionsim.run_checks.records import checked_json
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

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
    """The number of sampled settings, each of which meets every combination of grid values."""
    seeds: tuple[int, ...]
    """The seeds that each trial is trained on."""
    metric: str
    """The figure to rank by, one of `METRICS`."""
    is_max: bool
    """True if a larger metric is better."""
    eta: int
    """One in `eta` trials goes on at each rung, >= 2."""
    command: str

    @property
    def unranked_by(self) -> tuple[str, ...]:
        """Return the swept keys that change the traffic: trials on different auctions are not ranked, and none is stopped."""
        return tuple(parameter.key for parameter in self.parameters if changes_traffic(parameter.key))

    @cached_property
    def design(self) -> Design:
        """Return the trials.

        Raises:
            InputError: A key is unknown or cannot be swept, is given twice, or a value does not fit it.
        """
        return _checked_design(self)

    def scenario(self, *more: str) -> Scenario:
        """Return the scenario with the shared overrides and a trial's own."""
        found = with_constants(parse_scenario(self.text, self.source, overrides=[*self.overrides, *more], folder=self.folder))
        expect_installed(found)
        return found


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


def begin_sweep(sweep: Sweep, out: Path) -> tuple[int, ...]:
    """Take a folder for a sweep, before anything else is done; return its rungs, numbers of iterations.

    Raises:
        InputError: `out` holds something else.
    """
    base = sweep.scenario()
    rungs = rungs_of(base.train.iterations, 1 if sweep.unranked_by else len(sweep.design.trials), sweep.eta)
    lock_plan(out, _plan(sweep, base, rungs))
    return tuple(rungs)


def run_sweep(sweep: Sweep, pool: Pool, out: Path, report: Callable[[int, int, int, float], None]) -> pl.DataFrame:
    """Run every rung, skipping the trials whose figures are on disk already.

    Args:
        sweep: The scenario, the settings to try, and how to rank.
        pool: The pool that trains the trials of a rung.
        out: The sweep's folder: new, or of this very sweep.
        report: Called after every rung with its number, its iterations, its number of trials, and the best figure (NaN if it is
            not defined, or if trials are not ranked).

    Returns:
        One row per trial and rung, with the columns of docs/sweeps.md.

    Raises:
        InputError: `out` holds something else, or a parameter is wrong.
    """
    trials, is_ranked = sweep.design.trials, not sweep.unranked_by
    rungs = begin_sweep(sweep, out)
    rows: list[dict[str, Any]] = []
    alive = list(range(len(trials)))
    for rung, iterations in enumerate(rungs):
        found = _trained(sweep, pool, out, rung, iterations, alive)
        figures = [found[trial]["train"][sweep.metric] for trial in alive]
        # Fitness holds the penalties of missed floors already.
        missed = [0.0 if sweep.metric == "fitness" else found[trial]["train"][SHORTFALL] for trial in alive]
        ranked = ranks(figures, missed, is_max=sweep.is_max)
        is_last = rung == len(rungs) - 1
        kept = going_on(ranked, len(alive) if is_last else max(1, len(alive) // sweep.eta))
        until = None if is_last else iterations
        for trial, rank, is_kept, figure in zip(alive, ranked, kept, figures, strict=True):
            row: dict[str, Any] = {"trial": trial, "rung": rung, "iterations": iterations, "is_kept": is_kept}
            row |= {"rank": rank if is_ranked and figure is not None else None, **_columns(found[trial])}
            rows.append(
                row | {"command": trial_command(sweep.source, _all_overrides(sweep, trial), len(sweep.seeds), trial, until)}
            )
        best = figures[ranked.index(1)] if is_ranked else None
        report(rung, iterations, len(alive), float("nan") if best is None else best)
        alive = [trial for trial, is_kept in zip(alive, kept, strict=True) if is_kept]
    return _table(rows, trials)


def _checked_design(sweep: Sweep) -> Design:
    """Lay out the trials, and check that each makes a valid scenario.

    Raises:
        InputError: A key is unknown or cannot be swept, is given twice, or a value does not fit it.
    """
    base = sweep.scenario()
    keys = [parameter.key for parameter in sweep.parameters]
    for parameter in sweep.parameters:
        if parameter.key in _NOT_SWEPT:
            raise InputError(
                f"{parameter.source}: expected a key that trials may differ in, got one of {', '.join(_NOT_SWEPT)}"
            )
        if keys.count(parameter.key) > 1:
            raise InputError(f"{parameter.source}: expected each key once, got it twice")
    design = lay_out(sweep.parameters, sweep.samples, base.seed)
    for values in design.trials:
        _check(sweep, values)
    return design


def _check(sweep: Sweep, values: dict[str, Any]) -> None:
    """Check that a trial's settings make a valid scenario; the message names the parameter at fault where it is one alone."""
    try:
        sweep.scenario(*_overrides(sweep, values))
    except InputError as error:
        for parameter in sweep.parameters:
            alone = [*sweep.overrides, parameter.override(values[parameter.key])]
            parse_scenario(sweep.text, parameter.source, overrides=alone, folder=sweep.folder)
        raise InputError(f"--param: a trial with {', '.join(_overrides(sweep, values))}: {error}") from error


def _trained(
    sweep: Sweep, pool: Pool, out: Path, rung: int, iterations: int, trials: Sequence[int]
) -> dict[int, dict[str, dict[str, float | None]]]:
    """Train some trials up to a rung, and return their figures by trial, split and name."""
    # A worker's current folder is another one.
    folder = None if sweep.folder is None else sweep.folder.resolve()
    tasks = []
    for trial in trials:
        overrides = _all_overrides(sweep, trial)
        command = trial_command(sweep.source, overrides, len(sweep.seeds), trial)
        task = TrialTask(
            out, trial, rung, iterations, sweep.text, sweep.source, folder, overrides, sweep.seeds, command, Path.cwd()
        )
        tasks.append(task)
    missing = [task for task in tasks if not task.result_path.exists()]
    if missing:
        pool.map(train_to_rung, [(None, task) for task in missing])
    paths = {task.trial: task.result_path for task in tasks}
    return {trial: checked_figures(path, checked_json(path, path.read_bytes())) for trial, path in paths.items()}


def _columns(found: dict[str, dict[str, float | None]]) -> dict[str, float | None]:
    """Return a trial's figures as columns: those of training days by their names, those of test days with `test_` before."""
    return found["train"] | {f"test_{name}": value for name, value in found["test"].items()}


def _table(rows: list[dict[str, Any]], trials: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return the rows as a table, with a column of values per swept key before the command."""
    types = {name: pl.Float64 for name, value in rows[0].items() if value is None or isinstance(value, float)}
    table = pl.DataFrame(rows, schema_overrides={**types, "rank": pl.Int64}, infer_schema_length=None)
    columns = [_column(key, [trials[trial][key] for trial in table["trial"]]) for key in trials[0]]
    return table.drop("command").with_columns(*columns, table["command"])


def _column(key: str, values: list[Any]) -> pl.Series:
    """Return a key's values as a column; values of several kinds, and lists, as the text of an override."""
    kinds = {type(value) for value in values}
    if kinds == {int, float}:
        return pl.Series(key, [float(value) for value in values])
    is_plain = len(kinds) == 1 and kinds <= {int, float, bool, str}
    return pl.Series(key, values if is_plain else [json.dumps(value, ensure_ascii=False) for value in values])


def _overrides(sweep: Sweep, values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(parameter.override(values[parameter.key]) for parameter in sweep.parameters)


def _all_overrides(sweep: Sweep, trial: int) -> tuple[str, ...]:
    return (*sweep.overrides, *_overrides(sweep, sweep.design.trials[trial]))


def _plan(sweep: Sweep, base: Scenario, rungs: Sequence[int]) -> dict[str, Any]:
    """Return everything that the table depends on: a sweep is continued only under the same plan."""
    return {
        "sweep": json.loads(base.model_dump_json()),
        "version": __version__,
        "parameters": {parameter.key: parameter.distribution for parameter in sweep.parameters},
        "trials": sweep.design.trials,
        "seeds": list(sweep.seeds),
        "metric": sweep.metric,
        "is_max": sweep.is_max,
        "eta": sweep.eta,
        "rungs": list(rungs),
        "metrics": list(METRICS),
    }
