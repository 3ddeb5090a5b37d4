"""Draw the response to a deviation, over the hours since."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from auctionsim.analysis.documents.curves import Line
from auctionsim.analysis.documents.plots.style import GREY, LINES, PALETTE, legend_above, plain
from auctionsim.names.lettering import labels

LABELS = ("Rivals' mean bid (relative change)", "Deviator's cumulative profit\n(change, share of its day's profit)")


def punishment_figure(lines: Mapping[str, tuple[Line, Line]]) -> Figure:
    """Return a figure of two panels: the rivals' bids, and the deviator's cumulative profit.

    Args:
        lines: The two panels' lines for each run, by the run's name.
    """
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    for k, axes in enumerate(figure.subplots(1, 2)):
        axes.axvline(0, color=GREY, linewidth=1, linestyle=":")
        axes.axhline(0, color=GREY, linewidth=1, linestyle="--")
        for i, (name, pair) in enumerate(zip(labels(list(lines)), lines.values(), strict=True)):
            line, colour = pair[k], PALETTE[i % len(PALETTE)]
            axes.plot(line.x, line.mean, color=colour, label=name, linestyle=LINES[i % len(LINES)])
            axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.2, lw=0)
        axes.set_xlabel("Hours since the deviation")
        axes.set_ylabel(LABELS[k])
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        plain(axes)
    legend_above(figure)
    return figure
