"""An interactive figure as data: what the page's script draws, and the same values as a table for those who see no figure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from auctionsim.names.text import printable, shortened

NO_COLOUR = -1
"""The colour of what belongs to no run: grey."""
_COLUMNS = 28
"""Width of a name in a figure; the table under it has the name in full."""
_MOST_ROWS = 1000


@dataclass(frozen=True)
class Axis:
    """An axis: what it measures, and the names that stand for 0, 1, 2, ... if it counts things."""

    label: str
    names: tuple[str, ...] = ()
    zero: bool = False
    """Whether 0 is shown, however far the values are from it."""


@dataclass(frozen=True, eq=False)
class Series:
    """Points that belong together. A value that is not finite is not defined, an end that is not finite no interval."""

    name: str
    """Name in the legend; series of one name are switched off together, and "" has no legend."""
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    notes: Sequence[str] = ()
    """Further words on each point."""
    rows: Sequence[int] = ()
    """Row of each cell, an index of the y axis; for marks on bars, the series whose bar each is drawn over."""
    style: Literal["line", "dot", "small", "bar", "tick", "cell"] = "line"
    colour: int = NO_COLOUR
    """Number of the run, which decides colour, dashes and symbol."""
    dashed: bool = False


@dataclass(frozen=True)
class Rule:
    """A reference line across a panel."""

    axis: Literal["x", "y"]
    at: float


@dataclass(frozen=True, eq=False)
class Panel:
    """One pair of axes and what is drawn on it."""

    style: Literal["lines", "dots", "bars", "cells", "intervals"]
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    rules: tuple[Rule, ...] = ()
    title: str = ""
    unit: str = ""
    """Label of the values of cells."""


@dataclass(frozen=True, eq=False)
class Chart:
    """An interactive figure of one panel or several."""

    panels: tuple[Panel, ...]

    def text(self) -> str:
        """Return the figure's data as JSON that may stand inside a page's script element."""
        found = json.dumps({"panels": [_panel(panel) for panel in self.panels]}, separators=(",", ":"), allow_nan=False)
        # No name can end the element or begin a comment in it.
        return found.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    def table(self) -> tuple[list[str], list[list[str]], str]:
        """Return header, rows and a note: every value of the figure as text, of very many the first ones."""
        is_titled = len(self.panels) > 1
        rows = [row for panel in self.panels for row in _rows(panel, is_titled=is_titled)]
        header = [*(["panel"] if is_titled else []), "series", "at", "value", "interval", ""]
        if not any(row[-1] for row in rows):
            header, rows = header[:-1], [row[:-1] for row in rows]
        note = f"The first {_MOST_ROWS} of {len(rows)} values." if len(rows) > _MOST_ROWS else ""
        return header, rows[:_MOST_ROWS], note


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "style": panel.style,
        "title": printable(panel.title),
        "unit": panel.unit,
        "x": _axis(panel.x),
        "y": _axis(panel.y),
        "rules": [{"axis": rule.axis, "at": rule.at} for rule in panel.rules],
        "series": [_series(series) for series in panel.series],
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {"label": axis.label, "names": [_short(name) for name in axis.names], "zero": axis.zero}


def _series(series: Series) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": _short(series.name),
        "style": series.style,
        "colour": series.colour,
        "x": _numbers(series.x),
        "y": _numbers(series.y),
    }
    optional = {
        "low": _numbers(series.low),
        "high": _numbers(series.high),
        "note": [printable(note) for note in series.notes],
        "row": [int(row) for row in series.rows],
        "dashed": series.dashed,
    }
    return found | {key: value for key, value in optional.items() if value}


def _rows(panel: Panel, *, is_titled: bool) -> Iterable[list[str]]:
    title = [panel.title] if is_titled else []
    for series in panel.series:
        for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
            name = panel.y.names[series.rows[i]] if panel.style == "cells" else series.name
            at = panel.x.names[int(x)] if panel.x.names else f"{x:.6g}"
            ends = (series.low[i], series.high[i]) if len(series.low) and len(series.high) else (math.nan, math.nan)
            interval = "{:.4g} to {:.4g}".format(*ends) if all(map(math.isfinite, ends)) else "none"
            note = series.notes[i] if series.notes else ""
            yield [*title, name, at, f"{y:.6g}" if math.isfinite(y) else "not defined", interval, note]


def _numbers(values: Iterable[float]) -> list[float | None]:
    """Return numbers of six digits, which no eye tells from more; what is not finite is null."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in map(float, values)]


def _short(name: str) -> str:
    return shortened(printable(name), _COLUMNS)
