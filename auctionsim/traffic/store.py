"""Traffic larger than memory: columns in a folder, written piece by piece (`storing.py`), replayed piece by piece.

Each column is a file of little-endian numbers, 20 bytes a candidate in all; `traffic.json` says what they are and where hours
begin. Pieces are memory-mapped one at a time, so that memory holds one piece and not the day.
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
    """A folder that `store_traffic` wrote, opened by `open_traffic`.

    Predicted rates are the true ones; prices and rates are stored in single precision.
    """

    def __init__(self, folder: Path, index: Mapping[str, Any]) -> None:
        self.folder = folder
        self.advertisers: tuple[str, ...] = tuple(index["advertisers"])
        self.queries: tuple[str, ...] = tuple(index["queries"])
        self.most_rows = int(index["most_rows"])
        self.auctions = int(index["auctions"])
        self._pieces: dict[tuple[int, int], list[tuple[int, int, int, int]]] = {}
        for day, hour, *piece in index["pieces"]:
            first_cell, first_row, cells, rows = piece
            self._pieces.setdefault((day, hour), []).append((first_cell, first_row, cells, rows))
        self.days = tuple(sorted({day for day, _ in self._pieces}))
        self.rows = sum(piece[3] for pieces in self._pieces.values() for piece in pieces)

    @property
    def notes(self) -> dict[str, str]:
        """Where it comes from, for the report."""
        return {"source": f"stored traffic {self.folder.name}"}

    def auctions_on(self, day: int) -> int:
        """How many auctions a day has."""
        return sum(int(self.weights(day, hour).sum()) for hour in range(HOURS))

    def columns(self, day: int, hour: int, places: tuple[int, int] | None = None) -> Iterator[dict[str, NDArray[Any]]]:
        """The columns of each piece of an hour, or of its cells from one place to before another; read when asked for.

        Raises:
            ValueError: There is no such day.
        """
        for first_cell, first_row, cells, rows in self._parts(day, hour, places):
            cell_part = {name: self._read(name, kind, first_cell, cells) for name, kind in CELL_TYPES.items()}
            row_part = {name: self._read(name, kind, first_row, rows) for name, kind in ROW_TYPES.items()}
            yield {**cell_part, **row_part}

    def weights(self, day: int, hour: int) -> NDArray[np.int64]:
        """Auctions of every cell of an hour."""
        read = [self._read("weight", CELL_TYPES["weight"], piece[0], piece[2]) for piece in self._parts(day, hour, None)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *read], dtype=np.int64)

    def _parts(self, day: int, hour: int, places: tuple[int, int] | None) -> Iterator[tuple[int, int, int, int]]:
        """First cell, first row and their numbers, of each piece of an hour as far as it lies between the places."""
        if day not in self.days:
            raise ValueError(f"day: expected one of {', '.join(map(str, self.days))}, got {day}")
        place = 0
        for first_cell, first_row, cells, rows in self._pieces.get((day, hour), []):
            begin, end = (0, cells) if places is None else (max(places[0] - place, 0), min(places[1] - place, cells))
            place += cells
            if (begin, end) == (0, cells):
                yield first_cell, first_row, cells, rows
            elif begin < end:
                size = self._read("size", CELL_TYPES["size"], first_cell, end).astype(np.int64)
                before = int(size[:begin].sum())
                yield first_cell + begin, first_row + before, end - begin, int(size.sum()) - before

    def table(self) -> Traffic:
        """All of it as a table in memory."""
        times = sorted(self._pieces)
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
        """Some elements of a column, copied from a window of the file that is mapped for no longer."""
        dtype = np.dtype(kind)
        return np.array(np.memmap(column_file(self.folder, name), dtype, "r", offset=first * dtype.itemsize, shape=(count,)))


def column_file(folder: Path, name: str) -> Path:
    """Return the path of a column's file; the keyword bid's is called as in a table."""
    return folder / (KEYWORD_BID_COLUMN if name == KEYWORD_BID else name)


def is_stored(path: Path) -> bool:
    """Whether a path is a folder of stored traffic, by its index."""
    return (path / INDEX).is_file()


def open_traffic(folder: str | Path) -> StoredTraffic:
    """Open traffic that `store_traffic` wrote.

    Raises:
        InputError: It is not such a folder, or a column's file has another size than the index says.
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
    for piece in index["pieces"]:
        if not isinstance(piece, list) or len(piece) != 6 or not all(type(n) is int and n >= 0 for n in piece):
            raise InputError(f"{path}: pieces: expected six whole numbers at least 0 each, got {shown(piece)}")
    for names, count in ((CELL_TYPES, index["cells"]), (ROW_TYPES, index["rows"])):
        for name, kind in names.items():
            expected = count * np.dtype(kind).itemsize
            column = column_file(folder, name)
            size = column.stat().st_size if column.is_file() else 0
            if size != expected:
                raise InputError(f"{column}: expected {expected} bytes for {count} numbers, got {size}")
    return StoredTraffic(folder, index)
