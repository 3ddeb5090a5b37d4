"""Draw runs side by side: their ratios to the baseline, revenue by hour, learning curves, advertisers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auctionsim.analysis.documents.plots.style import GREY, PALETTE, plain
from auctionsim.analysis.reports.summary import Summary
from auctionsim.analysis.statistics import mean_interval
from auctionsim.traffic.table import HOURS

BASELINE = "baseline"
"""The name of the baseline policy's line."""
_MEASURES = {"revenue": "Platform revenue", "profit": "Total profit", "worst_advertiser": "Worst advertiser's profit"}


def arms_figure(summaries: Sequence[Summary]) -> Figure:
    """Return a bar chart of each run's revenue, total profit and worst advertiser's profit, as ratios to the baseline."""
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(summaries)
    for i, summary in enumerate(summaries):
        shown = [(k, summary.ratios[name]) for k, name in enumerate(_MEASURES) if name in summary.ratios]
        x = np.array([k for k, _ in shown]) + (i - (len(summaries) - 1) / 2) * width
        mean = np.array([ratio.mean for _, ratio in shown])
        error = np.array([[r.mean - r.low for _, r in shown], [r.high - r.mean for _, r in shown]])
        axes.bar(
            x, mean, 0.92 * width, yerr=np.maximum(error, 0), capsize=3, color=PALETTE[i % len(PALETTE)], label=summary.name
        )
        # A single seed has no interval: NaN draws no error bar, and the label stands on the bar itself.
        for position, value, high in zip(x, mean, mean + np.nan_to_num(error[1]), strict=True):
            axes.annotate(f"{value:.2f}", (position, max(high, 0)), (0, 3), textcoords="offset points", ha="center", fontsize=8)
    axes.axhline(1.0, color=GREY, linewidth=1, linestyle="--", label=BASELINE)
    bound = float(np.mean([summary.ratios["bound"].mean for summary in summaries]))
    axes.hlines(bound, 0.52, 1.48, color=GREY, linewidth=1.2, linestyle=":", label="G* (bound at the baseline's revenue)")
    axes.set_xticks(range(len(_MEASURES)), list(_MEASURES.values()))
    axes.set_ylabel("Ratio to the baseline (keyword bids)")
    axes.margins(y=0.12)
    plain(axes)
    axes.legend(frameon=False, fontsize=8, ncols=len(summaries) + 2, loc="upper center", bbox_to_anchor=(0.5, 1.12))
    return figure


def hourly_figure(hourly: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Return a figure of revenue by hour: means over seeds with intervals.

    Args:
        hourly: Revenue in currency per hour, `[seeds, 24]`, by the name of the line.
    """
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    axes = figure.subplots()
    colours = iter(PALETTE)
    for name, revenue in hourly.items():
        is_baseline = name == BASELINE
        colour = GREY if is_baseline else next(colours)
        intervals = [mean_interval(revenue[:, hour]) for hour in range(HOURS)]
        low, high = [i.low for i in intervals], [i.high for i in intervals]
        axes.plot([i.mean for i in intervals], color=colour, label=name, linestyle="--" if is_baseline else "-")
        if not is_baseline:
            axes.fill_between(range(HOURS), low, high, color=colour, alpha=0.2, lw=0)
    axes.set_xticks(range(0, HOURS, 3))
    axes.set_xlabel("Hour of the day")
    axes.set_ylabel("Platform revenue (currency per hour)")
    axes.set_ylim(bottom=0)
    plain(axes)
    axes.legend(frameon=False, fontsize=8)
    return figure


def learning_figure(curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]) -> Figure:
    """Return a figure of the learning curves: mean over seeds, band from the lowest to the highest seed.

    Args:
        curves: Revenue and profit ratio on training days, `[seeds, iterations]` each, by the run's name.
    """
    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    for k, (axes, label) in enumerate(zip(figure.subplots(1, 2), ("Platform revenue", "Total profit"), strict=True)):
        for i, (name, ratios) in enumerate(curves.items()):
            steps = np.arange(1, ratios[k].shape[1] + 1)
            axes.plot(steps, ratios[k].mean(axis=0), color=PALETTE[i % len(PALETTE)], label=name)
            axes.fill_between(
                steps, ratios[k].min(axis=0), ratios[k].max(axis=0), color=PALETTE[i % len(PALETTE)], alpha=0.2, lw=0
            )
        axes.axhline(1.0, color=GREY, linewidth=1, linestyle="--")
        axes.set_title(label, fontsize=10)
        axes.set_xlabel("Iteration")
        axes.set_ylabel("Ratio to the baseline")
        axes.set_ylim(bottom=0)
        plain(axes)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8, ncols=len(labels), loc="outside upper center")
    return figure


def advertisers_figure(ratios: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Return a figure of the advertisers' profit ratios in ascending order, one line per run.

    Args:
        ratios: Each advertiser's profit divided by its baseline profit, `[advertisers]`, by the run's name.
    """
    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    axes = figure.subplots()
    for i, (name, values) in enumerate(ratios.items()):
        finite = np.sort(values[np.isfinite(values)])
        colour = PALETTE[i % len(PALETTE)]
        axes.plot(np.linspace(0, 1, len(finite)), finite, color=colour, label=name, marker="o", markersize=2.5)
    axes.axhline(1.0, color=GREY, linewidth=1, linestyle="--")
    axes.set_xlabel("Share of advertisers, worst first")
    axes.set_ylabel("Profit (ratio to the baseline)")
    plain(axes)
    axes.legend(frameon=False, fontsize=8)
    return figure
