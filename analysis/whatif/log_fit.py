"""Say how well an unchanged replay reproduces the log: what ingest found, auction by auction, and totals that were observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from auctionsim import arguments
from auctionsim.analysis.whatif.replays import Replays
from auctionsim.arguments.frames import frame_of, is_frame
from auctionsim.auction.outcome import OUTCOMES
from auctionsim.errors import InputError, shown, suggestion
from auctionsim.names.display import short_repr
from auctionsim.ratios import safe_ratio
from auctionsim.traffic.raw_table import read_table
from auctionsim.traffic.text_lines import row_source

_NUMBERS = (*OUTCOMES, "spend")
_MOST = 1e15
"""Largest total that is read: sums of them stay finite, and in whole numbers exact."""
_COLUMNS = ("advertiser", "day", *_NUMBERS)


@dataclass(frozen=True)
class ObservedTotal:
    """One column of observed totals beside the replay's."""

    name: str
    observed: float
    replayed: float
    error: float
    """Mean absolute difference between the advertisers' totals, over the mean of the observed ones; NaN where that is 0."""
    gaps: tuple[str, ...] = ()
    """Sentences on parts of the replay without a row, and on rows of what was not replayed."""

    __repr__ = short_repr

    @property
    def ratio(self) -> float:
        """Return the replay's total over the observed one; NaN where that is 0."""
        return safe_ratio(self.replayed, self.observed)


@dataclass(frozen=True)
class LogFit:
    """How well the unchanged replay reproduces the log."""

    auctions: str
    """Line that ingest found when it cleared the log's auctions again; empty if nothing is known."""
    reason: str
    """Why nothing is known of it."""
    totals: tuple[ObservedTotal, ...] = field(default=())
    """The observed totals; none where none were given."""

    __repr__ = short_repr

    @property
    def lines(self) -> list[str]:
        """Return it as lines of text."""
        found = [self.auctions] if self.auctions else []
        for one in self.totals:
            if one.replayed != one.replayed:
                found.append(f"{one.name}: replay not defined, observed {one.observed:.6g}")
                continue
            if one.ratio != one.ratio:
                found.append(f"{one.name}: replay {one.replayed:.6g}; ratio not defined: none was observed")
                continue
            found.append(
                f"{one.name}: replay {one.replayed:.6g}, observed {one.observed:.6g} (ratio {one.ratio:.3f}; "
                f"{one.error:.1%} off by advertiser on average)"
            )
        found += [f"observed totals: {one}" for one in dict.fromkeys(gap for one in self.totals for gap in one.gaps)]
        return found or [f"replay of the log: not defined: {self.reason}"]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: null where a figure is not defined, and the reason where nothing is known."""
        totals = {
            one.name: {
                "observed": one.observed, "replayed": one.replayed, "ratio": _defined(one.ratio), "error": _defined(one.error),
                "gaps": list(one.gaps),
            }
            for one in self.totals
        }  # fmt: skip
        is_known = bool(self.auctions or self.totals)
        return {"auctions": self.auctions or None, "totals": totals, "reason": None if is_known else self.reason}


def observed_totals(
    given: Any, replays: Replays, days: Sequence[int], advertisers: Sequence[str], name: str = "observed"
) -> tuple[ObservedTotal, ...]:
    """Compare totals that were observed with the unchanged replay's.

    Args:
        given: A CSV or Parquet file, or a table in memory, with the column `advertiser`, one or more of `impressions`,
            `clicks`, `conversions`, `gmv`, `cost` (or `spend`), and `day` if it has rows by day. Advertisers and days that are
            not replayed are left out; who is replayed and has no row counts as 0.
        replays: The unchanged replay.
        days: The days that were replayed.
        advertisers: Names of the advertisers.
        name: Name of the argument, for messages.

    Raises:
        InputError: A column is missing or unknown, a value is no number >= 0, or no row is about the replayed advertisers.
    """
    source: Any = name
    if is_frame(given):
        table = frame_of(name, given)
    else:
        source = arguments.path(name, given)
        table, _ = read_table(Path(source), "a table of observed totals (CSV or Parquet)")
    _check_columns(table, source)
    given_rows = _numbers(table, source)
    rows = given_rows.filter(pl.col("advertiser").is_in(list(advertisers)))
    if "day" in rows.columns:
        rows = rows.filter(pl.col("day").is_in(list(days)))
    if rows.height == 0:
        raise InputError(f"{source}: column advertiser: expected rows of the replayed advertisers and days, got none")
    sums = rows.group_by("advertiser").agg(pl.exclude("advertiser").sum())
    gaps = _gaps(rows, given_rows.height - rows.height, days, advertisers)
    found, total = [], replays.total
    for column in (one for one in _NUMBERS if one in rows.columns):
        known = dict(zip(sums["advertiser"].to_list(), sums[column].to_list(), strict=True))
        own = np.array([known.get(one, 0.0) for one in advertisers])
        replayed = total[:, OUTCOMES.index("cost" if column == "spend" else column)]
        error = safe_ratio(float(np.abs(replayed - own).sum()), float(own.sum()))
        found.append(ObservedTotal(column, float(own.sum()), float(replayed.sum()), error, gaps))
    return tuple(found)


def _gaps(rows: pl.DataFrame, left_out: int, days: Sequence[int], advertisers: Sequence[str]) -> tuple[str, ...]:
    """Say what was replayed and has no row, and count the rows of what was not replayed."""
    found = []
    missing = len(advertisers) - rows["advertiser"].n_unique()
    if missing:
        found.append(f"{missing} of {len(advertisers)} advertisers have no row and count as 0")
    if "day" in rows.columns and rows["day"].n_unique() < len(days):
        found.append(f"{len(days) - rows['day'].n_unique()} of {len(days)} days have no row and count as 0")
    if left_out:
        found.append(f"{left_out} rows of advertisers or days that are not replayed are left out")
    return tuple(found)


def _check_columns(table: pl.DataFrame, source: Any) -> None:
    for column in table.columns:
        if column not in _COLUMNS:
            raise InputError(
                f"{source}: column {shown(column)}: unknown; choose from {', '.join(_COLUMNS)}{suggestion(column, _COLUMNS)}"
            )
    if "advertiser" not in table.columns:
        raise InputError(f"{source}: column advertiser: expected, got none")
    if not set(table.columns) & set(_NUMBERS):
        raise InputError(f"{source}: expected one or more of the columns {', '.join(_NUMBERS)}, got none")


def _numbers(table: pl.DataFrame, source: Any) -> pl.DataFrame:
    """Return the table with numbers as numbers, after checking each."""
    typed = table.with_columns(
        pl.col("advertiser").cast(pl.String),
        *(
            (pl.col(name).str.strip_chars() if table.schema[name] == pl.String else pl.col(name)).cast(
                pl.Int64 if name == "day" else pl.Float64, strict=False
            )
            for name in table.columns
            if name != "advertiser"
        ),
    )
    for name in typed.columns:
        wrong = typed[name].is_null() if name == "advertiser" else ~typed[name].is_between(0, _MOST).fill_null(False)
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            expected = "text" if name == "advertiser" else f"a number >= 0 and <= {_MOST:g}"
            raise InputError(f"{row_source(source, row)}, column {name}: expected {expected}, got {shown(table[name][row])}")
    return typed


def _defined(value: float) -> float | None:
    return value if value == value else None
