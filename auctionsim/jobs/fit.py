"""Report how well the generator fits a table: markets are drawn from the fit and compared with the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auctionsim.analysis.documents.plots.traffic import Curves, fit_figure
from auctionsim.analysis.documents.sections import Note, Picture, Section, Table, Text, write_document
from auctionsim.analysis.reports.fit_statistics import (
    COLUMNS,
    FitStatistic,
    cumulative_distribution,
    fit_statistics,
    hour_shares,
    query_shares,
)
from auctionsim.traffic.fit.estimates import Fit
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.table import Traffic

SEEDS = (0, 1, 2)
"""The seeds of the markets that are drawn from a fit."""
_MOST_ROWS = 300_000
_MOST_DAYS = 7
_POINTS = 400


def draw(fit: Fit) -> list[Traffic]:
    """Draw a market for each of `SEEDS`: at most a week, and at most 300,000 candidates in expectation."""
    section = fit.section
    days = tuple(range(min(section.days, _MOST_DAYS)))
    rows = len(days) * section.auctions_per_day * section.candidates / section.weight
    per_day = max(round(section.auctions_per_day * min(1.0, _MOST_ROWS / rows)), 1)
    smaller = section.model_copy(update={"auctions_per_day": per_day, "train_days": days[:-1], "test_days": days[-1:]})
    return [make_traffic(smaller, fit.profile, fit.names(), seed) for seed in SEEDS]


def write_goodness_of_fit(table: Traffic, drawn: Sequence[Traffic], out: Path, command: str) -> tuple[list[FitStatistic], Path]:
    """Write the goodness of fit as a page and as Markdown.

    Args:
        table: The traffic table that the generator was fitted to.
        drawn: The markets drawn from the fit.
        out: The folder to write to.
        command: The command line, for the report.

    Returns:
        The statistics, and the path of index.html.
    """
    rows = fit_statistics(table, drawn)
    worst = max(row.distance for row in rows if row.distance is not None)
    cells = [
        [row.measure, f"{row.table:.6g}", f"{row.drawn:.6g}", "" if row.distance is None else f"{row.distance:.3f}"]
        for row in rows
    ]
    caption = (
        f"The table (blue) and {len(drawn)} markets drawn from the fit, one per seed (orange): auctions by hour, queries by "
        "rank, and the distributions of candidates' rates, values and bids."
    )
    sections: list[Section] = [
        Text(f"The distribution that fits worst has a distance of {worst:.3f} from the table's, from 0 (equal) to 1."),
        Table(["measure", "table", "drawn", "distance"], cells, "Distance: total variation of hours, else Kolmogorov-Smirnov."),
        Picture("fit", fit_figure(_curves(table), [_curves(one) for one in drawn], list(COLUMNS.values())), caption),
        Note(
            "The generator assumes lognormal rates, values and bids, one number of candidates per auction, and keyword bids "
            "that move with the hour's price. It has no bidders outside the table, and clicks follow predicted rates."
        ),
    ]
    return rows, write_document("auctionsim: fit", [command], sections, out, page_in="", text="table.md")


def _curves(traffic: Traffic) -> Curves:
    return Curves(
        hour_shares(traffic).tolist(),
        query_shares(traffic).tolist(),
        [_thinned(*cumulative_distribution(traffic, column)) for column in COLUMNS],
    )


def _thinned(value: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return <= 400 points of a distribution with values > 0, as the axis is logarithmic."""
    at = np.searchsorted(share, np.linspace(share[0], 1.0, _POINTS), side="left").clip(max=len(share) - 1)
    at = at[value[at] > 0]
    return value[at], share[at]
