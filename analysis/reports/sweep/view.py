"""Hold a sweep's results as its report reads them, and word single figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from auctionsim.analysis.reports.sweep.ranking import ROUNDING
from auctionsim.names.display import key_words

NOT_DEFINED = "not defined"
SHOWN = 20
"""The number of trials that a table shows."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class SweepView:
    """The results of a sweep, and how to read them."""

    results: pl.DataFrame
    """One row per trial and rung, as in results.parquet (docs/sweeps.md)."""
    keys: Mapping[str, bool]
    """The swept keys in order, with True for a key whose axis is logarithmic."""
    metric: str
    """The figure that trials were ranked by."""
    meaning: str
    """The meaning of the figure, and its unit."""
    is_max: bool
    """True if a larger figure is better."""
    seeds: int
    """The number of seeds each trial was trained on."""
    design: str
    """A sentence on how the trials were chosen."""
    has_floors: bool
    """True if the scenario asks for a floor of `[platform]`."""
    unranked_by: Sequence[str] = ()
    """The swept keys that change the traffic; trials are not ranked if there are any."""
    baselines_by: Sequence[str] = ()
    """The swept keys that change auction rules, budgets or the baseline policy: each trial has a baseline of its own."""

    nobody_learns: bool = False
    """True if every advertiser follows a rule in every trial."""

    @property
    def names(self) -> set[str]:
        """Return the texts from outside that the report shows: swept keys, their values, and commands."""
        columns = [*self.keys, "command"]
        texts = [value for column in columns for value in self.results[column].to_list() if isinstance(value, str)]
        return {*self.keys, *texts}

    @property
    def finished(self) -> Sequence[Row]:
        """Return the rows of the last rung, the best first; in the order of trials if they are not ranked."""
        return self.results.filter(rung=self.results["rung"].max()).sort("rank", "trial", nulls_last=True).to_dicts()

    @property
    def stopped(self) -> Sequence[Row]:
        """Return the last row of each trial that was stopped early: those that went further first, then by rank."""
        return (
            self.results.filter(~pl.col("is_kept"))
            .sort(["rung", "rank", "trial"], descending=[True, False, False], nulls_last=True)
            .to_dicts()
        )

    @property
    def best(self) -> Sequence[Row]:
        """Return the rows of the best trials, several if they tie; none if trials are not ranked or have no figure."""
        return [row for row in self.finished if row["rank"] == 1 and row[self.metric] is not None]


def number_text(value: float | None) -> str:
    """Word a figure: six digits, or two decimals from 1,000 on."""
    if value is None:
        return NOT_DEFINED
    return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.6g}"


def iterations_text(iterations: int) -> str:
    """Word a number of iterations."""
    return f"{iterations} iteration{'s' if iterations != 1 else ''}"


def value_text(value: object) -> str:
    """Word a swept value."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def title_of(name: str) -> str:
    """Word the name of a figure as a column title."""
    words = key_words(name)
    return words[:1].upper() + words[1:]


def floors_text(row: Row) -> str:
    """Say whether a trial kept the platform's floors on every training day, or by how much it missed them on average."""
    missed = row["shortfall"]
    if missed is None:
        return NOT_DEFINED
    return "kept" if missed <= ROUNDING else f"missed by {100 * missed:.2g} %"


def left_out(rows: int) -> str:
    """Say how many rows a table leaves out, in a sentence with a blank before it."""
    return f" {rows - SHOWN} more are in results.parquet." if rows > SHOWN else ""
