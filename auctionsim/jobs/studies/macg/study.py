"""Define the units of the MACG study, and write its document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from auctionsim.agents.build import build_market
from auctionsim.analysis.documents.curves import line_of
from auctionsim.analysis.documents.plots.front import front_figure
from auctionsim.analysis.documents.plots.lines import lines_figure
from auctionsim.analysis.documents.results import arms_table, by_seed, interval, paired_table
from auctionsim.analysis.documents.sections import Heading, Picture, Section, Table, Text
from auctionsim.analysis.statistics import INTERVALS
from auctionsim.jobs.demos.real_table import write_tables
from auctionsim.jobs.studies.base import Findings, Options, Unit
from auctionsim.jobs.studies.macg.arms import (
    ARMS,
    FLOORS,
    FRONT,
    LARGE,
    REAL,
    SCENARIOS,
    TAOBAO_MIX,
    THREE_ARMS,
    arms_of,
    scenario_of,
)
from auctionsim.jobs.studies.macg.cost import cost_sections, generation_costs
from auctionsim.jobs.studies.macg.measure import measured

_COLUMNS = {
    "objective": "Own objective",
    "profit": "Total profit",
    "self_profit": "Self-bidders' profit",
    "revenue": "Revenue",
    "worst": "Worst advertiser",
    "caps_exceeded": "Caps exceeded",
}
_COMPARED = ("objective", "profit", "revenue")
_RIVALS = ("independent", "openai-es", "cma-es", "macg without floor", "macg without global term", "macg, multipliers")
_DRAWN = ("independent", "macg without floor", "macg", "macg, multipliers")


class MacgStudy:
    """The study; docs/macg.md explains it."""

    title = "MACG (our reconstruction): cooperation under a revenue floor, against its rivals and without each of its parts"
    n_seeds = 5

    def units(self, options: Options) -> Sequence[Unit]:
        """Return every arm of every scenario on every seed; the cost of a generation is measured on one seed."""
        scenarios = (THREE_ARMS, TAOBAO_MIX) if options.quick else (*SCENARIOS, LARGE)
        return [
            Unit(scenario, arm.name, seed)
            for scenario in (*scenarios, *((REAL,) if options.data else ()))
            for arm in arms_of(scenario, quick=options.quick)
            for seed in (options.seeds[:1] if arm.kind == "cost" else options.seeds)
        ]

    def run(self, unit: Unit, options: Options) -> Findings:
        """Train and measure one arm on one seed."""
        arm = next(arm for arm in (*ARMS, *FRONT) if arm.name == unit.arm)
        if arm.kind == "cost":
            return Findings([], generation_costs())
        with TemporaryDirectory() as folder:
            source = unit.scenario
            if source == REAL:
                assert options.data is not None
                source = str(write_tables(Path(options.data), Path(folder), (unit.seed,)))
            market = build_market(scenario_of(source, arm, quick=options.quick), unit.seed)
        return measured(market, arm)

    def sections(self, results: pl.DataFrame, curves: pl.DataFrame) -> list[Section]:
        """Return the verdict, tables and learning curves per scenario, the front, and the cost of a generation."""
        scenarios = list(results["scenario"].unique(maintain_order=True))
        parts: list[Section] = [Text(line) for scenario in scenarios if (line := _verdict(results, scenario))]
        parts.append(
            Text(
                "All figures are ratios to the baseline (everybody bids by keyword under the same budgets) on held-out test "
                f"days, means over seeds with {INTERVALS}. They are results of our reconstruction; the paper's own figures "
                "were not available."
            )
        )
        for scenario in scenarios:
            own = results.filter(scenario=scenario)
            measured_here = set(own["metric"])
            columns = {name: label for name, label in _COLUMNS.items() if name in measured_here}
            arms = [arm.name for arm in ARMS if arm.kind != "cost"]
            parts += [Heading(scenario), arms_table(results, scenario, columns, arms=arms)]
            compared = {name: label for name, label in columns.items() if name in _COMPARED}
            if compared:
                parts.append(paired_table(results, scenario, "macg", _RIVALS, compared))
            types = {m: m.removeprefix("objective: ") for m in own["metric"].unique(maintain_order=True) if ": " in m}
            if len(types) > 1:
                parts.append(arms_table(results, scenario, types, arms=arms))
            parts.append(_learning(curves, scenario))
        return [*parts, *_front(results), *cost_sections(curves)]


def _verdict(results: pl.DataFrame, scenario: str) -> str:
    profit, revenue = (interval(results, scenario, "macg", metric) for metric in ("profit", "revenue"))
    if profit is None or revenue is None:
        return ""
    text = f"{scenario}: with macg total profit {profit}, revenue {revenue} of the baseline"
    bound, reached = by_seed(results, scenario, "oracle-lp", "profit"), by_seed(results, scenario, "macg", "profit")
    closed = [(reached[seed] - 1) / (bound[seed] - 1) for seed in reached if seed in bound and bound[seed] > 1]
    if closed:
        text += f"; {sum(closed) / len(closed):.1%} of the gap to the bound closed (lowest seed {min(closed):.1%})"
    objective = interval(results, scenario, "macg", "objective")
    return text + (f"; own objectives {objective}." if objective else ".")


def _learning(curves: pl.DataFrame, scenario: str) -> Picture:
    own = curves.filter(scenario=scenario, curve="revenue_ratio")
    lines = {arm: line_of(curves, scenario, arm, "revenue_ratio") for arm in _DRAWN if arm in set(own["arm"])}
    figure = lines_figure(lines, "Generation", "Platform revenue (ratio to the baseline)", levels={"baseline": 1.0})
    slug = scenario.replace("/", "-")
    return Picture(f"learning-{slug}", figure, f"{scenario}: revenue on training days while learning, means over seeds.")


def _front(results: pl.DataFrame) -> list[Section]:
    """Return total profit against revenue for every revenue floor, without other floors and with the global term alone."""
    scenario = THREE_ARMS
    points = []
    for floor in FLOORS:
        revenue, profit = (interval(results, scenario, f"floor {floor:g}", metric) for metric in ("revenue", "profit"))
        if revenue is not None and profit is not None:
            points.append((floor, revenue, profit))
    if not points:
        return []
    rows = [[f"{floor:g}", str(revenue), str(profit)] for floor, revenue, profit in points]
    return [
        Heading("The front: revenue against total profit"),
        Text(f"{scenario}, full cooperation (own weight 0, no floors on profit), for a range of revenue floors."),
        Table(["Revenue floor", "Revenue", "Total profit"], rows),
        Picture(
            "front",
            front_figure([(r.mean, p.mean, f"{floor:g}") for floor, r, p in points]),
            "Total profit against platform revenue on test days, ratios to the baseline, means over seeds; the number at each "
            "point is the revenue floor.",
        ),
    ]


STUDY = MacgStudy()
