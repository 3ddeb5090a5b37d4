"""Write the document of the MACG study: per scenario what was reached, what it cost, and how it compares with each rival."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.curves import line_of
from auctionsim.analysis.documents.plots.front import front_figure
from auctionsim.analysis.documents.plots.lines import lines_figure
from auctionsim.analysis.documents.results import arms_table, by_seed, interval, paired_table
from auctionsim.analysis.documents.sections import Heading, Picture, Section, Table, Text
from auctionsim.analysis.statistics import INTERVALS, mean_interval
from auctionsim.jobs.studies.macg.arms import ARMS, BOUND, FLOORS, MACG, MANUAL, N_FEW_SEEDS, THREE_ARMS
from auctionsim.jobs.studies.macg.measure import SECONDS
from auctionsim.jobs.studies.macg.outcomes import DAY_REVENUE, WITHOUT_RATIO
from auctionsim.objectives.floor_days import FloorDays, SeedDay, floor_days
from auctionsim.ratios import NotDefined

FLOOR = 1.0
"""The revenue floor of every scenario, by which arms without a floor are judged too."""
_COMPARED = {
    "weighted": "Weighted objective", "objective": "Own objectives", "profit": "Total profit", "revenue": "Revenue",
    "worst": "Worst advertiser",
}  # fmt: skip
_DRAWN = ("independent", "macg without floor", MACG, "macg, multipliers")
_NAMES = tuple(arm.name for arm in ARMS if arm.kind != "cost")

Cell = Callable[[str], str]
"""Function from an arm's name to the text of its cell."""


def scenario_sections(results: pl.DataFrame, curves: pl.DataFrame, scenario: str) -> list[Section]:
    """Return the tables and the learning curves of a scenario."""
    own = results.filter(scenario=scenario)
    arms = [name for name in _NAMES if name in set(own["arm"])]
    types = {m: m.removeprefix("objective: ") for m in own["metric"].unique(maintain_order=True) if m.startswith("objective: ")}
    rivals = [arm for arm in arms if arm not in (MACG, BOUND)]
    parts: list[Section] = [Heading(scenario), _reached(results, scenario, arms), _price(results, scenario, arms)]
    if MACG in arms:
        parts.append(paired_table(results, scenario, MACG, rivals, _COMPARED, signs=True))
    if len(types) > 1:
        parts.append(arms_table(results, scenario, types, arms=[arm for arm in arms if arm != BOUND]))
    money = {"profit a day": "Total profit", "revenue a day": "Revenue"}
    parts.append(
        arms_table(
            results, scenario, money, arms=[arm for arm in arms if arm != BOUND], over="currency a day on held-out test days"
        )
    )
    return [*parts, _learning(curves, scenario)]


def verdict(results: pl.DataFrame, scenario: str) -> str:
    """Return in one line what the judged arm reached in a scenario; empty if it was not measured."""
    profit, revenue, objective = (interval(results, scenario, MACG, metric) for metric in ("profit", "revenue", "objective"))
    if profit is None or revenue is None or objective is None:
        return ""
    closed = gap_shares(results, scenario, MACG)
    gap = closed if isinstance(closed, NotDefined) else f"{mean_interval(closed)} (lowest seed {closed.min():.3f})"
    return (
        f"{scenario}: with macg own objectives {objective}, total profit {profit}, revenue {revenue} of the baseline; share of "
        f"the gap to the bound that is closed {gap}; revenue floor held on {floor_of_arm(results, scenario, MACG)}."
    )


def gap_shares(results: pl.DataFrame, scenario: str, arm: str, metric: str = "weighted") -> NDArray[np.float64] | NotDefined:
    """Return the share of the way from the baseline's weighted objective, or another metric, to the bound on it, `[seeds]`.

    (arm - baseline) / (bound - baseline) on each seed that has all three: with 1.75, 2.61 and 3.19 it is 0.86 / 1.44 = 0.60.
    Only bids that keep the floors and caps are bounded; an arm that breaks them can be above 1.
    """
    reached, bound, before = (by_seed(results, scenario, name, metric) for name in (arm, BOUND, MANUAL))
    seeds = sorted(reached.keys() & bound.keys() & before.keys())
    if not seeds:
        return NotDefined("there is no bound")
    way = np.array([bound[seed] - before[seed] for seed in seeds])
    if not (way > 0).all():
        return NotDefined("the baseline already reaches the bound")
    return np.array([reached[seed] - before[seed] for seed in seeds]) / way


def floor_of_arm(results: pl.DataFrame, scenario: str, arm: str) -> FloorDays | NotDefined:
    """Return on how many test days of all seeds an arm kept the revenue floor, and the worst day."""
    own = results.filter(scenario=scenario, arm=arm, split="test").filter(pl.col("metric").str.starts_with(DAY_REVENUE))
    rows = own.select("seed", "metric", "value").iter_rows()
    days = sorted((seed, int(metric.removeprefix(DAY_REVENUE)), value) for seed, metric, value in rows)
    return floor_days((SeedDay(seed, day, value, 1.0) for seed, day, value in days), FLOOR)


def front_sections(results: pl.DataFrame) -> list[Section]:
    """Return total profit against revenue for every revenue floor, without other floors and with the global term alone."""
    points = []
    for floor in FLOORS:
        revenue, profit = (interval(results, THREE_ARMS, f"floor {floor:g}", metric) for metric in ("revenue", "profit"))
        if revenue is not None and profit is not None:
            points.append((floor, revenue, profit))
    if not points:
        return []
    rows = [[f"{floor:g}", str(revenue), str(profit)] for floor, revenue, profit in points]
    return [
        Heading("The front: revenue against total profit"),
        Text(
            f"{THREE_ARMS}, full cooperation (own weight 0, no floors on profit), for a range of revenue floors; from "
            f"keyword bids, not paced, on {N_FEW_SEEDS} seeds from the study's first."
        ),
        Table(["Revenue floor", "Revenue", "Total profit"], rows),
        Picture(
            "front",
            front_figure([(r.mean, p.mean, f"{floor:g}") for floor, r, p in points]),
            "Total profit against platform revenue on test days, ratios to the baseline, means over seeds; the number at each "
            "point is the revenue floor.",
        ),
    ]


def _reached(results: pl.DataFrame, scenario: str, arms: Sequence[str]) -> Table:
    """Return what each arm reached, with the bound in the last row."""
    columns: dict[str, Cell] = {
        "Weighted objective": _mean(results, scenario, "weighted"),
        "Gap closed": lambda arm: _gap_text(results, scenario, arm),
        "Own objectives (mean of ratios)": _mean(results, scenario, "objective"),
        "Own objectives (ratio of totals)": _mean(results, scenario, "total_objective"),
        "Total profit": _mean(results, scenario, "profit"),
        "Profit gap closed": lambda arm: _gap_text(results, scenario, arm, "profit"),
        "Worst advertiser": _mean(results, scenario, "worst"),
    }
    note = (
        f"{_over(results, scenario)} Weighted objective: own weight / n x own objectives + global weight x "
        "total profit, as ratios to the baseline, with the scenario's weights. Gap closed: the share of the way from the "
        f"baseline to the bound, and the same of total profit alone. {BOUND} bounds weighted objective and total profit of "
        f"bids that keep every constraint, each by a program of its own.{_left_out(results, scenario)}"
    )
    return _table(scenario, columns, arms, note)


def _left_out(results: pl.DataFrame, scenario: str) -> str:
    """Return the sentence on learners that have no ratio to the baseline, a blank before it; nothing where all have one."""
    found = by_seed(results, scenario, MACG, WITHOUT_RATIO)
    if not found:
        return ""
    counts = ", ".join(f"{n:.0f} of seed {seed}" for seed, n in sorted(found.items()))
    return (
        " Learners whose baseline earns nothing or loses money have no ratio and are left out of the mean of ratios and of the "
        f"worst: {counts}."
    )


def _price(results: pl.DataFrame, scenario: str, arms: Sequence[str]) -> Table:
    """Return how each arm kept the constraints, and what its training took."""
    measured = set(results.filter(scenario=scenario)["metric"])
    columns: dict[str, Cell] = {
        "Revenue": _mean(results, scenario, "revenue"),
        "Days floor held": lambda arm: _floor_text(floor_of_arm(results, scenario, arm), "share"),
        "Worst day": lambda arm: _floor_text(floor_of_arm(results, scenario, arm), "worst"),
    }
    if "caps_exceeded" in measured:
        columns["Caps exceeded"] = _mean(results, scenario, "caps_exceeded")
    if "self_profit" in measured:
        columns["Self-bidders' profit"] = _mean(results, scenario, "self_profit")
    columns["Seconds of training"] = lambda arm: _seconds_text(results, scenario, arm)
    note = (
        f"{_over(results, scenario)} A day is one test day of one seed; the floor is {FLOOR:g} of the "
        "baseline's revenue on that day, for arms without a floor too. Caps exceeded: share of the advertisers with a "
        "cap that pay more than 2 % above it. Seconds are of one processor."
    )
    return _table(scenario, columns, [arm for arm in arms if arm != BOUND], note)


def _over(results: pl.DataFrame, scenario: str) -> str:
    """Return what means are over, with the arms that were measured on the first few seeds alone."""
    counts = {arm: len(by_seed(results, scenario, arm, "revenue")) for arm in _NAMES if arm != BOUND}
    most = max(counts.values())
    fewer = [f"{arm} ({n})" for arm, n in counts.items() if 0 < n < most]
    but = f" (of the first ones: {', '.join(fewer)})" if fewer else ""
    return f"Means over {most} seeds{but} with {INTERVALS}, held-out test days."


def _table(scenario: str, columns: dict[str, Cell], arms: Sequence[str], note: str) -> Table:
    return Table([scenario, *columns], [[arm, *(cell(arm) for cell in columns.values())] for arm in arms], note)


def _mean(results: pl.DataFrame, scenario: str, metric: str) -> Cell:
    """Return the function that shows a metric of an arm with its interval, nothing where it was not measured."""

    def cell(arm: str) -> str:
        found = interval(results, scenario, arm, metric)
        return "" if found is None else str(found)

    return cell


def _gap_text(results: pl.DataFrame, scenario: str, arm: str, metric: str = "weighted") -> str:
    found = gap_shares(results, scenario, arm, metric)
    return str(found) if isinstance(found, NotDefined) else str(mean_interval(found))


def _floor_text(found: FloorDays | NotDefined, what: str) -> str:
    if isinstance(found, NotDefined):
        return str(found)
    return f"{found.share:.1%} of {found.days}" if what == "share" else found.worst_text


def _seconds_text(results: pl.DataFrame, scenario: str, arm: str) -> str:
    values = list(by_seed(results, scenario, arm, SECONDS, "train").values())
    return f"{np.mean(values):.1f}" if values else ""


def _learning(curves: pl.DataFrame, scenario: str) -> Picture:
    own = curves.filter(scenario=scenario, curve="revenue_ratio")
    lines = {arm: line_of(curves, scenario, arm, "revenue_ratio") for arm in _DRAWN if arm in set(own["arm"])}
    figure = lines_figure(lines, "Generation", "Platform revenue (ratio to the baseline)", levels={"baseline": 1.0})
    slug = scenario.replace("/", "-")
    return Picture(f"learning-{slug}", figure, f"{scenario}: revenue on training days while learning, means over seeds.")
