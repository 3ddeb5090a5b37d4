"""Check the rows of a logged dataset: order, whole numbers, ranges, and propensities that the stated exploration gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.offline.exploration import HIGH, LOW, Exploration
from auctionsim.errors import InputError, shown
from auctionsim.jobs.offline.columns import Column, action_columns, columns, mean_columns, observation_columns
from auctionsim.market.observations import bounds
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
MOST_AMOUNT = 1e15
"""Bound on an hour's amounts: prices are < 10^9, and sums of squares of such amounts stay finite."""
_COUNTED = ("impressions", "clicks", "conversions", "gmv", "cost")
_SIGNED = ("reward", "profit")
_SEEDS = 2**62


def check_rows(path: Path, table: pl.DataFrame, settings: Mapping[str, Any]) -> None:
    """Check that rows are what an export with these settings writes.

    Args:
        path: File of the rows, which begins the message.
        table: The rows.
        settings: Checked contents of `dataset.json`.

    Raises:
        InputError: A column is missing or of another type; rows are missing or in another order; or a value cannot have been
            logged: none at all, outside its range, or a propensity that the exploration does not give.
    """
    wanted = columns(settings["coefficients"])
    _check_columns(path, table, wanted)
    agents, n = settings["agents"], len(settings["days"]) * settings["episodes_per_day"]
    if len(table) != n * HOURS * len(agents):
        raise InputError(f"{path}: expected {n * HOURS * len(agents)} rows, got {len(table)}")
    _check_whole(path, table, wanted)
    _check_order(path, table, settings, n)
    _check_ranges(path, table, settings["coefficients"])
    _check_propensities(path, table, settings)


def _check_columns(path: Path, table: pl.DataFrame, wanted: Sequence[Column]) -> None:
    """Check that every column is there, with its type."""
    for column in wanted:
        if table.schema.get(column.name) != column.dtype:
            raise InputError(
                f"{path}: expected a column {column.name} of {column.dtype.__name__}, got {table.schema.get(column.name)}"
            )


def _check_whole(path: Path, table: pl.DataFrame, wanted: Sequence[Column]) -> None:
    """Check that no value is missing and that every number is finite."""
    for column in wanted:
        values = table[column.name]
        is_float = column.dtype in (pl.Float32, pl.Float64)
        if is_float and (values.null_count() or not values.is_finite().all()):
            raise InputError(f"{path}: {column.name}: expected finite numbers, got one that is not")
        if values.null_count():
            raise InputError(f"{path}: {column.name}: expected a value in every row, got {values.null_count()} without")


def _check_order(path: Path, table: pl.DataFrame, settings: Mapping[str, Any], episodes: int) -> None:
    """Check that rows go by episode, hour and agent, that episodes go by day, and that they end with their last hour."""
    agents = settings["agents"]
    shape = (episodes, HOURS, len(agents))
    found = {name: table[name].to_numpy().reshape(shape) for name in ("episode", "hour", "day", "reset_seed", "terminated")}
    hours = np.arange(HOURS)[:, None]
    is_ordered = (
        (found["episode"] == np.arange(episodes)[:, None, None]).all()
        and (found["hour"] == hours).all()
        and table["agent"].to_list() == list(agents) * (episodes * HOURS)
    )
    if not is_ordered:
        raise InputError(f"{path}: expected rows by episode, hour and agent, got another order")
    per_day = settings["episodes_per_day"]
    for number, day in enumerate(settings["days"]):
        own = found["day"][number * per_day : (number + 1) * per_day]
        if (own != day).any():
            raise InputError(
                f"{path}: day: expected {day} in episodes {number * per_day} to {(number + 1) * per_day - 1}, as `days` and "
                f"`episodes_per_day` of dataset.json say, got {own[own != day][0]}"
            )
    seeds = found["reset_seed"]
    if (seeds != seeds[:, :1, :1]).any():
        raise InputError(f"{path}: reset_seed: expected one in all rows of an episode, got several")
    _check_between(path, "reset_seed", seeds, 0, _SEEDS - 1)
    if (found["terminated"] != (hours == HOURS - 1)).any():
        raise InputError(f"{path}: terminated: expected true in hour {HOURS - 1} and false before it, got otherwise")
    if table["truncated"].any():
        raise InputError(f"{path}: truncated: expected false in every row, got true")


def _check_ranges(path: Path, table: pl.DataFrame, coefficients: Sequence[str]) -> None:
    """Check that numbers are within the ranges of their columns."""
    for name in (*action_columns(coefficients), *mean_columns(coefficients)):
        _check_between(path, name, table[name].to_numpy(), LOW, HIGH)
    for prefix in ("obs_", "next_"):
        for name, low, high in zip(observation_columns(prefix), *bounds(), strict=True):
            _check_between(path, name, table[name].to_numpy(), float(low), float(high))
    for name in _COUNTED:
        _check_between(path, name, table[name].to_numpy(), 0, MOST_AMOUNT)
    for name in _SIGNED:
        _check_between(path, name, table[name].to_numpy(), -MOST_AMOUNT, MOST_AMOUNT)


def _check_between(path: Path, name: str, values: NDArray[Any], low: float, high: float) -> None:
    """Check that all values are in [low, high]."""
    is_out = (values < low) | (values > high)
    if is_out.any():
        raise InputError(f"{path}: {name}: expected numbers in [{low:g}, {high:g}], got {shown(values[is_out][0].item())}")


def _check_propensities(path: Path, table: pl.DataFrame, settings: Mapping[str, Any]) -> None:
    """Check that propensities are the densities of the actions around the behavior policy's own ones."""
    actions, means = (
        np.stack([table[name].to_numpy().astype(np.float64) for name in names], axis=-1)
        for names in (action_columns(settings["coefficients"]), mean_columns(settings["coefficients"]))
    )
    given = table["log_propensity"].to_numpy()
    known = Exploration(settings["noise"], settings["uniform"]).log_density(actions, means)
    is_off = ~np.isclose(given, known, rtol=1e-9, atol=1e-6)
    if is_off.any():
        row = int(np.flatnonzero(is_off)[0])
        raise InputError(
            f"{path}: log_propensity: expected {known[row]:.6g} in row {row}, the log density of its action with `noise` and "
            f"`uniform` of dataset.json, got {given[row]:.6g}"
        )
