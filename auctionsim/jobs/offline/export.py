"""Log days of a market under a behavior policy with exploration, and write them with their propensities and a datasheet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim import __version__
from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.envs.episode_sampler import days_of
from auctionsim.files import folder_then_rename, write_json, write_text
from auctionsim.jobs.distributed.cluster import Pool, SerialPool
from auctionsim.jobs.offline.columns import COST_COLUMNS, action_columns, columns, mean_columns, observation_columns
from auctionsim.jobs.offline.datasheet import datasheet
from auctionsim.jobs.offline.plan import Plan
from auctionsim.jobs.offline.rollout import SIDE_BY_SIDE, Rollout, episode_seeds, exploration_numbers, named_amounts, play
from auctionsim.scenario.text import scenario_text
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
STEPS, SETTINGS, SHEET = "steps.parquet", "dataset.json", "datasheet.md"
PURPOSE = "logged"
"""Word that keys the random streams of logged days."""


@dataclass(frozen=True, eq=False)
class Logged:
    """Logged days: rollouts of all episodes, in the order of the days, with the densities of their actions."""

    plan: Plan
    exploration: Exploration
    split: str
    per_day: int
    """Number of episodes of each day."""
    rollouts: tuple[Rollout, ...]
    """Rollouts of at most `SIDE_BY_SIDE` episodes of a day."""
    days: NDArray[np.int64]
    """Day of each episode, `[N]`."""
    reset_seeds: NDArray[np.int64]
    """Seed of each episode, `[N]`."""

    @property
    def clipped_share(self) -> float:
        """Return the share of the behavior policy's own actions that were outside [-1, 1] and were clipped."""
        return float(np.mean([rollout.is_clipped.mean() for rollout in self.rollouts]))

    def table(self) -> pl.DataFrame:
        """Return one row per episode, hour and agent, in this order."""
        tables, first = [], 0
        for rollout in self.rollouts:
            size = rollout.rewards.shape[1]
            own = slice(first, first + size)
            tables.append(_table(self.plan, self.exploration, rollout, first, self.days[own], self.reset_seeds[own]))
            first += size
        return pl.concat(tables)


def log_days(
    plan: Plan,
    exploration: Exploration,
    *,
    split: str = "train",
    per_day: int = 20,
    pool: Pool | None = None,
    report: Callable[[str, float], None] | None = None,
) -> Logged:
    """Play days under a policy whose agents explore.

    Args:
        plan: The policy, and the agents that are logged.
        exploration: Noise on the agents' actions, drawn anew every hour and for every agent.
        split: `train` or `test`, the days that are logged.
        per_day: Number of episodes of each day, >= 1.
        pool: Pool in which days are played; this process where None. It changes no byte.
        report: A progress callback, called with words and the share that is done.
    """
    pool = pool or SerialPool()
    days = days_of(plan.market, split)
    batches = [
        (day, tuple(range(first, min(first + SIDE_BY_SIDE, per_day))))
        for day in days
        for first in range(0, per_day, SIDE_BY_SIDE)
    ]
    shared, found = pool.put((plan, exploration, split)), {}
    for done, (index, rollout) in enumerate(pool.each(_log_batch, [(shared, *batch) for batch in batches]), start=1):
        found[index] = rollout
        if report is not None:
            report("logging days", done / len(batches))
    seeds = [seed for day, numbers in batches for seed, _ in episode_seeds(plan.market, split, PURPOSE, day, numbers)]
    return Logged(
        plan, exploration, split, per_day, tuple(found[index] for index in range(len(batches))),
        np.repeat(np.array(days, dtype=np.int64), per_day), np.array(seeds, dtype=np.int64),
    )  # fmt: skip


def _log_batch(shared: tuple[Plan, Exploration, str], day: int, numbers: tuple[int, ...]) -> Rollout:
    """Play some episodes of a day."""
    plan, exploration, split = shared
    episodes = [episode for _, episode in episode_seeds(plan.market, split, PURPOSE, day, numbers)]
    uniforms = exploration_numbers(plan.market, PURPOSE, day, numbers, len(plan.coefficients))
    return play([plan], day, episodes, lambda hour, means: exploration.draw(means[0], uniforms[hour]))


def write_dataset(logged: Logged, out: Path, command: str) -> dict[str, Any]:
    """Write a folder of `steps.parquet`, `dataset.json` and `datasheet.md`; it appears whole or not at all.

    Args:
        logged: The logged days.
        out: The folder, new or empty.
        command: The command line, for the datasheet.

    Returns:
        The contents of `dataset.json`.
    """
    with folder_then_rename(out) as part:
        table = logged.table()
        table.write_parquet(part / STEPS)
        settings = settings_of(logged, command, hashlib.sha256((part / STEPS).read_bytes()).hexdigest())
        write_json(part / SETTINGS, settings)
        own = columns(logged.plan.coefficients, is_late=logged.plan.market.delays is not None)
        write_text(part / SHEET, datasheet(settings, table, own, STEPS))
    return settings


def settings_of(logged: Logged, command: str, digest: str) -> dict[str, Any]:
    """Return what made a dataset, for `dataset.json`: everything that makes it again.

    Args:
        logged: The logged days.
        command: The command line.
        digest: SHA-256 of the steps, in hexadecimal digits.
    """
    plan, scenario = logged.plan, logged.plan.whole.scenario
    is_single = plan.market is not plan.whole
    return {
        "format": 1,
        "version": __version__,
        "command": command,
        "scenario": scenario.name,
        "scenario_text": scenario_text(scenario),
        "scenario_folder": None if scenario.folder is None else str(scenario.folder.resolve()),
        "seed": plan.whole.seed,
        "policy": plan.name,
        "checkpoint": None if plan.checkpoint is None else asdict(plan.checkpoint),
        "factor": plan.factor,
        "bidder": plan.agents[0] if is_single else None,
        "rivals": logged_rivals(plan),
        "agents": list(plan.agents),
        "bid_model": plan.bid_model,
        "coefficients": list(plan.coefficients),
        "noise": logged.exploration.noise,
        "uniform": logged.exploration.uniform,
        "split": logged.split,
        "days": logged.days[:: logged.per_day].tolist(),
        "episodes_per_day": logged.per_day,
        "clipped_share": logged.clipped_share,
        "sha256": digest,
    }


def logged_rivals(plan: Plan) -> str | None:
    """Return the rule of the learners that are not logged; None where all are."""
    return None if plan.market is plan.whole else plan.rivals


def _table(
    plan: Plan, exploration: Exploration, rollout: Rollout, first: int, days: NDArray[np.int64], seeds: NDArray[np.int64]
) -> pl.DataFrame:
    """Return the rows of one rollout, whose first episode has the number `first`."""
    size, agents = rollout.rewards.shape[1:]
    shape = (size, HOURS, agents)

    def by_row(array: NDArray[Any]) -> NDArray[Any]:
        # [T, E, A, ...] to rows of episode, hour, agent.
        return array.swapaxes(0, 1).reshape(size * HOURS * agents, *array.shape[3:])

    def spread(values: NDArray[Any], axis: int) -> NDArray[Any]:
        index = [None, None, None]
        index[axis] = slice(None)  # type: ignore[call-overload]
        return np.broadcast_to(values[tuple(index)], shape).reshape(-1)

    found: dict[str, Any] = {
        "episode": spread(np.arange(first, first + size), 0),
        "reset_seed": spread(seeds, 0),
        "day": spread(days, 0),
        "hour": spread(np.arange(HOURS), 1),
        "agent": list(plan.agents) * (size * HOURS),
        "log_propensity": by_row(exploration.log_density(rollout.actions.astype(np.float64), rollout.means[0])),
        "reward": by_row(rollout.rewards),
        "terminated": spread(np.arange(HOURS) == HOURS - 1, 1),
        "truncated": np.zeros(size * HOURS * agents, dtype=bool),
        **named_amounts(by_row(rollout.outcomes)),
    }
    for names, array in (
        (observation_columns("obs_"), rollout.observations[:-1]),
        (observation_columns("next_"), rollout.observations[1:]),
        (action_columns(plan.coefficients), rollout.actions),
        (mean_columns(plan.coefficients), rollout.means[0]),
        (COST_COLUMNS, rollout.costs),
    ):
        rows = by_row(array)
        found |= {name: rows[:, j] for j, name in enumerate(names)}
    return pl.DataFrame(
        {c.name: found[c.name] for c in columns(plan.coefficients)},
        schema={c.name: c.dtype for c in columns(plan.coefficients)},
    )
