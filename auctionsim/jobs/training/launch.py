"""Train from Python: make the run folder or open it, train, evaluate; what `auctionsim train` and `resume` do at the prompt."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from auctionsim import arguments
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Arrays
from auctionsim.agents.learners.registry import make_learner, with_constants
from auctionsim.errors import InputError, shown
from auctionsim.files import expect_new_folder
from auctionsim.jobs.distributed.cluster import POOL_METHODS, Pool, open_pool
from auctionsim.jobs.training.callbacks import Callbacks, settings_of
from auctionsim.jobs.training.train import evaluate, has_learners, starting_states
from auctionsim.jobs.training.train import train as train_run
from auctionsim.jobs.training.trained import Trained
from auctionsim.market.market import Market
from auctionsim.market.size import expect_room
from auctionsim.numbers import MAX_SEEDS, checked_seed, consecutive_seeds, truth_value, whole_number
from auctionsim.runs import Run
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario, read_scenario
from auctionsim.scenario.text import scenario_text
from auctionsim.traffic.given import GivenTraffic
from auctionsim.traffic.table import CELL_COLUMNS, ROW_COLUMNS


def train(
    scenario: Scenario | str | Path | Run,
    out: str | Path | None = None,
    *,
    callbacks: Iterable[Any] = (),
    seeds: int | Sequence[int] = 1,
    overrides: Sequence[str] = (),
    workers: int | str | None = None,
    resume: bool = False,
    until: int | None = None,
    pool: Pool | None = None,
) -> Trained:
    """Train a scenario's learners and evaluate them on its test days.

    The result is that of `auctionsim train`, byte for byte: neither callbacks nor workers change it. If every advertiser
    follows a rule, there is nothing to train, and the rules are evaluated.

    Args:
        scenario: The scenario, a file of it, or the name of a built-in one; or the folder of a run, which is trained to its
            end from its last checkpoint.
        out: The run folder, new or empty; `runs/NAME` where None.
        callbacks: Functions, called with each `Iteration`, or objects with methods of `Callback`; docs/python.md.
        seeds: The number of seeds, from the scenario's on, or a list of them.
        overrides: `key.path=value` items laid over the scenario, as of `--set`; for a scenario that is given by file or name.
        workers: 0 to compute in this process, n for n Ray workers, `auto` for one per core; the scenario's where None.
        resume: Whether to go on with the run in `out` if there is one of this scenario and these seeds; a finished one is
            returned as it is.
        until: An iteration to stop after; the run is evaluated, counts as interrupted and can be resumed.
        pool: A pool that is open already, in place of `workers`.

    Returns:
        The run with its metrics, learned policies and evaluations.

    Raises:
        InputError: An argument or the scenario is wrong; nothing is written then.
        RunError: Training diverged, or a callback failed. The run folder can be resumed.
        Interrupted: A signal came (the stop button of a notebook is one). The run has a checkpoint and can be resumed.
    """
    called, resume = Callbacks(callbacks), truth_value("resume", resume)
    until = None if until is None else whole_number("until", until, 1)
    overrides = arguments.texts("overrides", overrides)
    if pool is not None:
        arguments.with_methods("pool", pool, POOL_METHODS, f"a pool, which has the methods {', '.join(POOL_METHODS)}")
    if workers is not None and workers != "auto":
        workers = whole_number("workers", workers, 0)
    if isinstance(scenario, Run):
        given = {"out": out, "overrides": overrides or None, "seeds": None if isinstance(seeds, int) and seeds == 1 else seeds}
        extra = [name for name, value in given.items() if value is not None]
        if extra:
            raise InputError(f"{extra[0]}: expected only with a scenario, got {shown(given[extra[0]])} beside a run")
        return _resumed(scenario, called, workers, until, pool)
    text, loaded = _loaded(scenario, overrides)
    if until is not None and until > loaded.train.iterations:
        raise InputError(f"until: expected <= train.iterations = {loaded.train.iterations}, got {until}")
    chosen = _seeds(seeds, loaded)
    path = _default_folder(loaded) if out is None else arguments.path("out", out)
    if resume and (path / "manifest.json").is_file():
        run = Run.open(path)
        _expect_same(run, loaded, chosen)
        return Trained(run) if run.status == "finished" else _resumed(run, called, workers, until, pool)
    expect_new_folder(path, " (choose another by out, or go on with it by resume=True)")
    expect_room(loaded, len(chosen))
    # Built and started first, so that invalid traffic, or a market the learner cannot play, fails before anything is written.
    markets = {seed: build_market(loaded, seed) for seed in chosen}
    starts = starting_states(make_learner(loaded), markets) if has_learners(markets) else None
    command = shlex.join([Path(sys.executable).name, *sys.argv])
    with _opened(loaded, workers, pool) as opened:
        run = Run.create(path, loaded, text, seeds=chosen, command=command, overrides=tuple(overrides))
        return _trained(run, called, opened, until, markets, starts)


def _resumed(run: Run, callbacks: Callbacks, workers: int | str | None, until: int | None, pool: Pool | None) -> Trained:
    """Go on with a run to its end or to an iteration."""
    run.expect_trained_here("resume")
    with _opened(run.scenario(), workers, pool) as opened:
        return _trained(run, callbacks, opened, until)


def _opened(scenario: Scenario, workers: int | str | None, pool: Pool | None) -> AbstractContextManager[Pool]:
    """Return the pool to compute in: one that is open already stays open."""
    if pool is not None:
        return nullcontext(pool)
    return open_pool(scenario.cluster.workers if workers is None else workers)


def _trained(
    run: Run,
    callbacks: Callbacks,
    pool: Pool,
    until: int | None,
    markets: dict[int, Market] | None = None,
    starts: dict[int, Arrays] | None = None,
) -> Trained:
    """Train a run to its end or to an iteration, and evaluate it."""
    markets = markets or {seed: build_market(run.scenario(), seed) for seed in run.seeds}
    train_run(run, pool, markets=markets, starts=starts, until=until, callbacks=callbacks)
    if run.status == "interrupted" and run.stopped is None:
        # Stopped by `until`: what it has learned so far is evaluated.
        evaluate(run)
    return Trained(run, markets)


def _loaded(scenario: Scenario | str | Path, overrides: Sequence[str]) -> tuple[str, Scenario]:
    """Return a scenario and its text."""
    if isinstance(scenario, Scenario):
        if overrides:
            raise InputError(f"overrides: expected none beside a loaded scenario, got {shown(list(overrides))}")
        return scenario_text(scenario), with_constants(scenario)
    words = "a Scenario, a Run, the path of a scenario file, or the name of a built-in scenario"
    arguments.instance_of("scenario", scenario, (str, Path), words + arguments.hint_for_table(scenario))
    text, _ = read_scenario(scenario)
    return text, with_constants(load_scenario(scenario, overrides=overrides))


def _seeds(seeds: Any, scenario: Scenario) -> tuple[int, ...]:
    """Return the seeds that are asked for, by their number or one by one."""
    if isinstance(seeds, int | np.integer):
        count = whole_number("seeds", seeds, 1)
        if count > MAX_SEEDS:
            raise InputError(f"seeds: expected a whole number <= {MAX_SEEDS}, got {shown(count)}")
        return consecutive_seeds("seeds", scenario.seed, count)
    if not arguments.is_listing(seeds):
        raise InputError(f"seeds: expected a whole number >= 1 or a list of seeds, got {shown(seeds)}")
    chosen = tuple(checked_seed("seeds", seed) for seed in seeds)
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"seeds: expected one or more different seeds, got {shown(list(chosen))}")
    return chosen


def _default_folder(scenario: Scenario) -> Path:
    if set(scenario.name) & set("/\\") or scenario.name in (".", ".."):
        raise InputError(f"out: expected a folder, since the scenario's name {shown(scenario.name)} cannot be one, got None")
    return arguments.path("out", Path("runs") / scenario.name)


def _expect_same(run: Run, scenario: Scenario, seeds: tuple[int, ...]) -> None:
    """Refuse to go on with a run of another scenario, other seeds or other traffic.

    Raises:
        InputError: It is one.
    """
    run.expect_trained_here("resume")
    hint = "(choose another folder by out)"
    if run.seeds != seeds:
        raise InputError(f"{run.path}: expected a run of the seeds {list(seeds)} to resume, got {list(run.seeds)} {hint}")
    own, wanted = (settings_of(one) for one in (with_constants(run.scenario()), scenario))
    for key in dict.fromkeys((*wanted, *own)):
        # The number of workers changes nothing.
        if key != "cluster.workers" and own.get(key) != wanted.get(key):
            raise InputError(
                f"{run.path}: {key}: expected {shown(wanted.get(key))} as in the scenario to resume, "
                f"got {shown(own.get(key))} {hint}"
            )
    if isinstance(scenario.given, GivenTraffic):
        kept, given = build_market(run.scenario(), seeds[0]).traffic, scenario.given.traffic
        columns = (*CELL_COLUMNS, *ROW_COLUMNS, "cell_start")
        is_same = kept.advertisers == given.advertisers and all(
            np.array_equal(getattr(kept, name), getattr(given, name)) for name in columns
        )
        if not is_same:
            raise InputError(f"{run.path}: traffic: expected the given table, got another one {hint}")
