"""Sweeps: many settings of a scenario, drawn at random, trained side by side, the worse ones stopped early.

Successive halving (Jamieson and Talwalkar 2016; the inner loop of HyperBand and of ASHA) with all trials waiting at each
rung: a scheduler that decides as results come in, such as ASHA, stops other trials when workers are faster or slower, and the
same seed must give the same table whatever the number of workers. So rungs are fixed before anything runs, trials of a rung
are run by Ray Tune (or in this process), and who goes on is decided when all have come: the best 1 / eta by the metric, ties
to the lower number.

A trial is a run folder like any other, trained from rung to rung from its own checkpoint. A rung's figures lie in a file of
their own, so that the same command goes on where it was interrupted. Trials are judged on training days alone; those that
come to the end are also evaluated on test days, for information.
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
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.registry import make_learner
from auctionsim.analysis.reports.metrics import seed_ratios
from auctionsim.auction.kernel.engine import COST
from auctionsim.errors import InputError
from auctionsim.files import write_json
from auctionsim.jobs.distributed.cluster import Pool, SerialPool
from auctionsim.jobs.studies.base import claim
from auctionsim.jobs.sweeps.distributions import Parameter
from auctionsim.jobs.training.train import Interrupted, train
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.fitness import day_score
from auctionsim.objectives.goals import day_totals, global_profit
from auctionsim.runs import Run
from auctionsim.scenario import LearnerSection, Scenario
from auctionsim.scenario.file import parse_scenario
from auctionsim.streams import stream

METRICS = ("fitness", "profit", "revenue")
"""What trials can be judged by, on training days: mean fitness of the learners under the weights and penalties of the scenario
as it stands, total profit, platform revenue (both over the reference's)."""
_NOT_SWEPT = ("name", "seed", "train.iterations", "cluster.workers")


@dataclass(frozen=True)
class Sweep:
    """What a sweep is."""

    text: str
    """The scenario as it was written."""
    place: str
    folder: Path | None
    overrides: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    samples: int
    seeds: tuple[int, ...]
    metric: str
    is_max: bool
    eta: int
    command: str

    def scenario(self, *more: str) -> Scenario:
        """The scenario, with a trial's overrides."""
        return parse_scenario(self.text, self.place, overrides=[*self.overrides, *more], folder=self.folder)


@dataclass(frozen=True)
class Step:
    """One task: a trial's training up to a rung."""

    out: Path
    trial: int
    rung: int
    iterations: int
    text: str
    place: str
    folder: Path | None
    overrides: tuple[str, ...]
    seeds: tuple[int, ...]
    command: str
    yardstick: LearnerSection
    """Whose weights and penalties fitness is counted by."""

    @property
    def part(self) -> Path:
        """Where its figures are kept."""
        return self.out / "parts" / f"{self.trial:04d}-{self.rung}.json"


def draw_trials(sweep: Sweep) -> list[dict[str, Any]]:
    """Each trial's values by key, drawn by (seed, trial, key); every one of them makes a scenario.

    Raises:
        InputError: A key is unknown or not for sweeping, is named twice, or a value does not fit it.
    """
    base = sweep.scenario()
    keys = [parameter.key for parameter in sweep.parameters]
    for parameter in sweep.parameters:
        place = f"--param {parameter.key}={parameter.distribution}"
        if parameter.key in _NOT_SWEPT:
            raise InputError(f"{place}: expected a key that trials may differ in, got one of {', '.join(_NOT_SWEPT)}")
        if keys.count(parameter.key) > 1:
            raise InputError(f"{place}: expected each key once, got it twice")
    trials = []
    for trial in range(sweep.samples):
        values = {p.key: p.draw(stream(base.seed, "sweep", trial, p.key)) for p in sweep.parameters}
        for parameter in sweep.parameters:
            place = f"--param {parameter.key}={parameter.distribution}"
            alone = [*sweep.overrides, parameter.override(values[parameter.key])]
            parse_scenario(sweep.text, place, overrides=alone, folder=sweep.folder)
        sweep.scenario(*_items(sweep, values))
        trials.append(values)
    return trials


def rungs_of(iterations: int, samples: int, eta: int) -> list[int]:
    """Iterations at which trials are compared, the last one the whole training: `iterations / eta^k`, rounded up.

    As many as leave somebody to be stopped at each.
    """
    rungs, left = [iterations], samples
    while left >= eta and rungs[0] > 1:
        rungs.insert(0, -(-rungs[0] // eta))
        left //= eta
    return rungs


def run_sweep(sweep: Sweep, pool: Pool, out: Path, report: Callable[[int, int, int, float], None]) -> pl.DataFrame:
    """Run what is missing, rung by rung.

    Args:
        sweep: What is swept.
        pool: Where trials are run.
        out: Folder; of this very sweep, or new.
        report: Told after every rung: which, its iterations, how many trials ran, and the best value of the metric.

    Returns:
        One row per trial and rung: trial, rung, iterations, is_kept, the metrics, and a column per parameter.

    Raises:
        InputError: `out` holds something else, or a parameter is wrong.
    """
    base, trials = sweep.scenario(), draw_trials(sweep)
    rungs = rungs_of(base.train.iterations, sweep.samples, sweep.eta)
    claim(out, _plan(sweep, base, trials))
    rows: list[dict[str, Any]] = []
    alive = list(range(sweep.samples))
    for rung, iterations in enumerate(rungs):
        steps = [
            Step(
                out, trial, rung, iterations, sweep.text, sweep.place, sweep.folder,
                (*sweep.overrides, *_items(sweep, trials[trial])), sweep.seeds, sweep.command, base.learner,
            )
            for trial in alive
        ]  # fmt: skip
        missing = [step for step in steps if not step.part.exists()]
        if missing:
            pool.map(advance, [(None, step) for step in missing])
        found = {step.trial: json.loads(step.part.read_text(encoding="utf-8")) for step in steps}
        ranked = sorted(alive, key=lambda trial: (_rank(found[trial][sweep.metric], is_max=sweep.is_max), trial))
        kept = ranked[: max(1, len(alive) // sweep.eta)] if rung < len(rungs) - 1 else ranked
        for trial in alive:
            figures = {"trial": trial, "rung": rung, "iterations": iterations, "is_kept": trial in kept}
            rows.append(figures | {name: _or_nan(found[trial][name]) for name in METRICS} | trials[trial])
        report(rung, iterations, len(alive), _or_nan(found[ranked[0]][sweep.metric]))
        alive = sorted(kept)
    return pl.DataFrame(rows, infer_schema_length=None)


def advance(_: None, step: Step) -> None:
    """Train a trial up to a rung from where it stands, and write its figures; in any process."""
    scenario = parse_scenario(step.text, step.place, overrides=step.overrides, folder=step.folder)
    path = step.out / "trials" / f"{step.trial:04d}"
    markets = {seed: build_market(scenario, seed) for seed in step.seeds}
    run = (
        Run.open(path)
        if (path / "manifest.json").is_file()
        else Run.create(path, scenario, step.text, seeds=step.seeds, command=step.command, overrides=step.overrides)
    )
    try:
        train(run, SerialPool(), lambda _: None, markets, until=step.iterations)
    except Interrupted:
        raise KeyboardInterrupt from None
    write_json(step.part, _measured(run, markets, step))


def figures_on_test_days(out: Path, trial: int) -> dict[str, float]:
    """Revenue and total profit of a finished trial on test days, over the reference's, mean over seeds."""
    ratios = seed_ratios(Run.open(out / "trials" / f"{trial:04d}"))
    return {name: float(ratios[name].to_numpy().mean()) for name in ("revenue", "profit")}


def _measured(run: Run, markets: dict[int, Market], step: Step) -> dict[str, float | None]:
    """The metrics on training days, mean over seeds, days and learners."""
    learner, states = make_learner(run.scenario()), run.load_checkpoint(step.iterations)
    figures: list[tuple[float, float, float]] = []
    for seed, market in markets.items():
        policy = learner.policy(market, states[seed])
        for day in market.scenario.traffic.train_days:
            totals, goals = day_totals(simulate_day(market, day, policy).outcome), goals_of(market, day)
            fitness = day_score(totals, goals, step.yardstick)[market.learners].mean()
            revenue = totals[:, COST].sum() / goals.revenue_scale[0]
            figures.append((float(fitness), float(global_profit(totals, goals)[0]), float(revenue)))
    means = np.mean(figures, axis=0)
    return {name: float(value) if np.isfinite(value) else None for name, value in zip(METRICS, means, strict=True)}


def _items(sweep: Sweep, values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(parameter.override(values[parameter.key]) for parameter in sweep.parameters)


def _rank(value: float | None, *, is_max: bool) -> float:
    """Smaller is better; what failed comes last."""
    if value is None:
        return np.inf
    return -value if is_max else value


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _plan(sweep: Sweep, base: Scenario, trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
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
