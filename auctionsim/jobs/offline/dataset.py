"""Read a logged dataset back, after checking that it is whole: settings, digest, columns, rows and numbers."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.build import build_market
from auctionsim.analysis.offline.exploration import MAX_NOISE, MIN_NOISE, Exploration
from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.envs.episode_sampler import SPLITS, days_of
from auctionsim.errors import InputError, shown
from auctionsim.jobs.offline.columns import action_columns, mean_columns, observation_columns
from auctionsim.jobs.offline.export import SETTINGS, STEPS
from auctionsim.jobs.offline.row_checks import check_rows
from auctionsim.jobs.offline.run_policy import Checkpoint
from auctionsim.machine.parquet import read_parquet
from auctionsim.market.market import Market
from auctionsim.names.kinds import UNKNOWN, kind_of_path
from auctionsim.numbers import SEED_LIMIT
from auctionsim.run_checks.records import checked_json
from auctionsim.scenario.file import parse_scenario
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
METRICS = ("reward", "profit", "gmv", "clicks", "conversions", "impressions", "cost")
"""Columns that a policy can be judged by, summed over a day."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A logged dataset: N episodes of T = 24 hours, A agents, actions of k numbers."""

    path: Path
    settings: Mapping[str, Any]
    """Contents of `dataset.json`."""
    observations: NDArray[np.float32]
    """Observations before each hour, `[N, T, A, 15]`."""
    next_observations: NDArray[np.float32]
    """Observations after each hour, `[N, T, A, 15]`."""
    actions: NDArray[np.float32]
    """Actions, `[N, T, A, k]`."""
    log_propensity: Array
    """Log densities of the actions, `[N, T, A]`."""
    behavior: Array
    """The behavior policy's own actions, `[N, T, A, k]`."""
    amounts: Mapping[str, Array]
    """Each of `METRICS`, `[N, T, A]`."""
    days: NDArray[np.int64]
    """Day of each episode, `[N]`."""
    reset_seeds: NDArray[np.int64]
    """Seed of each episode, `[N]`."""

    @property
    def agents(self) -> tuple[str, ...]:
        """Return the names of the agents, in the order of their axis."""
        return tuple(self.settings["agents"])

    @property
    def exploration(self) -> Exploration:
        """Return the noise that the actions were drawn with."""
        return Exploration(self.settings["noise"], self.settings["uniform"])

    def market(self) -> Market:
        """Build the market of the scenario that was logged.

        Raises:
            InputError: The scenario cannot be read any more, or names a class where no code may run; or its days of the split
                or its learners are not those of the dataset.
        """
        folder = self.settings["scenario_folder"]
        source = f"{self.path / SETTINGS}: scenario_text"
        scenario = parse_scenario(self.settings["scenario_text"], source, folder=None if folder is None else Path(folder))
        market = build_market(scenario, self.settings["seed"])
        days, learners = days_of(market, self.settings["split"]), tuple(market.advertisers[i] for i in market.learners)
        if tuple(self.settings["days"]) != days:
            raise InputError(
                f"{self.path / SETTINGS}: days: expected the scenario's {self.settings['split']} days {list(days)}, got "
                f"{shown(self.settings['days'])}"
            )
        expected = learners if self.settings["bidder"] is None else (self.settings["bidder"],)
        if self.agents != expected:
            raise InputError(f"{self.path / SETTINGS}: agents: expected {list(expected)}, got {shown(self.settings['agents'])}")
        return market


def read_dataset(path: str | Path) -> Dataset:
    """Read a folder that `auctionsim export-dataset` wrote as Parquet.

    Raises:
        InputError: It is none, or was changed since.
    """
    folder = Path(path)
    file, steps = folder / SETTINGS, folder / STEPS
    if not file.is_file():
        came = kind_of_path(folder)
        came = "none" if came in UNKNOWN else came
        raise InputError(f"{folder}: expected a dataset with {SETTINGS}, got {came} (auctionsim export-dataset makes one)")
    settings = checked_settings(file, checked_json(file, file.read_bytes()))
    if not steps.is_file():
        hint = " (a Minari dataset; export it with --format parquet)" if "minari_id" in settings else ""
        raise InputError(f"{folder}: expected a dataset with {STEPS}, got none{hint}")
    digest = hashlib.sha256(steps.read_bytes()).hexdigest()
    if digest != settings["sha256"]:
        raise InputError(f"{steps}: expected the SHA-256 {settings['sha256'][:12]}... of {SETTINGS}, got {digest[:12]}...")
    table, _ = read_parquet(steps)
    check_rows(steps, table, settings)
    shape = (len(settings["days"]) * settings["episodes_per_day"], HOURS, len(settings["agents"]))

    def stacked(names: tuple[str, ...]) -> NDArray[np.float32]:
        return np.stack([table[name].to_numpy().reshape(shape) for name in names], axis=-1)

    return Dataset(
        folder, settings, stacked(observation_columns("obs_")), stacked(observation_columns("next_")),
        stacked(action_columns(settings["coefficients"])), table["log_propensity"].to_numpy().reshape(shape),
        np.stack([table[name].to_numpy().reshape(shape) for name in mean_columns(settings["coefficients"])], axis=-1),
        {name: table[name].to_numpy().reshape(shape) for name in METRICS},
        table["day"].to_numpy().reshape(shape)[:, 0, 0], table["reset_seed"].to_numpy().reshape(shape)[:, 0, 0],
    )  # fmt: skip


def checked_settings(path: Path, found: Any) -> dict[str, Any]:
    """Return the settings after checking that every key is there and holds what it should.

    Raises:
        InputError: One does not.
    """
    rules: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "format": ("1", lambda v: v == 1 and not isinstance(v, bool)),
        "version": ("text", lambda v: isinstance(v, str)),
        "scenario": ("text", lambda v: isinstance(v, str)),
        "scenario_text": ("text", lambda v: isinstance(v, str)),
        "scenario_folder": ("a path or null", lambda v: v is None or isinstance(v, str)),
        "seed": ("a whole number >= 0 and < 2^63", lambda v: _is_whole(v, 0) and v < SEED_LIMIT),
        "policy": ("text", lambda v: isinstance(v, str)),
        "checkpoint": ("an iteration with its sha256, or null", _is_checkpoint),
        "factor": ("a number > 0", lambda v: _is_number(v) and v > 0),
        "bidder": ("a name or null", lambda v: v is None or isinstance(v, str)),
        "rivals": ("a name or null", lambda v: v is None or isinstance(v, str)),
        "agents": ("a list of names", lambda v: _are_all(v, str)),
        "bid_model": (f"one of {', '.join(BID_MODELS)}", lambda v: isinstance(v, str) and v in BID_MODELS),
        "coefficients": ("a list of names", lambda v: _are_all(v, str)),
        "noise": (f"a number >= {MIN_NOISE} and <= {MAX_NOISE:g}", lambda v: _is_number(v) and MIN_NOISE <= v <= MAX_NOISE),
        "uniform": ("a number in [0, 1]", lambda v: _is_number(v) and 0 <= v <= 1),
        "split": (f"one of {', '.join(SPLITS)}", lambda v: v in SPLITS),
        "days": ("a list of whole numbers", lambda v: _are_all(v, int)),
        "episodes_per_day": ("a whole number >= 1", lambda v: _is_whole(v, 1)),
        "sha256": ("64 hexadecimal digits", _is_digest),
    }
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected an object, got {shown(found)}")
    for key, (expected, is_right) in rules.items():
        if key not in found:
            raise InputError(f"{path}: {key}: expected {expected}, got none")
        if not is_right(found[key]):
            raise InputError(f"{path}: {key}: expected {expected}, got {shown(found[key])}")
    if tuple(found["coefficients"]) != BID_MODELS[found["bid_model"]]:
        raise InputError(f"{path}: coefficients: expected those of {found['bid_model']}, got {shown(found['coefficients'])}")
    return found


def logged_checkpoint(settings: Mapping[str, Any]) -> Checkpoint | None:
    """Return which checkpoint of a run was logged, by the settings of a dataset; None for a rule."""
    found = settings["checkpoint"]
    return None if found is None else Checkpoint(found["iteration"], found["sha256"])


def _is_checkpoint(value: Any) -> bool:
    if not isinstance(value, dict):
        return value is None
    return set(value) == {"iteration", "sha256"} and _is_whole(value["iteration"], 0) and _is_digest(value["sha256"])


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64


def _is_number(value: Any) -> bool:
    # A comparison, since JSON's whole numbers may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _are_all(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, kind) and not isinstance(v, bool) for v in value)
