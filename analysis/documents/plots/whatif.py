"""Draw what changes bring: a figure of the market under each change, what each advertiser gains, and landscapes of bids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auctionsim.analysis.documents.plots.style import GREY, PALETTE, plain
from auctionsim.analysis.statistics import Interval
from auctionsim.names.lettering import labels as lettered
from auctionsim.names.text import shortened

Array = NDArray[np.float64]

_MOST_BARS = 40
UNITS = {
    "revenue": "Revenue (currency, all days)",
    "impressions": "Impressions (all days)",
    "clicks": "Clicks (all days)",
    "conversions": "Conversions (all days)",
    "cpc": "Price per click (currency)",
    "welfare": "Welfare: value of all conversions (currency)",
    "profit": "Profit of all advertisers (currency)",
}
"""Label of each figure of the market."""


def changes_figure(names: Sequence[str], intervals: Sequence[Interval], figure_name: str) -> Figure:
    """Return a figure with a point and its interval per change, the first one, unchanged, as a dashed line too.

    Args:
        names: The changes.
        intervals: The figure of the market under each, with its interval.
        figure_name: The figure's name, a key of `whatif.replays.FIGURES`.
    """
    names, intervals = names[:_MOST_BARS], intervals[:_MOST_BARS]
    figure = Figure(figsize=(8.0, 1.2 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots()
    for i, found in enumerate(intervals):
        colour = GREY if i == 0 else PALETTE[0]
        axes.plot([found.mean], [i], "s" if i == 0 else "o", color=colour)
        if found.is_known:
            axes.plot([found.low, found.high], [i, i], "|-", color=colour)
    axes.axvline(intervals[0].mean, color=GREY, linestyle="--", linewidth=1)
    _name_rows(axes, names)
    axes.set_xlabel(UNITS[figure_name])
    return figure


def advertisers_figure(names: Sequence[str], change: Array, low: Array, high: Array, judged: str) -> Figure:
    """Return a figure of what a change brings each advertiser, of many those who lose and gain most.

    Args:
        names: The advertisers, those who lose most first.
        change: Gain of each, `[advertisers]`.
        low: Lower end of its interval, NaN where there is none, `[advertisers]`.
        high: Upper end, likewise.
        judged: The figure that is gained, `profit` or `clicks`.
    """
    count = len(names)
    shown = np.arange(count) if count <= _MOST_BARS else np.r_[0 : _MOST_BARS // 2, count - _MOST_BARS // 2 : count]
    figure = Figure(figsize=(8.0, 1.2 + 0.22 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for row, i in enumerate(shown.tolist()):
        is_loss = change[i] < 0
        axes.plot([change[i]], [row], "v" if is_loss else "o", color=PALETTE[1] if is_loss else PALETTE[0])
        if np.isfinite(low[i]) and np.isfinite(high[i]):
            axes.plot([low[i], high[i]], [row, row], "|-", color=PALETTE[1] if is_loss else PALETTE[0])
    axes.axvline(0, color=GREY, linestyle="--", linewidth=1)
    _name_rows(axes, [names[i] for i in shown.tolist()])
    axes.set_xlabel(f"Change of {judged} ({'currency' if judged == 'profit' else 'clicks'}, all days)")
    return figure


def _name_rows(axes: object, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), lettered([shortened(name, 40) for name in names]), fontsize=8)  # type: ignore[attr-defined]
    axes.invert_yaxis()  # type: ignore[attr-defined]
    plain(axes)  # type: ignore[arg-type]
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)  # type: ignore[attr-defined]
