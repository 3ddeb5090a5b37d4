"""How well the generator fits a table: markets are drawn from the fit and set beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auctionsim.analysis.documents.plots.traffic import Curves, fit_figure
from auctionsim.analysis.documents.sections import Note, Picture, Section, Table, Text, write_document
from auctionsim.analysis.reports.fit_statistics import COLUMNS, Likeness, cumulated, hour_shares, likeness, query_shares
from auctionsim.traffic.fit.estimates import Fit
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.table import Traffic

SEEDS = (0, 1, 2)
_MOST_ROWS = 300_000
_MOST_DAYS = 7
_POINTS = 400


def draw(fit: Fit) -> list[Traffic]:
    """A market for each of `SEEDS`, a week at most, and no more candidates in all than memory holds with ease."""
    section = fit.section
    days = tuple(range(min(section.days, _MOST_DAYS)))
    rows = len(days) * section.auctions_per_day * section.candidates / section.weight
    per_day = max(round(section.auctions_per_day * min(1.0, _MOST_ROWS / rows)), 1)
    smaller = section.model_copy(update={"auctions_per_day": per_day, "train_days": days[:-1], "test_days": days[-1:]})
    return [make_traffic(smaller, fit.profile, fit.names(), seed) for seed in SEEDS]


def write_goodness(table: Traffic, drawn: Sequence[Traffic], out: Path, command: str) -> tuple[list[Likeness], Path]:
    """Write the goodness table and figure as a page and as Markdown under `out`; returns the measures and the page."""
    rows = likeness(table, drawn)
    far = max(row.distance for row in rows if row.distance is not None)
    cells = [
        [row.measure, f"{row.table:.6g}", f"{row.drawn:.6g}", "" if row.distance is None else f"{row.distance:.3f}"]
        for row in rows
    ]
    caption = (
        f"The table (blue) and {len(drawn)} markets drawn from the fit, one for each seed (orange): auctions by hour, keywords "
        "by rank, and the distributions of candidates' rates, values and bids."
    )
    sections: list[Section] = [
        Text(f"The distribution that fits worst is {far:.3f} from the table's, on a scale from 0, alike, to 1."),
        Table(["measure", "table", "drawn", "distance"], cells, "Distance: total variation of hours, else Kolmogorov-Smirnov."),
        Picture("fit", fit_figure(_curves(table), [_curves(one) for one in drawn], list(COLUMNS.values())), caption),
        Note(
            "The generator supposes lognormal draws, one number of candidates, and keyword bids that move with the hour's "
            "price. It has no bidders outside the table, and clicks follow predicted rates."
        ),
    ]
    return rows, write_document("auctionsim: fit", [command], sections, out, page_in="", text="table.md")


def _curves(traffic: Traffic) -> Curves:
    return Curves(
        hour_shares(traffic).tolist(),
        query_shares(traffic).tolist(),
        [_thinned(*cumulated(traffic, column)) for column in COLUMNS],
    )


def _thinned(value: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A few hundred points of a distribution, those above 0, as its axis is logarithmic."""
    at = np.searchsorted(share, np.linspace(share[0], 1.0, _POINTS), side="left").clip(max=len(share) - 1)
    at = at[value[at] > 0]
    return value[at], share[at]
