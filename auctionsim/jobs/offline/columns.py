"""Name the columns of a logged dataset, with their units and ranges: one table for what writes, reads and describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from auctionsim.market.observations import FEATURES, bounds
from auctionsim.objectives.costs import COSTS

COST_COLUMNS = tuple(f"cost_of_{key}" for key in COSTS)
"""Columns of the constraints' costs."""


class Column(NamedTuple):
    """A column of `steps.parquet`."""

    name: str
    dtype: type[pl.DataType]
    unit: str
    span: str
    meaning: str


def observation_columns(prefix: str) -> tuple[str, ...]:
    """Return the names of the observation's columns, with `obs_` or `next_` before the feature."""
    return tuple(f"{prefix}{name}" for name in FEATURES)


def action_columns(coefficients: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the action's columns."""
    return tuple(f"action_{name}" for name in coefficients)


def mean_columns(coefficients: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns of the behavior policy's own action."""
    return tuple(f"behavior_{name}" for name in coefficients)


def columns(coefficients: Sequence[str], *, is_late: bool = False) -> list[Column]:
    """Return all columns of a dataset, in order.

    Args:
        coefficients: Names of an action's numbers, the features of the bid model.
        is_late: Whether conversions are reported late, so that an hour's are those that were reported in it.
    """
    reported = " that were reported in the hour, whenever they were clicked for"
    low, high = bounds()
    spans = [f"[{least:g}, {most:g}]" for least, most in zip(low, high, strict=True)]
    return [
        Column("episode", pl.Int64, "", "0, 1, ...", "number of the episode, in the order of the days"),
        Column("reset_seed", pl.Int64, "", "0 to 2^62 - 1", "seed with which an environment's reset begins the same episode"),
        Column("day", pl.Int64, "day", "days of the scenario", "day of the traffic that the episode replays"),
        Column("hour", pl.Int64, "hour", "0 to 23", "hour, the step of the episode"),
        Column("agent", pl.String, "", "names", "advertiser that bids"),
        *(
            Column(name, pl.Float32, "", span, f"observation before the hour: {feature}")
            for name, feature, span in zip(observation_columns("obs_"), FEATURES, spans, strict=True)
        ),
        *(
            Column(name, pl.Float32, "log over log 50", "[-1, 1]", f"log multiplier on the starting coefficient of {feature}")
            for name, feature in zip(action_columns(coefficients), coefficients, strict=True)
        ),
        *(
            Column(name, pl.Float64, "log over log 50", "[-1, 1]", f"the behavior policy's own action for {feature}")
            for name, feature in zip(mean_columns(coefficients), coefficients, strict=True)
        ),
        Column("log_propensity", pl.Float64, "log density", "finite", "log of the density with which the action was drawn"),
        Column("reward", pl.Float64, "", "finite", "reward of the environments (docs/environments.md)"),
        Column("impressions", pl.Float64, "auctions", ">= 0", "auctions of the hour in which its ad was shown"),
        Column("clicks", pl.Float64, "clicks", ">= 0", "clicks of the hour"),
        Column("conversions", pl.Float64, "conversions", ">= 0", f"conversions{reported if is_late else ' of the hour'}"),
        Column(
            "gmv",
            pl.Float64,
            "currency",
            ">= 0",
            f"value of {'conversions' + reported if is_late else 'what was sold in the hour'}",
        ),
        Column("profit", pl.Float64, "currency", "finite", "gmv less cost"),
        Column("cost", pl.Float64, "currency", ">= 0", "what it paid in the hour"),
        *(
            Column(
                name,
                pl.Float64,
                "",
                "finite",
                f"the hour's cost of {key}; a day keeps it where they add up to <= 0",
            )
            for name, key in zip(COST_COLUMNS, COSTS, strict=True)
        ),
        Column("terminated", pl.Boolean, "", "true, false", "whether the day ended with the hour"),
        Column("truncated", pl.Boolean, "", "false", "whether the episode was cut short; no logged day is"),
        *(
            Column(name, pl.Float32, "", span, f"observation after the hour: {feature}")
            for name, feature, span in zip(observation_columns("next_"), FEATURES, spans, strict=True)
        ),
    ]
