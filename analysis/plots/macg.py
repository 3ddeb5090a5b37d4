"""The front of revenue and profit, as the study `macg` draws it."""

from __future__ import annotations

from collections.abc import Sequence

from auctionsim.analysis.plots.style import GREY, PALETTE, Figure, plain


def front_figure(points: Sequence[tuple[float, float, str]]) -> Figure:
    """Revenue and profit ratios with a label each, joined in the order of revenue."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    ordered = sorted(points)
    axes.plot([x for x, _, _ in ordered], [y for _, y, _ in ordered], color=PALETTE[0], marker="o", markersize=4)
    for x, y, label in ordered:
        axes.annotate(label, (x, y), (5, 5), textcoords="offset points", fontsize=8)
    axes.axvline(1.0, color=GREY, linewidth=1, linestyle="--")
    axes.axhline(1.0, color=GREY, linewidth=1, linestyle="--")
    axes.set_xlabel("Platform revenue (ratio to the reference)")
    axes.set_ylabel("Total profit (ratio to the reference)")
    plain(axes)
    return figure
