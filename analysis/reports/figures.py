"""Draw the figures of a report, and say in a note why one is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.charts import runs as charts
from auctionsim.analysis.documents.plots import runs as plots
from auctionsim.analysis.documents.plots.front import trade_off_figure
from auctionsim.analysis.documents.plots.responses import punishment_figure
from auctionsim.analysis.documents.sections import Note, Picture, Section
from auctionsim.analysis.pareto import pareto_front
from auctionsim.analysis.reports.fixed_traffic import intervals_of
from auctionsim.analysis.reports.metrics import amounts_of, hourly_revenue, mean_advertiser_ratios
from auctionsim.analysis.reports.run_punishment import response_lines
from auctionsim.analysis.reports.summary import Summary, intervals_text
from auctionsim.analysis.statistics import Interval
from auctionsim.runs import Run
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]


def report_figures(named: dict[str, Run], summaries: Sequence[Summary], base: str = "the baseline") -> list[Section]:
    """Return every figure with its caption, and a note for each that is left out.

    Args:
        named: The runs by name.
        summaries: Their summaries, in the same order.
        base: The name of the baseline that ratios refer to.
    """
    seeds = ", ".join(sorted({str(summary.seeds) for summary in summaries}))
    learning = {summary.name: named[summary.name] for summary in summaries if summary.has_learners}
    learned, baseline = ({name: hourly_revenue(run, arm) for name, run in named.items()} for arm in _ARMS)
    bands = _bands(named)
    return [
        _arms(summaries, base),
        Picture(
            "hourly",
            plots.hourly_figure(learned, baseline, bands),
            f"Platform revenue by hour on the test days; {intervals_text(summaries)}.",
            charts.hourly_chart(learned, baseline, bands),
        ),
        *_learning(named, learning),
        *_of_profits(named, summaries, seeds, base),
        *_punishment(named),
    ]


_ARMS = ("learned", "reference")


def _bands(named: Mapping[str, Run]) -> dict[str, list[Interval]]:
    """Return the interval of the learned policy's revenue in each hour, by the run's name."""

    def measure(run: Run) -> dict[str, Array]:
        revenue = hourly_revenue(run, "learned")
        return {str(hour): revenue[:, hour] for hour in range(HOURS)}

    return {name: list(intervals_of(run, measure).values()) for name, run in named.items()}


def _arms(summaries: Sequence[Summary], base: str) -> Section:
    caption = (
        f"Revenue, total profit and the worst advertiser's profit on the test days, as ratios to {base}; "
        f"{intervals_text(summaries)}. G* is the total profit of the efficient allocation at the baseline's revenue; total "
        "profit above G* is paid for by the platform."
    )
    for own in summaries:
        for name in ("revenue", "profit", "worst_advertiser"):
            if name in own.not_defined:
                caption += f" {own.name}: {name.replace('_', ' ')} is not defined: {own.not_defined[name]}."
    return Picture("arms", plots.arms_figure(summaries), caption, charts.arms_chart(summaries))


def _learning(named: dict[str, Run], learning: dict[str, Run]) -> list[Section]:
    """Return the learning curves of the runs that have any."""
    curves = {name: own for name, run in learning.items() if (own := _curves(run)) is not None}
    rules = ", ".join(name for name in named if name not in learning)
    found: list[Section] = (
        [Note(f"Figures about learning leave out {rules}: every advertiser follows a rule.")] if rules else []
    )
    if not curves:
        return [*found, Note("Learning curves are left out: no run has metrics of its iterations.")] if learning else found
    if all(len(revenue) == 1 for revenue, _ in curves.values()):
        caption = "Learning curves on the training days: means over the population; one seed each."
    else:
        caption = (
            "Learning curves on the training days: means over population and seeds; the band spans the lowest and the highest "
            "seed."
        )
    return [Picture("learning", plots.learning_figure(curves), caption, charts.learning_chart(curves)), *found]


def _curves(run: Run) -> tuple[Array, Array] | None:
    """Return the revenue and the profit ratio of each iteration, `[seeds, iterations]` each, NaN if not defined."""
    rows = run.metrics()
    by_seed = [[row for row in rows if row["seed"] == seed] for seed in run.seeds]
    length = min(map(len, by_seed))
    if length == 0:
        return None
    revenue, profit = (
        np.array([[row[key] for row in own[:length]] for own in by_seed], dtype=np.float64)
        for key in ("revenue_ratio", "profit_ratio")
    )
    return revenue, profit


def _of_profits(named: dict[str, Run], summaries: Sequence[Summary], seeds: str, base: str) -> list[Section]:
    """Return the figures of profits, of the runs whose traffic knows them."""
    known = [own for own in summaries if not own.unknown]
    notes: list[Section] = [
        Note(f"{own.name}: figures of profit are left out: profit is {own.unknown['profit']}.")
        for own in summaries
        if own.unknown
    ]
    if not known:
        return notes
    of_known = {own.name: named[own.name] for own in known}
    return [_advertisers(of_known), _trade_off(of_known, known, seeds, base), *notes]


def _advertisers(named: dict[str, Run]) -> Section:
    """Return the advertisers' profit ratios, or changes in currency if a run has no advertiser with a ratio."""
    tables = {name: mean_advertiser_ratios(run) for name, run in named.items()}
    if all(table["ratio"].null_count() < table.height for table in tables.values()):
        missing = {name: table["ratio"].null_count() for name, table in tables.items()}
        left_out = ", ".join(f"{count} in {name}" for name, count in missing.items() if count)
        caption = "Each advertiser's profit as a ratio to its baseline profit, all seeds and test days together."
        if left_out:
            caption += f" Left out, since they earn nothing or lose money under the baseline: {left_out}."
        ratios = {name: table["ratio"].to_numpy() for name, table in tables.items()}
        figure = plots.advertisers_figure(ratios, in_currency=False)
        return Picture("advertisers", figure, caption, charts.profits_chart(tables, in_currency=False))
    changes = {name: (table["learned"] - table["reference"]).to_numpy() for name, table in tables.items()}
    caption = (
        "Each advertiser's change of profit against the baseline in currency, means over seeds, all test days together. Ratios "
        "are not defined: no advertiser earns money under the baseline."
    )
    figure = plots.advertisers_figure(changes, in_currency=True)
    return Picture("advertisers", figure, caption, charts.profits_chart(tables, in_currency=True))


def _trade_off(named: dict[str, Run], summaries: Sequence[Summary], seeds: str, base: str) -> Section:
    first = next(iter(named.values()))
    in_currency = any({"revenue", "profit"} & set(own.not_defined) for own in summaries)
    points, by_seed = (
        {},
        {own.name: amounts_of(run, "learned")["seed"].to_list() for own, run in zip(summaries, named.values(), strict=True)},
    )
    for own, run in zip(summaries, named.values(), strict=True):
        baseline = amounts_of(run if base == "the baseline" else first, "baseline").select("revenue", "profit").to_numpy()
        learned = amounts_of(run, "learned").select("revenue", "profit").to_numpy()
        points[own.name] = learned - baseline if in_currency else own.by_seed[:, :2]
    what = f"changes against {base} in currency, since a ratio is not defined" if in_currency else f"ratios to {base}"
    shown = "one seed each" if seeds == "1" else f"means over seeds (n = {seeds}), and each seed"
    caption = f"Total profit against platform revenue on the test days, {what}: {shown}."
    means = np.array([own.mean(axis=0) for own in points.values()])
    if len(np.unique(means[pareto_front(means)], axis=0)) > 1:
        caption += " The line joins the runs on the Pareto front: no other run is better in both."
    chart = charts.trade_off_chart(points, by_seed, in_currency=in_currency)
    return Picture("trade-off", trade_off_figure(points, in_currency=in_currency), caption, chart)


def _punishment(named: dict[str, Run]) -> list[Section]:
    stored = {name: table for name, run in named.items() if (table := run.optional_table("punishment")) is not None}
    tables = {name: table for name, table in stored.items() if _is_finite(table)}
    found: list[Section] = [
        Note(
            f"{name}: the response to a deviation is not defined: the best advertiser earns nothing or loses money, or has no "
            "rival that bids."
        )
        for name in stored
        if name not in tables
    ]
    if not tables:
        return found
    by_seed = {name: table.group_by("seed").agg(pl.col("punished").first())["punished"] for name, table in tables.items()}
    counted = ", ".join(f"{name} on {punished.sum()} of {len(punished)} seeds" for name, punished in by_seed.items())
    caption = (
        "The advertiser with the highest profit deviates for one hour, to the best multiple of its own bids over the day. "
        f"Shown are its rivals' bids and its own gain, means over seeds. Punished: {counted}. A policy that does not observe "
        "the day cannot punish."
    )
    lines = {name: response_lines(table) for name, table in tables.items()}
    return [Picture("punishment", punishment_figure(lines), caption, charts.punishment_chart(lines)), *found]


def _is_finite(table: pl.DataFrame) -> bool:
    return all(bool(table[name].cast(pl.Float64).is_finite().fill_null(value=False).all()) for name in ("rival_bids", "profit"))
