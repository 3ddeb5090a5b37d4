"""Define the units of the MACG study, and write its document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from auctionsim.agents.build import build_market
from auctionsim.analysis.documents.sections import Section, Text
from auctionsim.analysis.statistics import INTERVALS
from auctionsim.jobs.demos.real_table import write_tables
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.macg.arms import (
    ARMS,
    FRONT,
    LARGE,
    MACG,
    REAL,
    SCENARIOS,
    TAOBAO_MIX,
    THREE_ARMS,
    Arm,
    arms_of,
    scenario_of,
    seeds_of,
    seeds_text,
)
from auctionsim.jobs.studies.macg.cost import cost_sections, generation_costs
from auctionsim.jobs.studies.macg.document import front_sections, scenario_sections, verdict
from auctionsim.jobs.studies.macg.measure import measured

_VERSION = "2"
"""Since version 2: splits with validation days, the weighted objective, and the bound in every market."""


class MacgStudy:
    """The study; docs/macg.md explains it."""

    title = "MACG (our reconstruction): cooperation under a revenue floor, against its rivals and without each of its parts"
    n_seeds = 20
    takes_data = True
    first_seed = 100

    def version(self, options: Options) -> str:  # noqa: ARG002  (the same for every choice)
        """Return the version of the study: parts of another one were measured otherwise."""
        return _VERSION

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm of every scenario on its seeds; the cost of a generation is measured on one seed."""
        scenarios = (THREE_ARMS, TAOBAO_MIX) if options.quick else (*SCENARIOS, LARGE)
        return [
            Unit(scenario, arm.name, seed)
            for scenario in (*scenarios, *((REAL,) if options.data else ()))
            for arm in arms_of(scenario, quick=options.quick)
            for seed in seeds_of(scenario, arm, options.seeds)
        ]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Train and measure one arm on one seed."""
        arm = _arm(unit.arm)
        if arm.kind == "cost":
            return Findings([], generation_costs())
        with TemporaryDirectory() as folder:
            source = unit.scenario
            if source == REAL:
                assert options.data is not None
                source = str(write_tables(Path(options.data), Path(folder), (unit.seed,)))
            own, judged = (scenario_of(source, one, quick=options.quick, name=unit.scenario) for one in (arm, _arm(MACG)))
            market = build_market(own, unit.seed)
        return measured(market, arm, judged)

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
        """Return the verdict, tables and learning curves per scenario, the front, and the cost of a generation."""
        scenarios = list(results["scenario"].unique(maintain_order=True))
        parts: list[Section] = [Text(line) for scenario in scenarios if (line := verdict(results, scenario))]
        own = results.filter(~pl.col("arm").is_in([arm.name for arm in FRONT]))
        first = dict(own.group_by("scenario", maintain_order=True).agg(pl.col("seed").min()).rows())
        parts.append(
            Text(
                "Ratios are to the baseline (everybody bids by keyword under the same budgets) on held-out test days, means "
                f"over seeds with {INTERVALS}. They are results of our reconstruction; the paper's own figures were not "
                f"available. {seeds_text(first, self.first_seed)}"
            )
        )
        for scenario in scenarios:
            parts += scenario_sections(results, curves, scenario)
        return [*parts, *front_sections(results), *cost_sections(curves)]


def _arm(name: str) -> Arm:
    return next(arm for arm in (*ARMS, *FRONT) if arm.name == name)


STUDY = MacgStudy()
