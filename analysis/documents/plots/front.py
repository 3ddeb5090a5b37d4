"""Draw total profit against revenue: the front over revenue floors, and the runs of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from auctionsim.analysis.documents.plots.style import GREY, MARKERS, PALETTE, Figure, legend_above, plain
from auctionsim.analysis.pareto import pareto_front
from auctionsim.names.lettering import labels

_LEAST_SPAN = 0.04
"""Least span of an axis of ratios."""


def front_figure(points: Sequence[tuple[float, float, str]]) -> Figure:
    """Return a figure of (revenue ratio, profit ratio, label) points, joined in the order of revenue."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    ordered = sorted(points)
    axes.plot([x for x, _, _ in ordered], [y for _, y, _ in ordered], color=PALETTE[0], marker="o", markersize=4)
    for x, y, label in ordered:
        axes.annotate(label, (x, y), (5, 5), textcoords="offset points", fontsize=8)
    axes.axvline(1.0, color=GREY, linewidth=1, linestyle="--")
    axes.axhline(1.0, color=GREY, linewidth=1, linestyle="--")
    axes.set_xlabel("Platform revenue (ratio to the baseline)")
    axes.set_ylabel("Total profit (ratio to the baseline)")
    plain(axes)
    return figure


def trade_off_figure(points: Mapping[str, NDArray[np.float64]], *, in_currency: bool) -> Figure:
    """Return a figure of each run's seeds and their mean; the means on the Pareto front are joined.

    Args:
        points: Revenue and profit of each run's seeds, `[seeds, 2]`, by the run's name.
        in_currency: True if they are changes against the baseline in currency, False if they are ratios to it.
    """
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes, at = figure.subplots(), 0.0 if in_currency else 1.0
    axes.axvline(at, color=GREY, linewidth=1, linestyle="--")
    axes.axhline(at, color=GREY, linewidth=1, linestyle="--")
    means = np.array([own.mean(axis=0) for own in points.values()])
    front = means[pareto_front(means)]
    front = front[np.argsort(front[:, 0])]
    axes.plot(front[:, 0], front[:, 1], color=GREY, linewidth=1, zorder=1)
    for i, (name, own) in enumerate(zip(labels(list(points)), points.values(), strict=True)):
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
        axes.scatter(own[:, 0], own[:, 1], s=12, color=colour, marker=marker, alpha=0.5, linewidths=0)
        axes.scatter(means[i, 0], means[i, 1], s=40, color=colour, marker=marker, label=name, zorder=2)
    unit = "change, currency" if in_currency else "ratio to the baseline"
    axes.set_xlabel(f"Platform revenue ({unit})")
    axes.set_ylabel(f"Total profit ({unit})")
    axes.margins(0.12)
    if not in_currency:
        _widen(axes)
    axes.ticklabel_format(useOffset=False)
    plain(axes)
    legend_above(figure)
    return figure


def _widen(axes: Axes) -> None:
    """Give both axes a span of `_LEAST_SPAN` or more, so that no rounding of a ratio fills one."""
    for (low, high), set_limits in ((axes.get_xlim(), axes.set_xlim), (axes.get_ylim(), axes.set_ylim)):
        missing = _LEAST_SPAN - (high - low)
        if missing > 0:
            set_limits(low - missing / 2, high + missing / 2)
