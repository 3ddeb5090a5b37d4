"""Write traffic larger than memory as it arrives, in the format that `store` reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown
from auctionsim.files import expect_new_folder, folder_then_rename
from auctionsim.traffic.array_checks import (
    MAX_DAY,
    Range,
    check_lengths,
    check_names,
    check_once_per_cell,
    check_range,
    range_of,
)
from auctionsim.traffic.stored.index import FORMAT, INDEX, index_checksum
from auctionsim.traffic.stored.store import (
    CELL_TYPES,
    ROW_TYPES,
    Columns,
    StoredTraffic,
    checksum_of,
    column_file,
    ends_of,
    open_traffic,
)
from auctionsim.traffic.table import HOURS

_ROWS_AT_ONCE = 500_000


def store_traffic(
    folder: Path,
    advertisers: tuple[str, ...],
    queries: tuple[str, ...],
    hours: Iterable[tuple[int, int, Columns]],
) -> StoredTraffic:
    """Write traffic as it arrives. The folder appears whole or not at all.

    Args:
        folder: The folder to write, new or empty.
        advertisers: Names of the advertisers, in the order of their indices.
        queries: Names of the queries, in the order of their indices.
        hours: Parts in time order, each a day, an hour, and the columns of `CELL_TYPES` and `ROW_TYPES`, where `size` is the
            number of rows of each cell. An hour may be split into several parts, each as large as memory allows.

    Returns:
        The traffic, opened.

    Raises:
        InputError: The folder holds files, a name is there twice, or a part's columns are wrong or come out of order.
    """
    expect_new_folder(folder)
    check_names("advertisers", advertisers)
    check_names("queries", queries)
    with folder_then_rename(folder) as part:
        index = _write(part, hours, len(advertisers), len(queries))
        index |= {"format": FORMAT, "advertisers": list(advertisers), "queries": list(queries)}
        index["checksum"] = index_checksum(index)
        (part / INDEX).write_text(json.dumps(index), encoding="utf-8")
    # Everything was checked on its way to the disk.
    return open_traffic(folder, verify=False)


def _write(folder: Path, hours: Iterable[tuple[int, int, Columns]], n_advertisers: int, n_queries: int) -> dict[str, Any]:
    """Write the columns and return the counts and checksums of the index."""
    chunks: list[tuple[int, ...]] = []
    checksums: list[int] = []
    ends: list[list[float]] = []
    before = (0, 0)
    n_cells = n_rows = most_rows = auctions = 0
    files = {name: column_file(folder, name).open("wb") for name in (*CELL_TYPES, *ROW_TYPES)}
    try:
        for day, hour, given in hours:
            before = _check_time(day, hour, before)
            columns = _checked(given, n_advertisers, n_queries)
            for cells, rows in _cuts(columns["size"]):
                part = {name: column[cells if name in CELL_TYPES else rows] for name, column in columns.items()}
                for name, column in part.items():
                    # `tofile` raises an error without a number, which does not tell a full disk from anything else.
                    files[name].write(np.ascontiguousarray(column).data)
                checksums.append(checksum_of(part))
                ends.append(ends_of(part))
                chunks.append((day, hour, n_cells, n_rows, cells.stop - cells.start, rows.stop - rows.start))
                n_cells += cells.stop - cells.start
                n_rows += rows.stop - rows.start
            most_rows = max(most_rows, int(np.max(columns["size"], initial=0)))
            auctions += int(np.sum(columns["weight"], dtype=np.int64))
    finally:
        for file in files.values():
            file.close()
    if not chunks:
        raise InputError("hours: expected one cell or more, got none")
    counts = {"cells": n_cells, "rows": n_rows, "most_rows": most_rows, "auctions": auctions}
    return {"pieces": chunks, "checksums": checksums, "ends": ends, **counts}


def _check_time(day: int, hour: int, before: tuple[int, int]) -> tuple[int, int]:
    """Check a part's day and hour, and return them."""
    if not 0 <= day <= MAX_DAY or not 0 <= hour < HOURS or (day, hour) < before:
        raise InputError(
            f"hours: expected a day from 0 to {MAX_DAY} and an hour from 0 to {HOURS - 1} in time order, "
            f"got day {day} hour {hour} after day {before[0]} hour {before[1]}"
        )
    return day, hour


def _checked(given: Columns, n_advertisers: int, n_queries: int) -> dict[str, NDArray[Any]]:
    """Convert the columns of a part to their types in the store, and check them."""
    kinds = CELL_TYPES | ROW_TYPES
    columns = {name: _fitting(name, np.asarray(given[name]), np.dtype(kind)) for name, kind in kinds.items()}
    check_lengths("column ", columns, CELL_TYPES, ROW_TYPES)
    check_range("column size", columns["size"], Range(0, len(columns["advertiser"]), "numbers of rows"))
    n_rows = int(columns["size"].sum(dtype=np.int64))
    if n_rows != len(columns["advertiser"]):
        raise InputError(f"column size: expected numbers that add up to {len(columns['advertiser'])} rows, got {n_rows}")
    for name in kinds:
        if name != "size":
            check_range(f"column {name}", columns[name], range_of(name, n_advertisers, n_queries))
    check_once_per_cell("column advertiser", columns["advertiser"], columns["size"], n_advertisers)
    return columns


def _fitting(name: str, column: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Convert a column to its type in the store. A cast alone would wrap a weight of 2^31 around to -2^31.

    Raises:
        InputError: A whole number is beyond 32 bits or has a fraction, or a pctr is 0 in single precision.
    """
    if column.dtype.kind not in "iuf":
        raise InputError(f"column {name}: expected numbers, got an array of {column.dtype}")
    if kind.kind == "i" and len(column):
        part = ~(np.isfinite(column) & (column == np.round(column)))
        if part.any():
            raise InputError(f"column {name}: expected whole numbers, got {shown(column[part][0].item())}")
        least, most = np.iinfo(kind).min, np.iinfo(kind).max
        if column.max() > most or column.min() < least:
            found = column.max() if column.max() > most else column.min()
            raise InputError(f"column {name}: expected whole numbers <= {most} in stored traffic, got {found}")
    with np.errstate(under="ignore", over="ignore"):
        converted = column.astype(kind)
    if name == "pctr" and ((column > 0) & (converted <= 0)).any():
        least = np.finfo(kind).smallest_normal
        raise InputError(
            f"column pctr: expected numbers >= {least:.3g} in stored traffic (single precision), got {column.min()}"
        )
    return converted


def _cuts(size: NDArray[Any]) -> Iterator[tuple[slice, slice]]:
    """Yield the cell slice and the row slice of chunks of about `_ROWS_AT_ONCE` rows."""
    ends = np.cumsum(size, dtype=np.int64)
    first, first_row = 0, 0
    while first < len(size):
        last = max(int(np.searchsorted(ends, first_row + _ROWS_AT_ONCE, side="right")), first + 1)
        last_row = int(ends[last - 1])
        yield slice(first, last), slice(first_row, last_row)
        first, first_row = last, last_row
