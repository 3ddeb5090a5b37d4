"""Make the interactive figures of what changes bring and of landscapes, from what the pictures of `plots.whatif` show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from auctionsim.analysis.documents.charts.model import Axis, Chart, Panel, Rule, Series
from auctionsim.analysis.documents.plots.landscape import BANDS, UNITS_OF_X
from auctionsim.analysis.statistics import Interval

MOST_ROWS = 200
"""Rows of a figure, those that come first; a table beneath or a file has all."""


def intervals_chart(names: Sequence[str], found: Sequence[Interval], unit: str, at: float) -> Chart:
    """Return a row for each name with its value and interval.

    Args:
        names: Changes or advertisers.
        found: The value of each with its interval.
        unit: The label of the values.
        at: The value that others are compared with, drawn as a line.
    """
    names, found = names[:MOST_ROWS], found[:MOST_ROWS]
    mean, low, high = ([getattr(one, end) for one in found] for end in ("mean", "low", "high"))
    series = Series("", range(len(names)), mean, low, high, style="dot", colour=0)
    return Chart((Panel("intervals", Axis("", tuple(names)), Axis(unit), (series,), (Rule("x", at),)),))


def landscape_chart(curves: Mapping[Any, pl.DataFrame]) -> Chart:
    """Return a panel for each figure over bids and over budgets; arguments as of `plots.landscape.landscape_figure`."""
    panels = []
    for kind in dict.fromkeys(kind for kind, _ in curves):
        own = [(rivals, rows) for (this, rivals), rows in curves.items() if this == kind]
        for name, unit in BANDS.items():
            series = tuple(_curve(rivals, rows, name) for rivals, rows in own)
            title = f"{unit} by {kind}"
            panels.append(Panel("lines", Axis(UNITS_OF_X[kind]), Axis(unit), series, title=title))
    return Chart(tuple(panels))


def _curve(rivals: str, rows: pl.DataFrame, name: str) -> Series:
    x, mean, low, high = (
        rows[column].cast(pl.Float64).fill_null(float("nan")).to_list() for column in ("x", name, f"{name}_low", f"{name}_high")
    )
    return Series(f"rivals {rivals}", x, mean, low, high, colour=int(rivals == "adapting"))
