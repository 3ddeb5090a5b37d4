"""Figures of a traffic table."""

from __future__ import annotations

from collections.abc import Sequence

from auctionsim.analysis.plots.style import PALETTE, plain
from matplotlib.figure import Figure


def hourly_curve(auctions_by_hour: Sequence[float], title: str = "") -> Figure:
    """Each hour's share of a day's auctions.

    Args:
        auctions_by_hour: Auctions of the hours 0 to 23, at least one in all.
        title: Above the figure.
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
