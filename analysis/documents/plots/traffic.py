"""Draw a traffic table: hours, queries, and distributions, beside markets drawn from its fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from auctionsim.analysis.documents.plots.style import PALETTE, plain


@dataclass(frozen=True, eq=False)
class Curves:
    """The curves of one traffic table."""

    hours: Sequence[float]
    """Share of a day's auctions in each hour, `[24]`."""
    queries: Sequence[float]
    """Share of auctions of each query, the largest first, `[queries]`."""
    distributions: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]
    """Per distribution: ascending values > 0, and the share of candidates up to each."""


def fit_figure(table: Curves, drawn: Sequence[Curves], distributions: Sequence[str]) -> Figure:
    """Return a figure of a table and of markets drawn from its fit: hours, queries, and distributions over candidates.

    Args:
        table: The curves of the table.
        drawn: The curves of each market drawn from the fit.
        distributions: The names of the distributions, for the axes, in their order in `Curves`.
    """
    figure = Figure(figsize=(9.0, 3.0 * (1 + (1 + len(distributions)) // 2)), layout="constrained")
    panels = figure.subplots(1 + (1 + len(distributions)) // 2, 2).ravel()
    named = [(curves, PALETTE[1], "drawn") for curves in drawn] + [(table, PALETTE[0], "table")]
    for curves, colour, name in named:
        label = name if curves in (table, drawn[0]) else None
        panels[0].plot([100 * share for share in curves.hours], color=colour, label=label, linewidth=1.2)
        ranks = [(rank + 1) / len(curves.queries) for rank in range(len(curves.queries))]
        panels[1].plot(ranks, curves.queries, color=colour, label=label, linewidth=1.2)
        for axes, (value, share) in zip(panels[2:], curves.distributions, strict=False):
            axes.plot(value, share, color=colour, linewidth=1.2)
    panels[0].set(xlabel="hour of the day", ylabel="auctions, % of the day", ylim=(0, None))
    panels[1].set(xlabel="queries, largest first, share of all", ylabel="share of auctions", yscale="log")
    panels[0].legend(frameon=False)
    for axes, name in zip(panels[2:], distributions, strict=False):
        _widen(axes)
        axes.set(xlabel=name, ylabel="share of candidates below", xscale="log", ylim=(0, 1))
        axes.xaxis.set_minor_formatter(NullFormatter())
    for axes in panels:
        plain(axes)
    for axes in panels[2 + len(distributions) :]:
        axes.set_visible(False)
    return figure


def _widen(axes: Axes) -> None:
    """Give an axis on which all values are equal a decade on each side, before it is logarithmic; matplotlib would warn."""
    values = np.concatenate([np.asarray(line.get_xdata(), dtype=np.float64) for line in axes.get_lines()] or [np.zeros(0)])
    if len(values) and values.max() <= values.min() * (1 + 1e-9):
        axes.set_xlim(values.min() / 10, values.max() * 10)


def hourly_curve(auctions_by_hour: Sequence[float], title: str = "") -> Figure:
    """Return a bar chart of each hour's share of a day's auctions.

    Args:
        auctions_by_hour: Number of auctions in hours 0 to 23; their sum is > 0.
        title: The title above the figure.
    """
    total = sum(auctions_by_hour)
    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(auctions_by_hour)), [100 * count / total for count in auctions_by_hour], color=PALETTE[0])
    axes.set_xticks(range(0, len(auctions_by_hour), 3))
    axes.set_xlabel("hour of the day")
    axes.set_ylabel("auctions, % of the day")
    axes.set_title(title, fontsize=9)
    plain(axes)
    return figure
