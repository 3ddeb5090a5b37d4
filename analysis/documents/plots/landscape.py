"""Draw an advertiser's landscape: clicks, cost and profit over bids and over budgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from auctionsim.analysis.documents.plots.style import PALETTE, legend_above, plain

BANDS = {"clicks": "Clicks", "spend": "Cost (currency)", "profit": "Profit (currency)"}
"""Label of each row of panels."""
UNITS_OF_X = {"bid": "Mean bid (currency per click)", "budget": "Budget (currency per day)"}
"""Label of the horizontal axis, by the kind of curve."""
_STYLES = {"fixed": ("-", "o"), "adapting": ("--", "s")}


def landscape_figure(curves: Mapping[Any, pl.DataFrame]) -> Figure:
    """Return a figure with a column of panels for bids and one for budgets; a line and its band for each kind of rivals.

    Args:
        curves: Rows of `whatif.curves.Curve.table`, by the curve and the rivals.
    """
    kinds = list(dict.fromkeys(kind for kind, _ in curves))
    figure = Figure(figsize=(8.0, 7.0), layout="constrained")
    panels = figure.subplots(len(BANDS), len(kinds), squeeze=False)
    for (kind, rivals), rows in curves.items():
        line, marker = _STYLES[rivals]
        colour = PALETTE[list(_STYLES).index(rivals)]
        for row, name in enumerate(BANDS):
            axes = panels[row][kinds.index(kind)]
            x, y = rows["x"].to_numpy(), rows[name].to_numpy()
            axes.plot(x, y, line, marker=marker, markersize=3, color=colour, label=f"rivals {rivals}")
            if rows[f"{name}_low"].is_not_null().any():
                low, high = rows[f"{name}_low"].to_numpy(), rows[f"{name}_high"].to_numpy()
                axes.fill_between(x, low, high, color=colour, alpha=0.2, lw=0)
            axes.set_ylabel(BANDS[name])
            if kind == "bid" and (x > 0).all():
                axes.set_xscale("log")
            plain(axes)
            if row == len(BANDS) - 1:
                axes.set_xlabel(UNITS_OF_X[kind])
    legend_above(figure)
    return figure
