"""Measure published figures in parts: some without chance, measured once, and some drawn, measured on each seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from auctionsim.analysis.documents.published import Published, figure_sections
from auctionsim.analysis.documents.sections import Section
from auctionsim.jobs.studies.base import Findings, Options, Unit

Part = tuple[str, str]
"""Scenario and arm."""
Measured = dict[str, float]
"""Value of each metric."""


@dataclass(frozen=True)
class PublishedParts:
    """A study of the shape `jobs/studies/base.py:Study` whose units are parts; a quick one leaves out whole parts."""

    title: str
    n_seeds: int
    fixed: Mapping[Part, Callable[[], Measured]]
    """Parts without chance, measured on the first seed."""
    drawn: Mapping[Part, Callable[[int], Measured]]
    """Parts that are measured on each seed."""
    quick: Collection[Part]
    """Drawn parts that a quick study measures."""
    figures: Sequence[tuple[str, str, Published]]
    """Scenario, metric and figure."""
    sources: Mapping[str, str]
    """Source of each scenario's figures."""
    rest: Callable[[pl.DataFrame], Sequence[Section]]
    """Function that makes the sections under the tables of figures from the results."""

    def units(self, options: Options) -> Sequence[Unit]:
        """Return a unit for each part, and for each seed of a drawn one."""
        drawn = [part for part in self.drawn if not options.quick or part in self.quick]
        return [
            *(Unit(*part, options.seeds[0]) for part in self.fixed),
            *(Unit(*part, seed) for part in drawn for seed in options.seeds),
        ]

    def run(self, unit: Unit, options: Options) -> Findings:  # noqa: ARG002  (a quick study leaves out whole units)
        """Measure a part."""
        part = unit.scenario, unit.arm
        values = self.fixed[part]() if part in self.fixed else self.drawn[part](unit.seed)
        return Findings([("test", name, value) for name, value in values.items()])

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:  # noqa: ARG002  (there are none)
        """Return the verdict, a table of each scenario's figures, and the rest."""
        return [*figure_sections(results, self.figures, self.sources), *self.rest(results)]
