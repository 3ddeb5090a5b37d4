"""Draw what each hour of the day brings each advertiser, as cells whose colour is the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auctionsim.names.lettering import label, labels
from auctionsim.traffic.table import HOURS

SIGNED_FROM = 0.1
"""Share of a panel's largest change from which on a cell has a sign."""


def hours_figure(changes: Mapping[str, tuple[Sequence[str], NDArray[np.float64]]], unit: str) -> Figure:
    """Return a figure with a panel for each run; a sign in a cell says what its colour does.

    Args:
        changes: Names of advertisers, and the change in each hour `[advertisers, 24]`, by the run's name.
        unit: The label of the change.
    """
    heights = [max(len(names), 1) for names, _ in changes.values()]
    figure = Figure(figsize=(8.0, sum(0.24 * rows + 0.7 for rows in heights) + 0.5), layout="constrained")
    panels = figure.subplots(len(changes), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (run, (names, values)) in zip(panels, changes.items(), strict=True):
        most = float(np.abs(values).max(initial=0.0)) or 1.0
        drawn = axes.imshow(values, cmap="PuOr", vmin=-most, vmax=most, aspect="auto")
        for row, hour in np.argwhere(np.abs(values) > SIGNED_FROM * most).tolist():
            dark = abs(values[row, hour]) > 0.6 * most
            sign = "+" if values[row, hour] > 0 else "\N{MINUS SIGN}"
            axes.text(hour, row, sign, ha="center", va="center", fontsize=7, color="white" if dark else "black")
        axes.set_yticks(range(len(names)), labels(list(names)), fontsize=8)
        axes.set_xticks(range(0, HOURS, 3))
        figure.colorbar(drawn, ax=axes, fraction=0.04)
        if len(changes) > 1:
            axes.set_title(label(run), fontsize=10)
    panels[-1].set_xlabel("Hour of the day")
    figure.suptitle(unit, fontsize=10)
    return figure
