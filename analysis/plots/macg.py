"""Figures of the study `macg`: lines over generations, and the front of revenue and profit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from auctionsim.analysis.plots.style import GREY, PALETTE, Figure, plain
from numpy.typing import NDArray


def lines_figure(lines: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], x_label: str, y_label: str) -> Figure:
    """One line each, x and y of the same length; 1 is marked, where the reference stands."""
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    axes = figure.subplots()
    for i, (name, (x, y)) in enumerate(lines.items()):
        axes.plot(x, y, color=PALETTE[i % len(PALETTE)], label=name)
    axes.axhline(1.0, color=GREY, linewidth=1, linestyle="--")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.set_ylim(bottom=0)
    plain(axes)
    if lines:
        figure.legend(frameon=False, fontsize=8, ncols=len(lines), loc="outside upper center")
    return figure


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
