"""Curves of a study as lines: at each x the mean over seeds with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.reports.metrics import bootstrap

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """A line and its band, each `[points]`."""

    x: Array
    mean: Array
    low: Array
    high: Array


def line_of(curves: pl.DataFrame, scenario: str, arm: str, curve: str) -> Line:
    """One curve of one arm from the rows of curves.parquet, with 95 % bootstrap intervals over seeds."""
    rows = curves.filter(scenario=scenario, arm=arm, curve=curve)
    return _line([(x, own["y"].to_numpy()) for (x,), own in rows.group_by("x", maintain_order=True)])


def line_over_arms(results: pl.DataFrame, scenario: str, x_of: dict[str, float], metric: str) -> Line:
    """One metric over arms that differ in one number, given by arm, from the rows of results.parquet."""
    rows = results.filter(scenario=scenario, metric=metric)
    return _line([(x, rows.filter(arm=arm)["value"].to_numpy()) for arm, x in x_of.items()])


def _line(points: list[tuple[float, Array]]) -> Line:
    points = sorted(points, key=lambda point: point[0])
    intervals = [bootstrap(values) for _, values in points]
    return Line(
        np.array([x for x, _ in points]),
        np.array([i.mean for i in intervals]),
        np.array([i.low for i in intervals]),
        np.array([i.high for i in intervals]),
    )
