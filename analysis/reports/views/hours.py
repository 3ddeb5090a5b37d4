"""Show what each hour of the day brought each advertiser."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.documents.charts.runs import hours_chart
from auctionsim.analysis.documents.plots.hours import SIGNED_FROM, hours_figure
from auctionsim.analysis.documents.sections import Note, Picture, Section
from auctionsim.analysis.reports.metrics import unknown_amounts
from auctionsim.runs import Run
from auctionsim.traffic.table import HOURS

MOST_ADVERTISERS = 24
"""Rows of the figure; of more advertisers those whose day changes most are shown."""
_UNIT = "Change of profit (currency per hour)"


def hours_sections(named: Mapping[str, Run]) -> list[Section]:
    """Return a figure of the change of profit by hour and advertiser, one panel for each run that knows profits."""
    unknown = {name: why["profit"] for name, run in named.items() if (why := unknown_amounts(run))}
    notes: list[Section] = [Note(f"{name}: profits by hour are {why}.") for name, why in unknown.items()]
    changes = {name: hourly_changes(run) for name, run in named.items() if name not in unknown}
    if not changes:
        return notes
    caption = (
        "Change of each advertiser's profit against the baseline in each hour, currency: means over seeds and test days; "
        "losers of the day first. In the picture + marks a gain and \N{MINUS SIGN} a loss of more than "
        f"{SIGNED_FROM:.0%} of the largest change shown; a cell without a sign changes by less."
    )
    if len(changes) > 1:
        caption += " Each run has its own scale of colours, and its own largest change."
    if any(len(names) == MOST_ADVERTISERS for names, _ in changes.values()):
        caption += f" Of many advertisers the {MOST_ADVERTISERS} whose day changes most are shown."
    return [Picture("hours", hours_figure(changes, _UNIT), caption, hours_chart(changes, _UNIT)), *notes]


def hourly_changes(run: Run, most: int = MOST_ADVERTISERS) -> tuple[list[str], NDArray[np.float64]]:
    """Return advertisers and the change of their profit in each hour, mean over seeds and test days, in currency.

    Args:
        run: The run, with its evaluation.
        most: Number of advertisers, those with the largest change of the day, losers first.

    Returns:
        The names, and the changes `[advertisers, 24]`.
    """
    outcomes = run.table("outcomes")
    days = outcomes.select("seed", "day").n_unique()
    sign = pl.when(arm="learned").then(1.0).when(arm="reference").then(-1.0).otherwise(0.0)
    found = outcomes.group_by("advertiser", "hour").agg(change=((pl.col("gmv") - pl.col("cost")) * sign).sum() / days)
    total = found.group_by("advertiser").agg(day=pl.col("change").sum(), moved=pl.col("change").abs().sum())
    names = total.sort("moved", "advertiser", descending=[True, False]).head(most).sort("day", "advertiser")["advertiser"]
    values = np.zeros((len(names), HOURS))
    index = {name: i for i, name in enumerate(names)}
    for name, hour, change in found.filter(pl.col("advertiser").is_in(names.to_list())).iter_rows():
        values[index[name], hour] = change
    return names.to_list(), values
