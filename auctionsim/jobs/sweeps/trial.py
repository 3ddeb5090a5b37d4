"""Train one trial of a sweep up to a rung, and measure it on training days. Runs in any process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.registry import make_learner, with_constants
from auctionsim.auction.outcome import COST
from auctionsim.files import write_json
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.train import Interrupted, train
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.fitness import day_score
from auctionsim.objectives.goals import day_totals, global_profit
from auctionsim.runs import Run
from auctionsim.scenario import LearnerSection
from auctionsim.scenario.file import parse_scenario

METRICS = ("fitness", "profit", "revenue")
"""The metrics that trials can be ranked by, all on training days: the learners' mean fitness under the weights and penalties of
the scenario as written, total profit, and platform revenue (the last two as ratios to the baseline)."""


@dataclass(frozen=True)
class TrialTask:
    """Train one trial up to one rung."""

    out: Path
    """The sweep's folder."""
    trial: int
    rung: int
    iterations: int
    """Iterations of training at the end of the rung, counted from the trial's start."""
    text: str
    """The scenario file's text."""
    source: str
    """The scenario's name in messages."""
    folder: Path | None
    """The folder that paths in the scenario are relative to."""
    overrides: tuple[str, ...]
    """The trial's `--set` items, the drawn settings included."""
    seeds: tuple[int, ...]
    command: str
    fitness_settings: LearnerSection
    """The weights and penalties of the fitness: the scenario's as written, the same for all trials."""
    started_in: Path
    """The folder in which the user's own classes may lie; a worker runs in another one."""

    @property
    def result_path(self) -> Path:
        """Return the file that the rung's metrics are written to."""
        return self.out / "parts" / f"{self.trial:04d}-{self.rung}.json"

    @property
    def run_path(self) -> Path:
        """Return the trial's run folder."""
        return run_folder(self.out, self.trial)


def run_folder(out: Path, trial: int) -> Path:
    """Return the run folder of a trial."""
    return out / "trials" / f"{trial:04d}"


def train_to_rung(_: None, task: TrialTask) -> None:
    """Train a trial from its last checkpoint up to a rung, and write the rung's metrics.

    Raises:
        KeyboardInterrupt: Training was stopped by a signal; its checkpoint is written.
    """
    scenario = parse_scenario(task.text, task.source, overrides=task.overrides, folder=task.folder)
    scenario = with_constants(scenario.with_source(task.source, task.folder, task.started_in))
    path = task.run_path
    markets = {seed: build_market(scenario, seed) for seed in task.seeds}
    if not (path / "manifest.json").is_file():
        Run.create(
            path, scenario, task.text, seeds=task.seeds, command=task.command, overrides=task.overrides,
            started_in=task.started_in,
        )  # fmt: skip
    run = Run.open(path)
    try:
        train(run, SerialPool(), lambda _: None, markets, until=task.iterations)
    except Interrupted:
        raise KeyboardInterrupt from None
    write_json(task.result_path, _metrics(run, markets, task))


def _metrics(run: Run, markets: dict[int, Market], task: TrialTask) -> dict[str, float | None]:
    """Return the metrics on training days, means over seeds, days and learners; None for one that is not finite."""
    learner, states = make_learner(run.scenario()), run.load_checkpoint(task.iterations)
    values: list[tuple[float, float, float]] = []
    for seed, market in markets.items():
        policy = learner.policy(market, states[seed])
        for day in market.scenario.traffic.train_days:
            totals, goals = day_totals(simulate_day(market, day, policy).outcome), goals_of(market, day)
            fitness = day_score(totals, goals, task.fitness_settings)[market.learners].mean()
            revenue = totals[:, COST].sum() / goals.revenue_scale[0]
            values.append((float(fitness), float(global_profit(totals, goals)[0]), float(revenue)))
    means = np.mean(values, axis=0)
    return {name: float(value) if np.isfinite(value) else None for name, value in zip(METRICS, means, strict=True)}
