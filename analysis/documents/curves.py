"""Turn a study's curves into lines: the mean over seeds at each x, with its interval as a band."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from auctionsim.analysis.statistics import mean_interval

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """A line and its band, each `[points]`."""

    x: Array
    mean: Array
    low: Array
    high: Array


def line_through(points: Iterable[tuple[float, ArrayLike]]) -> Line:
    """Return the line through the means over seeds, with their intervals as a band.

    Args:
        points: Pairs of an x and the seeds' values `[seeds]` at that x, in any order.
    """
    ordered = sorted(points, key=lambda point: point[0])
    intervals = [mean_interval(values) for _, values in ordered]
    return Line(
        np.array([float(x) for x, _ in ordered]),
        np.array([i.mean for i in intervals]),
        np.array([i.low for i in intervals]),
        np.array([i.high for i in intervals]),
    )


def line_over_x(table: pl.DataFrame, x: str, y: str) -> Line:
    """Return the line of column `y` over column `x`; the rows with the same x are its seeds."""
    return line_through((value, own[y].to_numpy()) for (value,), own in table.group_by(x, maintain_order=True))


def line_of(curves: pl.DataFrame, scenario: str, arm: str, curve: str) -> Line:
    """Return one curve of one arm, from the rows of curves.parquet."""
    return line_over_x(curves.filter(scenario=scenario, arm=arm, curve=curve), "x", "y")


def line_over_arms(results: pl.DataFrame, scenario: str, x_of: dict[str, float], metric: str) -> Line:
    """Return one metric over arms that differ in one number, from the rows of results.parquet.

    Args:
        results: The rows of results.parquet.
        scenario: The scenario whose rows are taken.
        x_of: The number that arms differ in, by the arm's name.
        metric: The name of the metric.
    """
    rows = results.filter(scenario=scenario, metric=metric)
    return line_through((x, rows.filter(arm=arm)["value"].to_numpy()) for arm, x in x_of.items())
