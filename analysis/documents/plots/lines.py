"""Draw lines with bands over a common axis, as most studies do."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from auctionsim.analysis.documents.curves import Line
from auctionsim.analysis.documents.plots.style import GREY, PALETTE, plain


def lines_figure(
    lines: Mapping[str, Line], x_label: str, y_label: str, *, levels: Mapping[str, float] | None = None, dots: bool = False
) -> Figure:
    """Return a figure with one line and its band per name.

    Args:
        lines: The lines, by the name in the legend.
        x_label: The title of the x axis, with its unit.
        y_label: The title of the y axis, with its unit.
        levels: Horizontal lines to compare with, by their label.
        dots: True to mark each point of a line.
    """
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    axes = figure.subplots()
    for i, (name, line) in enumerate(lines.items()):
        colour = PALETTE[i % len(PALETTE)]
        axes.plot(line.x, line.mean, color=colour, label=name, marker="o" if dots else None, markersize=4)
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.2, lw=0)
    for style, (name, level) in zip(("--", ":", "-.") * 3, (levels or {}).items(), strict=False):
        axes.axhline(level, color=GREY, linewidth=1, linestyle=style, label=name)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    plain(axes)
    if all((line.x == line.x.round()).all() for line in lines.values()):
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8, ncols=len(labels), loc="outside upper center")
    return figure
