"""Set measured figures beside published ones: does each reproduction land in its range?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from auctionsim.analysis.documents.results import interval
from auctionsim.analysis.documents.sections import Heading, Section, Table, Text
from auctionsim.analysis.statistics import Interval


@dataclass(frozen=True)
class Published:
    """A published figure, and the range that a reproduction has to land in."""

    measure: str
    text: str
    """The figure as its source prints it."""
    low: float
    high: float
    """The measured mean has to lie in [low, high]."""
    is_closed_form: bool = False
    """True for a figure that follows from formulas: it checks the code, and is no reproduction of an experiment."""

    def holds(self, measured: Interval) -> bool:
        """Return True if the measured mean lies in the range, its ends included."""
        return self.low <= measured.mean <= self.high


def published_table(pairs: Sequence[tuple[Published, Interval]], source: str) -> Table:
    """Return a table with one row per figure, hits and misses alike: measured, published, accepted range, whether it holds."""
    rows = [
        [
            figure.measure,
            str(measured),
            figure.text,
            f"{figure.low:g} to {figure.high:g}",
            ("yes" if figure.holds(measured) else "no") + (" (closed form)" if figure.is_closed_form else ""),
        ]
        for figure, measured in pairs
    ]
    return Table(["", "measured", "published", "accepted range", "holds"], rows, f"Published: {source}.")


def verdict(pairs: Sequence[tuple[Published, Interval]]) -> str:
    """Return the table's result in one sentence: the simulated figures that were reproduced and those that were not.

    Closed forms are named apart: a formula that gives the published price reproduces no experiment.
    """
    simulated = [(figure, measured) for figure, measured in pairs if not figure.is_closed_form]
    formulas = [(figure, measured) for figure, measured in pairs if figure.is_closed_form]
    held = sum(figure.holds(measured) for figure, measured in simulated)
    text = f"Reproduced: {held} of {len(simulated)} simulated figures inside the published range"
    if missed := [figure.measure for figure, measured in simulated if not figure.holds(measured)]:
        text += f"; not: {', '.join(missed)}"
    if formulas:
        right = sum(figure.holds(measured) for figure, measured in formulas)
        text += f". {right} of {len(formulas)} closed forms agree; they check the code and are no reproductions"
    return f"{text}."


def figure_sections(
    results: pl.DataFrame, figures: Sequence[tuple[str, str, Published]], sources: Mapping[str, str]
) -> list[Section]:
    """Return the verdict over all figures that were measured, and a table of each scenario's.

    Args:
        results: The rows of results.parquet; a metric has one arm.
        figures: Scenario, metric and figure.
        sources: The source of each scenario's figures.
    """
    arm_of = {metric: arm for arm, metric in results.select("arm", "metric").unique().iter_rows()}
    pairs: dict[str, list[tuple[Published, Interval]]] = {}
    for scenario, metric, figure in figures:
        value = interval(results, scenario, arm_of[metric], metric) if metric in arm_of else None
        if value is not None:
            pairs.setdefault(scenario, []).append((figure, value))
    tables = [
        section
        for scenario, found in pairs.items()
        for section in (Heading(scenario[0].upper() + scenario[1:]), published_table(found, sources[scenario]))
    ]
    return [Text(verdict([pair for found in pairs.values() for pair in found])), *tables]
