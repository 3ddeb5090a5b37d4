"""Draw the SS-RTB study: methods beside the paper's figures, convergence, and one parameter varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auctionsim.analysis.documents.plots.style import GREY, PALETTE, plain
from auctionsim.analysis.statistics import Interval, mean_interval

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A curve's x `[points]` and y `[seeds, points]`."""


def bars_figure(panels: Mapping[str, Mapping[str, Interval]], paper: Mapping[str, Mapping[str, float]]) -> Figure:
    """Return a figure with one panel per measure and a bar per method; a diamond marks the paper's figure.

    Args:
        panels: Intervals over seeds, by measure and method.
        paper: The paper's figures, by measure and method; methods it does not report are missing.
    """
    figure = Figure(figsize=(4.0 * len(panels), 3.4), layout="constrained")
    for axes, (measure, bars) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        mean = np.array([bar.mean for bar in bars.values()])
        error = np.array([[bar.mean - bar.low for bar in bars.values()], [bar.high - bar.mean for bar in bars.values()]])
        axes.bar(np.arange(len(bars)), mean, 0.6, yerr=np.maximum(error, 0), capsize=3, color=PALETTE[: len(bars)])
        known = [(i, paper.get(measure, {})[name]) for i, name in enumerate(bars) if name in paper.get(measure, {})]
        axes.plot([i for i, _ in known], [value for _, value in known], "D", color=GREY, markersize=7, label="the paper's")
        axes.axhline(0.0, color=GREY, linewidth=1)
        axes.set_xticks(range(len(bars)), list(bars), fontsize=8)
        axes.set_title(measure, fontsize=10)
        plain(axes)
        if known:
            axes.legend(frameon=False, fontsize=8)
    return figure


def curves_figure(panels: Mapping[str, Mapping[str, Curve]], x_label: str) -> Figure:
    """Return a figure with one panel per measure and a line per method.

    Args:
        panels: Curves by measure and method; drawn as mean over seeds, with a band from the lowest to the highest seed.
        x_label: The title of the x axes, with its unit.
    """
    figure = Figure(figsize=(4.2 * len(panels), 3.2), layout="constrained")
    for axes, (measure, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for (name, (x, y)), colour in zip(curves.items(), PALETTE, strict=False):
            axes.plot(x, y.mean(axis=0), color=colour, label=name)
            axes.fill_between(x, y.min(axis=0), y.max(axis=0), color=colour, alpha=0.2, lw=0)
        axes.set_xlabel(x_label)
        axes.set_title(measure, fontsize=10)
        plain(axes)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8, ncols=len(labels), loc="outside upper center")
    return figure


def sweep_figure(lines: Mapping[str, Mapping[float, Sequence[float]]], x_label: str, y_label: str) -> Figure:
    """Return a figure with a line per measure over the varied parameter.

    Args:
        lines: The seeds' values at each value of the parameter, by measure; drawn as means with intervals over seeds.
        x_label: The title of the x axis: the parameter and its unit.
        y_label: The title of the y axis, with its unit.
    """
    figure = Figure(figsize=(6.0, 3.2), layout="constrained")
    axes = figure.subplots()
    for (name, points), colour in zip(lines.items(), PALETTE, strict=False):
        intervals = [mean_interval(values) for values in points.values()]
        x = list(points)
        axes.plot(x, [i.mean for i in intervals], color=colour, marker="o", markersize=4, label=name)
        axes.fill_between(x, [i.low for i in intervals], [i.high for i in intervals], color=colour, alpha=0.2, lw=0)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    plain(axes)
    axes.legend(frameon=False, fontsize=8)
    return figure
