"""Make the interactive figures of runs side by side, from what the pictures of `plots.runs` show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.charts.model import Axis, Chart, Panel, Rule, Series
from auctionsim.analysis.documents.curves import Line
from auctionsim.analysis.documents.plots.responses import LABELS
from auctionsim.analysis.documents.plots.runs import BASELINE, MEASURES, NO_RATIO
from auctionsim.analysis.pareto import pareto_front
from auctionsim.analysis.reports.summary import Summary
from auctionsim.analysis.statistics import Interval

Array = NDArray[np.float64]

_RATIO = "Ratio to the baseline"


def arms_chart(summaries: Sequence[Summary]) -> Chart:
    """Return each run's revenue, total profit and worst advertiser's profit as bars, with the bound G* over its profit."""
    series = []
    for i, own in enumerate(summaries):
        found = [own.ratios.get(name, NO_RATIO) for name in MEASURES]
        series.append(_with_intervals(own.name, range(len(found)), found, colour=i, style="bar"))
    bounded = [i for i, own in enumerate(summaries) if "bound" in own.ratios]
    bounds = [summaries[i].ratios["bound"].mean for i in bounded]
    if bounds:
        at = [list(MEASURES).index("profit")] * len(bounds)
        series.append(Series("bound G*", at, bounds, rows=bounded, notes=[summaries[i].name for i in bounded], style="tick"))
    return Chart(
        (Panel("bars", Axis("", tuple(MEASURES.values())), Axis(_RATIO, zero=True), tuple(series), (Rule("x", 1.0),)),)
    )


def hourly_chart(
    learned: Mapping[str, Array], baselines: Mapping[str, Array], bands: Mapping[str, Sequence[Interval]]
) -> Chart:
    """Return revenue by hour as lines; arguments as of `plots.runs.hourly_figure`."""
    first = next(iter(baselines.values()))
    is_one = all(one.shape == first.shape and np.allclose(one, first) for one in baselines.values())
    series = [_with_intervals(name, range(len(bands[name])), bands[name], colour=i) for i, name in enumerate(learned)]
    for i, (name, revenue) in enumerate({"": first}.items() if is_one else baselines.items()):
        label = BASELINE if is_one else f"{BASELINE} of {name}"
        mean = revenue.mean(axis=0)
        series.append(Series(label, range(len(mean)), mean.tolist(), colour=-1 if is_one else i, dashed=True))
    y = Axis("Platform revenue (currency per hour)", zero=True)
    return Chart((Panel("lines", Axis("Hour of the day"), y, tuple(series)),))


def learning_chart(curves: Mapping[str, tuple[Array, Array]]) -> Chart:
    """Return the learning curves in two panels; arguments as of `plots.runs.learning_figure`."""
    panels = []
    for k, title in enumerate(("Platform revenue", "Total profit")):
        series = [
            Series(
                name,
                range(1, pair[k].shape[1] + 1),
                pair[k].mean(axis=0).tolist(),
                pair[k].min(axis=0).tolist(),
                pair[k].max(axis=0).tolist(),
                colour=i,
            )
            for i, (name, pair) in enumerate(curves.items())
        ]
        panels.append(Panel("lines", Axis("Iteration"), Axis(_RATIO, zero=True), tuple(series), (Rule("y", 1.0),), title))
    return Chart(tuple(panels))


def profits_chart(tables: Mapping[str, pl.DataFrame], *, in_currency: bool) -> Chart:
    """Return the advertisers' profits in ascending order, each with its name.

    Args:
        tables: The rows of `reports.metrics.mean_advertiser_ratios` by the run's name.
        in_currency: True for changes in currency, False for ratios to the baseline profit.
    """
    series = []
    value = pl.col("learned") - pl.col("reference") if in_currency else pl.col("ratio")
    for i, (name, table) in enumerate(tables.items()):
        own = table.select("advertiser", value=value).drop_nulls().sort("value", maintain_order=True)
        x = np.linspace(0, 1, own.height).tolist()
        series.append(Series(name, x, own["value"].to_list(), notes=own["advertiser"].to_list(), colour=i))
    y = Axis("Change of profit (currency)" if in_currency else "Profit (ratio to the baseline)")
    rule = Rule("y", 0.0 if in_currency else 1.0)
    return Chart((Panel("lines", Axis("Share of advertisers, worst first"), y, tuple(series), (rule,)),))


def trade_off_chart(points: Mapping[str, Array], seeds: Mapping[str, Sequence[int]], *, in_currency: bool) -> Chart:
    """Return total profit against revenue: each run's mean, and each of its seeds.

    Args:
        points: Revenue and profit of each run's seeds, `[seeds, 2]`, by the run's name.
        seeds: The seeds, likewise.
        in_currency: True if they are changes against the baseline in currency, False if they are ratios to it.
    """
    unit, at = ("change, currency", 0.0) if in_currency else ("ratio to the baseline", 1.0)
    series = []
    for i, (name, own) in enumerate(points.items()):
        notes = [f"seed {seed}" for seed in seeds[name]]
        series.append(Series(name, own[:, 0].tolist(), own[:, 1].tolist(), notes=notes, style="small", colour=i))
        series.append(Series(name, [own[:, 0].mean()], [own[:, 1].mean()], notes=["mean over seeds"], style="dot", colour=i))
    means = np.array([own.mean(axis=0) for own in points.values()])
    front = means[pareto_front(means)]
    front = front[np.argsort(front[:, 0])]
    if len(front) > 1:
        series.append(Series("Pareto front", front[:, 0].tolist(), front[:, 1].tolist(), dashed=True))
    x, y = Axis(f"Platform revenue ({unit})"), Axis(f"Total profit ({unit})")
    return Chart((Panel("dots", x, y, tuple(series), (Rule("x", at), Rule("y", at))),))


def punishment_chart(lines: Mapping[str, tuple[Line, Line]]) -> Chart:
    """Return the response to a deviation in two panels; arguments as of `plots.responses.punishment_figure`."""
    panels = []
    for k, label in enumerate(LABELS):
        series = tuple(_line(name, pair[k], colour=i) for i, (name, pair) in enumerate(lines.items()))
        x, title = Axis("Hours since the deviation"), " ".join(label.split())
        panels.append(Panel("lines", x, Axis("Change"), series, (Rule("y", 0.0),), title))
    return Chart(tuple(panels))


def hours_chart(changes: Mapping[str, tuple[Sequence[str], Array]], unit: str) -> Chart:
    """Return what each hour brings each advertiser, one panel a run.

    Args:
        changes: Names of advertisers, and their values `[advertisers, 24]`, by the run's name.
        unit: The label of the values.
    """
    panels = []
    for run, (names, values) in changes.items():
        rows, hours = (index.ravel().tolist() for index in np.indices(values.shape))
        cells = Series("", hours, values.ravel().tolist(), rows=rows, style="cell")
        title = run if len(changes) > 1 else ""
        panels.append(Panel("cells", Axis("Hour of the day"), Axis("", tuple(names)), (cells,), title=title, unit=unit))
    return Chart(tuple(panels))


def _line(name: str, line: Line, *, colour: int) -> Series:
    x, mean, low, high = (part.tolist() for part in (line.x, line.mean, line.low, line.high))
    return Series(name, x, mean, low, high, colour=colour)


def _with_intervals(name: str, x: Sequence[int], found: Sequence[Interval], *, colour: int, style: str = "line") -> Series:
    mean, low, high = ([getattr(one, part) for one in found] for part in ("mean", "low", "high"))
    return Series(name, x, mean, low, high, style="bar" if style == "bar" else "line", colour=colour)
