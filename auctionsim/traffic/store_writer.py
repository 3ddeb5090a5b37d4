"""Write traffic larger than memory as it arrives, in the format that `store` reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError
from auctionsim.files import expect_new_folder, part_of
from auctionsim.traffic.store import CELL_TYPES, FORMAT, INDEX, ROW_TYPES, Columns, StoredTraffic, column_file, open_traffic

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
        InputError: The folder holds files.
    """
    expect_new_folder(folder)
    part_folder = part_of(folder)
    part_folder.mkdir(parents=True)
    try:
        index = _write(part_folder, hours)
        index |= {"format": FORMAT, "advertisers": list(advertisers), "queries": list(queries)}
        (part_folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        part_folder.rename(folder)
    finally:
        shutil.rmtree(part_folder, ignore_errors=True)
    return open_traffic(folder)


def _write(folder: Path, hours: Iterable[tuple[int, int, Columns]]) -> dict[str, Any]:
    """Write the columns and return the counts of the index."""
    chunks: list[tuple[int, ...]] = []
    n_cells = n_rows = most_rows = auctions = 0
    files = {name: column_file(folder, name).open("wb") for name in (*CELL_TYPES, *ROW_TYPES)}
    try:
        for day, hour, columns in hours:
            for cells, rows in _cuts(np.asarray(columns["size"])):
                for names, cut in ((CELL_TYPES, cells), (ROW_TYPES, rows)):
                    for name, kind in names.items():
                        _fitting(name, np.asarray(columns[name][cut]), np.dtype(kind)).tofile(files[name])
                chunks.append((day, hour, n_cells, n_rows, cells.stop - cells.start, rows.stop - rows.start))
                n_cells += cells.stop - cells.start
                n_rows += rows.stop - rows.start
            most_rows = max(most_rows, int(np.max(columns["size"], initial=0)))
            auctions += int(np.sum(columns["weight"]))
    finally:
        for file in files.values():
            file.close()
    return {"pieces": chunks, "cells": n_cells, "rows": n_rows, "most_rows": most_rows, "auctions": auctions}


def _fitting(name: str, column: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Convert a column to its type in the store. A cast alone would wrap a weight of 2^31 around to -2^31.

    Raises:
        InputError: A whole number is beyond 32 bits, or a pctr is 0 in single precision.
    """
    if kind.kind == "i" and len(column) and column.max() > np.iinfo(kind).max:
        raise InputError(f"column {name}: expected whole numbers <= {np.iinfo(kind).max} in stored traffic, got {column.max()}")
    with np.errstate(under="ignore"):
        converted = column.astype(kind)
    if name == "pctr" and (converted <= 0).any():
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
