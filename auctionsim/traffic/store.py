"""Traffic larger than memory: a folder of columns, written by `store_writer` and read chunk by chunk.

Each column is a file of little-endian numbers, 20 bytes per candidate in all. The index `traffic.json` holds the names, the
counts and where each chunk of an hour begins. Chunks are memory-mapped one at a time, so that memory holds a chunk and not the
day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown
from auctionsim.traffic.table import HOURS, KEYWORD_BID, KEYWORD_BID_COLUMN, Traffic

FORMAT = "auctionsim-traffic-1"
CELL_TYPES = {"size": "<i4", "weight": "<i4", "query": "<i4", "market_ecpm": "<f4"}
ROW_TYPES = {"advertiser": "<i4", "pctr": "<f4", "pcvr": "<f4", "item_price": "<f4", "keyword_bid": "<f4"}
INDEX = "traffic.json"
_INDEX_KEYS = {
    "advertisers": list, "queries": list, "pieces": list, "cells": int, "rows": int, "most_rows": int, "auctions": int,
}  # fmt: skip
_KINDS = {list: "a list", int: "a whole number"}

Columns = Mapping[str, NDArray[Any]]


class StoredTraffic:
    """Traffic in a folder that `store_traffic` wrote, opened by `open_traffic`.

    True rates equal the predicted ones. Prices and rates are stored in single precision.

    Args:
        folder: The folder of the columns.
        index: The contents of its `traffic.json`.
    """

    def __init__(self, folder: Path, index: Mapping[str, Any]) -> None:
        self.folder = folder
        self.advertisers: tuple[str, ...] = tuple(index["advertisers"])
        self.queries: tuple[str, ...] = tuple(index["queries"])
        self.most_rows = int(index["most_rows"])
        self.auctions = int(index["auctions"])
        self._chunks: dict[tuple[int, int], list[tuple[int, int, int, int]]] = {}
        for day, hour, *chunk in index["pieces"]:
            first_cell, first_row, cells, rows = chunk
            self._chunks.setdefault((day, hour), []).append((first_cell, first_row, cells, rows))
        self.days = tuple(sorted({day for day, _ in self._chunks}))
        self.rows = sum(chunk[3] for chunks in self._chunks.values() for chunk in chunks)

    @property
    def notes(self) -> dict[str, str]:
        """Provenance, for reports."""
        return {"source": f"stored traffic {self.folder.name}"}

    def auctions_on(self, day: int) -> int:
        """Count the auctions of a day."""
        return sum(int(self.weights(day, hour).sum()) for hour in range(HOURS))

    def columns(self, day: int, hour: int, cell_range: tuple[int, int] | None = None) -> Iterator[dict[str, NDArray[Any]]]:
        """Read an hour chunk by chunk.

        Args:
            day: The day.
            hour: The hour, 0 to 23.
            cell_range: First cell to read and the cell after the last, counted within the hour; None for all its cells.

        Yields:
            The columns of a chunk by name: those of `CELL_TYPES`, `[cells]`, and those of `ROW_TYPES`, `[rows]`.

        Raises:
            ValueError: There is no such day.
        """
        for first_cell, first_row, cells, rows in self._chunks_of(day, hour, cell_range):
            cell_part = {name: self._read(name, kind, first_cell, cells) for name, kind in CELL_TYPES.items()}
            row_part = {name: self._read(name, kind, first_row, rows) for name, kind in ROW_TYPES.items()}
            yield {**cell_part, **row_part}

    def weights(self, day: int, hour: int) -> NDArray[np.int64]:
        """Read the weight of every cell of an hour, `[cells]`."""
        read = [self._read("weight", CELL_TYPES["weight"], chunk[0], chunk[2]) for chunk in self._chunks_of(day, hour, None)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *read], dtype=np.int64)

    def _chunks_of(self, day: int, hour: int, cell_range: tuple[int, int] | None) -> Iterator[tuple[int, int, int, int]]:
        """Yield first cell, first row, number of cells and number of rows of each chunk of an hour, cut to `cell_range`."""
        if day not in self.days:
            raise ValueError(f"day: expected one of {', '.join(map(str, self.days))}, got {day}")
        offset = 0
        for first_cell, first_row, cells, rows in self._chunks.get((day, hour), []):
            begin, end = (0, cells)
            if cell_range is not None:
                begin, end = max(cell_range[0] - offset, 0), min(cell_range[1] - offset, cells)
            offset += cells
            if (begin, end) == (0, cells):
                yield first_cell, first_row, cells, rows
            elif begin < end:
                size = self._read("size", CELL_TYPES["size"], first_cell, end).astype(np.int64)
                before = int(size[:begin].sum())
                yield first_cell + begin, first_row + before, end - begin, int(size.sum()) - before

    def table(self) -> Traffic:
        """Read everything into a table in memory."""
        times = sorted(self._chunks)
        parts = [(time, part) for time in times for part in self.columns(*time)]
        cell = {name: np.concatenate([part[name] for _, part in parts]) for name in CELL_TYPES}
        row = {name: np.concatenate([part[name] for _, part in parts]) for name in ROW_TYPES}
        sizes = [len(part["size"]) for _, part in parts]
        pctr, pcvr = row["pctr"].astype(np.float64), row["pcvr"].astype(np.float64)
        return Traffic(
            advertisers=self.advertisers,
            queries=self.queries,
            day=np.repeat([time[0] for time, _ in parts], sizes),
            hour=np.repeat([time[1] for time, _ in parts], sizes),
            weight=cell["weight"].astype(np.int64),
            query=cell["query"].astype(np.int64),
            cell_start=np.append(0, np.cumsum(cell["size"], dtype=np.int64)),
            advertiser=row["advertiser"].astype(np.int64),
            pctr=pctr,
            pcvr=pcvr,
            item_price=row["item_price"].astype(np.float64),
            keyword_bid=row["keyword_bid"].astype(np.float64),
            ctr=pctr,
            cvr=pcvr,
            market_ecpm=cell["market_ecpm"].astype(np.float64),
            notes=self.notes,
        )

    def _read(self, name: str, kind: str, first: int, count: int) -> NDArray[Any]:
        """Copy some elements of a column from a window of its file. The window is unmapped at once."""
        dtype = np.dtype(kind)
        return np.array(np.memmap(column_file(self.folder, name), dtype, "r", offset=first * dtype.itemsize, shape=(count,)))


def column_file(folder: Path, name: str) -> Path:
    """Return the path of a column's file. The keyword bid's file has the name of its column in a table."""
    return folder / (KEYWORD_BID_COLUMN if name == KEYWORD_BID else name)


def is_stored(path: Path) -> bool:
    """Return whether `path` is a folder of stored traffic, that is, whether it holds an index."""
    return (path / INDEX).is_file()


def open_traffic(folder: str | Path) -> StoredTraffic:
    """Open traffic that `store_traffic` wrote.

    Args:
        folder: The folder of the columns.

    Raises:
        InputError: The folder has no valid index, or a column's file has another size than the index says.
    """
    folder = Path(folder)
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected the index of stored traffic, got {shown(str(error))}") from error
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        found = index.get("format") if isinstance(index, dict) else index
        raise InputError(f"{path}: expected format {FORMAT}, got {shown(found)}")
    for key, wanted in _INDEX_KEYS.items():
        if type(index.get(key)) is not wanted:
            raise InputError(f"{path}: {key}: expected {_KINDS[wanted]}, got {shown(index.get(key))}")
    for chunk in index["pieces"]:
        if not isinstance(chunk, list) or len(chunk) != 6 or not all(type(n) is int and n >= 0 for n in chunk):
            raise InputError(f"{path}: pieces: expected six whole numbers >= 0 for each, got {shown(chunk)}")
    for names, count in ((CELL_TYPES, index["cells"]), (ROW_TYPES, index["rows"])):
        for name, kind in names.items():
            expected = count * np.dtype(kind).itemsize
            column = column_file(folder, name)
            size = column.stat().st_size if column.is_file() else 0
            if size != expected:
                raise InputError(f"{column}: expected {expected} bytes for {count} numbers, got {size}")
    return StoredTraffic(folder, index)
