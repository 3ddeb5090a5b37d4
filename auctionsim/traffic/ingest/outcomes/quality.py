"""Figures on the quality of a log, for the data-quality page: columns, auctions, volumes and the calibration of click rates.

The figures hold no value of a text column: counts, ranges and quantiles only, and names of files with rows.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np

from auctionsim.traffic.ingest.database import Database, named
from auctionsim.traffic.ingest.formats.base import Format
from auctionsim.traffic.ingest.outcomes.observed import Has
from auctionsim.traffic.ingest.outcomes.position_effects import PositionEffects
from auctionsim.traffic.table import HOURS

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles between the lowest and the highest value. They are approximate, as exact ones would need a sort of all rows."""
GROUPS = 10
"""Groups of shown rows, from the lowest predicted click rates to the highest."""
_STEP = "quality"


@dataclass(frozen=True)
class ColumnQuality:
    """One column of the log that was read."""

    name: str
    """Name of the column."""
    missing: int
    """Number of rows without a value."""
    rows: int
    """Number of rows that could be split into columns."""
    values: int | None
    """Number of different values of a text column, about; None for numbers and times."""
    zeros: int | None
    """Number of zeros in a column of numbers, else None."""
    quantiles: tuple[str, ...]
    """Lowest value, quantiles, highest value of numbers among valid rows; lowest and highest of times; none for text."""


@dataclass(frozen=True)
class Quality:
    """Figures on the quality of a log."""

    columns: tuple[ColumnQuality, ...]
    """The columns that were read, in the format's order."""
    candidates: tuple[tuple[int, int], ...]
    """Number of candidates of an auction, and how many auctions have so many, ascending."""
    volume: tuple[tuple[str, tuple[int, ...]], ...]
    """Name of each day, and its auctions by hour, `[24]`."""
    calibration: tuple[tuple[float, float, float], ...]
    """Impressions, predicted clicks and clicks in tenths of the impressions, from the lowest predicted click rates on; none if
    the log has no clicks."""


def column_quality(database: Database, form: Format) -> tuple[ColumnQuality, ...]:
    """Measure the columns of the table `raw` and the view `good`.

    Args:
        database: The database that holds both.
        form: The log's format.
    """
    kinds = {name: kind for name, kind, *_ in database.rows("DESCRIBE good")}
    (rows,) = database.row("SELECT count(*) FROM raw")
    found = []
    for field in form.fields:
        column = named([field.key])
        (missing,) = database.row(f"SELECT count(*) - count(nullif(trim({column}), '')) FROM raw")
        if missing == rows:
            found.append(ColumnQuality(field.name, missing, rows, None, None, ()))
            continue
        kind = kinds[field.key]
        if kind == "VARCHAR":
            (values,) = database.row(f"SELECT approx_count_distinct({column}) FROM good")
            found.append(ColumnQuality(field.name, missing, rows, int(values), None, ()))
        elif kind == "DOUBLE":
            zeros, lowest, middle, highest = database.row(
                f"SELECT count(*) FILTER ({column} = 0), min({column}), approx_quantile({column}, {list(QUANTILES)}), "
                f"max({column}) FROM good"
            )
            numbers = () if lowest is None else tuple(f"{value:.6g}" for value in (lowest, *middle, highest))
            found.append(ColumnQuality(field.name, missing, rows, None, int(zeros), numbers))
        else:
            times = database.row(f"SELECT min({column}), max({column}) FROM good")
            found.append(ColumnQuality(field.name, missing, rows, None, None, tuple(str(time) for time in times)))
    return tuple(found)


def log_quality(
    database: Database,
    form: Format,
    columns: tuple[ColumnQuality, ...],
    has: Has,
    effects: PositionEffects,
    first_day: datetime.date | None,
) -> Quality:
    """Measure the auctions of the table `log`, and the calibration of the view `rated`.

    Args:
        database: The database that holds `log`, `rated` and `observed`.
        form: The log's format.
        columns: The figures of `column_quality`.
        has: The outcomes that the log holds.
        effects: Its position effects.
        first_day: Date of the log's day 0, None if it is not known.
    """
    auctions = (
        "(SELECT 1 AS candidates, weight, day, second // 3600 AS hour FROM log)"
        if form.is_single
        else "(SELECT count(*) AS candidates, min(weight) AS weight, min(day) AS day, min(second) // 3600 AS hour FROM log "
        "GROUP BY auction)"
    )
    counted = database.rows(f"SELECT candidates, sum(weight) FROM {auctions} GROUP BY candidates ORDER BY candidates")
    by_hour: dict[int, list[int]] = {}
    for day, hour, weight in database.rows(f"SELECT day, hour, sum(weight) FROM {auctions} GROUP BY day, hour ORDER BY day"):
        by_hour.setdefault(int(day), [0] * HOURS)[int(hour)] = int(weight)
    return Quality(
        columns,
        tuple((int(candidates), int(weight)) for candidates, weight in counted),
        tuple((_day_name(day, first_day), tuple(hours)) for day, hours in by_hour.items()),
        _calibration(database, effects) if has.clicks else (),
    )


def _day_name(day: int, first_day: datetime.date | None) -> str:
    if first_day is None:
        return f"day {day}"
    return (first_day + datetime.timedelta(days=day)).isoformat()


def _calibration(database: Database, effects: PositionEffects) -> tuple[tuple[float, float, float], ...]:
    """Sum impressions, predicted clicks and clicks by tenths of the impressions; the effect of the slot is predicted, too."""
    known = dict(enumerate(effects.slot_effect(), start=1))
    cases = " ".join(f"WHEN observed.slot = {slot} THEN {value!r}" for slot, value in known.items())
    # A row without a slot counts as one in the first slot, and a slot without an estimate as the last with one.
    shown = (
        f"(SELECT pctr, pctr * CASE WHEN observed.slot IS NULL THEN 1 {cases} ELSE {known[len(known)]!r} END AS predicted, "
        "weight, observed.clicked AS clicked FROM rated JOIN observed USING (row) "
        "WHERE is_shown AND observed.clicked IS NOT NULL)"
    )
    # Rates within 0.1 % of each other are grouped first, because a sort of all rows may not fit into memory.
    steps = np.array(
        database.rows(
            f"SELECT sum(weight), sum(weight * predicted), sum(weight * clicked) FROM {shown} "
            "GROUP BY round(ln(pctr) * 1000) ORDER BY min(pctr)"
        ),
        dtype=np.float64,
    )
    if not len(steps):
        return ()
    cumulative = np.cumsum(steps[:, 0])
    group = np.minimum((cumulative - steps[:, 0] / 2) / cumulative[-1] * GROUPS, GROUPS - 1).astype(np.int64)
    sums: list[Any] = [steps[group == g].sum(axis=0).tolist() for g in np.unique(group)]
    return tuple((a, b, c) for a, b, c in sums)
