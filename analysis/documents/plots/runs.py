"""Draw runs side by side: ratios to the baseline, revenue by hour, learning curves, advertisers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auctionsim.analysis.documents.plots.style import GREY, HATCHES, LINES, MARKERS, PALETTE, legend_above, no_figure, plain
from auctionsim.analysis.reports.summary import Summary
from auctionsim.analysis.statistics import Interval
from auctionsim.names.lettering import labels
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

BASELINE = "baseline"
"""The name of the baseline policy's line."""
MEASURES = {"revenue": "Platform revenue", "profit": "Total profit", "worst_advertiser": "Worst advertiser's profit"}
"""The titles of the ratios that bars show."""
_MOST_UPRIGHT = 7
"""Runs whose ratios stand side by side beneath their bars; those of more are turned."""
NO_RATIO = Interval(np.nan, np.nan, np.nan)
"""Value in place of a ratio that is not defined."""


def arms_figure(summaries: Sequence[Summary]) -> Figure:
    """Return a bar chart of each run's revenue, total profit and worst advertiser's profit, as ratios to the baseline.

    A ratio that is not defined has the words in place of its bar. The others stand beneath their bars, where no interval and no
    line crosses them.
    """
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(summaries)
    names, is_crowded = labels([summary.name for summary in summaries]), len(summaries) > _MOST_UPRIGHT
    for i, summary in enumerate(summaries):
        shift = (i - (len(summaries) - 1) / 2) * width
        shown = [summary.ratios.get(name, NO_RATIO) for name in MEASURES]
        x, mean = np.arange(len(shown)) + shift, np.array([ratio.mean for ratio in shown])
        error = np.array([[r.mean - r.low for r in shown], [r.high - r.mean for r in shown]])
        colour = PALETTE[i % len(PALETTE)]
        looks: dict[str, Any] = {"color": colour, "hatch": HATCHES[i % len(HATCHES)], "edgecolor": "white", "linewidth": 0}
        axes.bar(x, mean, 0.92 * width, yerr=np.maximum(error, 0), capsize=3, label=names[i], **looks)
        for position, value in zip(x, mean, strict=True):
            if np.isnan(value):
                axes.text(position, 0.03, "not defined", ha="center", va="bottom", fontsize=8, color=colour, rotation=90)
                continue
            beneath: dict[str, Any] = {
                "transform": axes.get_xaxis_transform(),
                "rotation": 90 if len(summaries) > _MOST_UPRIGHT else 0,
            }
            axes.text(position, -0.02, f"{value:.2f}", ha="center", va="top", fontsize=8, **beneath)
    axes.axhline(1.0, color=GREY, linewidth=1, linestyle="--", label=BASELINE)
    _draw_bounds(axes, summaries, width)
    axes.set_xticks(range(len(MEASURES)), list(MEASURES.values()))
    axes.tick_params(axis="x", length=0, pad=30 if is_crowded else 17)
    axes.set_xlim(-0.5, len(MEASURES) - 0.5)
    axes.set_ylabel("Ratio to the baseline")
    axes.margins(y=0.12)
    axes.set_ylim(bottom=min(axes.get_ylim()[0], 0.0))
    plain(axes)
    legend_above(figure)
    return figure


def _draw_bounds(axes: Axes, summaries: Sequence[Summary], width: float) -> None:
    """Draw G* over the profit bars: one line where all runs have the same bound, else one over each run's bar."""
    left = 1 - 0.5 * width * len(summaries)
    bounds = {i: summary.ratios["bound"].mean for i, summary in enumerate(summaries) if "bound" in summary.ratios}
    if len(bounds) == len(summaries) and np.allclose(list(bounds.values()), bounds[0]):
        lines = [(bounds[0], left - 0.08, 2 - left + 0.08)]
    else:
        lines = [(bound, left + i * width, left + (i + 1) * width) for i, bound in bounds.items()]
    for k, (bound, start, end) in enumerate(lines):
        name = "G* (bound at the baseline's revenue)" if k == 0 else ""
        axes.hlines(bound, start, end, color=GREY, linewidth=1.2, linestyle=":", label=name)


def hourly_figure(
    learned: Mapping[str, Array], baselines: Mapping[str, Array], bands: Mapping[str, Sequence[Interval]]
) -> Figure:
    """Return a figure of revenue by hour: means over seeds with intervals.

    Args:
        learned: Revenue of the learned policy in currency per hour, `[seeds, 24]`, by the run's name.
        baselines: Revenue of the baseline, likewise; drawn once if all runs have the same.
        bands: The interval of the learned policy's mean in each hour, `[24]`, by the run's name.
    """
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    axes = figure.subplots()
    names = dict(zip(learned, labels(list(learned)), strict=True))
    first = next(iter(baselines.values()))
    is_one = all(one.shape == first.shape and np.allclose(one, first) for one in baselines.values())
    for i, (name, revenue) in enumerate({"": first}.items() if is_one else baselines.items()):
        colour, text = (GREY, BASELINE) if is_one else (PALETTE[i % len(PALETTE)], f"{BASELINE} of {names[name].lstrip()}")
        axes.plot(revenue.mean(axis=0), color=colour, label=text, linestyle="--", linewidth=1)
    for i, name in enumerate(learned):
        intervals = bands[name]
        low, high = [one.low for one in intervals], [one.high for one in intervals]
        colour = PALETTE[i % len(PALETTE)]
        axes.plot([one.mean for one in intervals], color=colour, label=names[name], linestyle=LINES[i % len(LINES)])
        axes.fill_between(range(HOURS), low, high, color=colour, alpha=0.2, lw=0)
    axes.set_xticks(range(0, HOURS, 3))
    axes.set_xlabel("Hour of the day")
    axes.set_ylabel("Platform revenue (currency per hour)")
    axes.set_ylim(bottom=0)
    plain(axes)
    legend_above(figure)
    return figure


def learning_figure(curves: Mapping[str, tuple[Array, Array]]) -> Figure:
    """Return a figure of the learning curves: mean over seeds, band from the lowest to the highest seed.

    Args:
        curves: Revenue and profit ratio on training days, `[seeds, iterations]` each, by the run's name; NaN if not defined.
    """
    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    names = labels(list(curves))
    for k, (axes, title) in enumerate(zip(figure.subplots(1, 2), ("Platform revenue", "Total profit"), strict=True)):
        for i, ratios in enumerate(curves.values()):
            steps, colour = np.arange(1, ratios[k].shape[1] + 1), PALETTE[i % len(PALETTE)]
            axes.plot(steps, ratios[k].mean(axis=0), color=colour, label=names[i], linestyle=LINES[i % len(LINES)])
            axes.fill_between(steps, ratios[k].min(axis=0), ratios[k].max(axis=0), color=colour, alpha=0.2, lw=0)
        blank = [name.lstrip() for name, ratios in zip(names, curves.values(), strict=True) if np.isnan(ratios[k]).any()]
        if blank:
            reason = "the baseline earns nothing or loses\nmoney on a training day"
            whose = "" if len(blank) == len(curves) else f" for {', '.join(blank)}"
            axes.set_xticks([])
            no_figure(axes, f"not defined{whose}:\n{reason}")
        axes.axhline(1.0, color=GREY, linewidth=1, linestyle="--")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("Iteration")
        axes.set_ylabel("Ratio to the baseline")
        axes.set_ylim(bottom=0)
        plain(axes)
    legend_above(figure)
    return figure


def advertisers_figure(values: Mapping[str, Array], *, in_currency: bool) -> Figure:
    """Return a figure of the advertisers' profits in ascending order, one line per run.

    Args:
        values: One value per advertiser, `[advertisers]`, by the run's name; those that are not finite are left out.
        in_currency: True if a value is the change of profit in currency, False if it is profit divided by baseline profit.
    """
    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    axes = figure.subplots()
    for i, (name, own) in enumerate(zip(labels(list(values)), values.values(), strict=True)):
        finite = np.sort(own[np.isfinite(own)])
        colour = PALETTE[i % len(PALETTE)]
        looks: dict[str, Any] = {"marker": MARKERS[i % len(MARKERS)], "markersize": 3, "linestyle": LINES[i % len(LINES)]}
        axes.plot(np.linspace(0, 1, len(finite)), finite, color=colour, label=name, **looks)
    axes.axhline(0.0 if in_currency else 1.0, color=GREY, linewidth=1, linestyle="--")
    axes.set_xlabel("Share of advertisers, worst first")
    axes.set_ylabel("Change of profit (currency)" if in_currency else "Profit (ratio to the baseline)")
    plain(axes)
    legend_above(figure)
    return figure
