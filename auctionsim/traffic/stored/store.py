"""Traffic larger than memory: a folder of columns, written by `stored.writer` and read chunk by chunk.

Each column is a file of little-endian numbers, 20 bytes per candidate in all. The index `traffic.json` holds the names, the
counts, where each chunk of an hour begins, and checksums. Chunks are read one at a time, so that memory holds a chunk and not
the day. Nothing in the folder is trusted: the index is checked when it is opened, and numbers each time that they are read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import ge, le
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim import arguments
from auctionsim.errors import InputError, shown
from auctionsim.names.display import cut, ranges
from auctionsim.traffic.array_checks import Range, check_once_per_cell, range_of
from auctionsim.traffic.stored.column_files import PartMemory, opened, read_column, read_into
from auctionsim.traffic.stored.index import BOUNDED_COLUMNS, INDEX, check_index, read_index
from auctionsim.traffic.table import HOURS, KEYWORD_BID, KEYWORD_BID_COLUMN, Traffic

CELL_TYPES = {"size": "<i4", "weight": "<i4", "query": "<i4", "market_ecpm": "<f4"}
ROW_TYPES = {"advertiser": "<i4", "pctr": "<f4", "pcvr": "<f4", "item_price": "<f4", "keyword_bid": "<f4"}

Columns = Mapping[str, NDArray[Any]]


class _Piece(NamedTuple):
    """Consecutive cells of one hour and their rows."""

    first_cell: int
    first_row: int
    cells: int
    rows: int
    ends: tuple[float, ...] | None = None
    """Smallest and largest element of each of the columns `BOUNDED_COLUMNS`; None in older stored traffic."""
    is_part: bool = False
    """Whether it is a part of what was written, whose elements only lie between these ends."""


class StoredTraffic:
    """Traffic in a folder that `store_traffic` wrote, opened by `open_traffic`.

    True rates equal the predicted ones. Prices and rates are stored in single precision. Every chunk is checked when it is
    read, so that files which change after they were opened cannot harm.

    Args:
        folder: The folder of the columns.
        index: The contents of its `traffic.json`, checked by `stored.index.check_index`.
    """

    def __init__(self, folder: Path, index: Mapping[str, Any]) -> None:
        self.folder = folder
        self.advertisers: tuple[str, ...] = tuple(index["advertisers"])
        self.queries: tuple[str, ...] = tuple(index["queries"])
        self.most_rows = int(index["most_rows"])
        self.auctions = int(index["auctions"])
        self._chunks: dict[tuple[int, int], list[_Piece]] = {}
        ends = index.get("ends", [None] * len(index["pieces"]))
        for (day, hour, *piece), own in zip(index["pieces"], ends, strict=True):
            self._chunks.setdefault((day, hour), []).append(_Piece(*piece)._replace(ends=tuple(own) if own else None))
        self.days = tuple(sorted({day for day, _ in self._chunks}))
        self.rows = sum(piece.rows for pieces in self._chunks.values() for piece in pieces)
        self._ranges = {
            name: range_of(name, len(self.advertisers), len(self.queries))
            for name in (*CELL_TYPES, *ROW_TYPES)
            if name != "size"
        }
        self._ranges["size"] = Range(0, self.most_rows, f"numbers of rows from 0 to {self.most_rows}")

    def __repr__(self) -> str:
        counts = f"{self.auctions} auctions, {len(self.advertisers)} advertisers, {self.rows} rows"
        return cut(f"StoredTraffic({shown(str(self.folder))}, days {ranges(self.days)}: {counts})")

    @property
    def notes(self) -> dict[str, str]:
        """Provenance, for reports."""
        return {"source": f"stored traffic {self.folder.name}"}

    def auctions_on(self, day: int) -> int:
        """Count the auctions of a day."""
        return sum(int(self.weights(day, hour).sum()) for hour in range(HOURS))

    def cells_on(self, day: int) -> int:
        """Count the cells of a day."""
        return sum(piece.cells for hour in range(HOURS) for piece in self._chunks_of(day, hour, None))

    def candidates_on(self, day: int) -> int:
        """Count the candidates of a day's cells, one row of the table each."""
        return sum(piece.rows for hour in range(HOURS) for piece in self._chunks_of(day, hour, None))

    def size_of(self, day: int, hour: int) -> tuple[int, int]:
        """Count the cells and the candidates of an hour."""
        pieces = list(self._chunks_of(day, hour, None))
        return sum(piece.cells for piece in pieces), sum(piece.rows for piece in pieces)

    def ends_on(self, day: int) -> dict[str, tuple[float, float]]:
        """Return the smallest and the largest element of `BOUNDED_COLUMNS` on a day, from the index where it has them.

        Raises:
            InputError: There is no such day.
        """
        pieces = [piece for hour in range(HOURS) for piece in self._chunks_of(day, hour, None) if piece.rows]
        ends = [ends_of(self._read_piece(piece)) if piece.ends is None else piece.ends for piece in pieces]
        found = np.array(ends or [[0.0] * 2 * len(BOUNDED_COLUMNS)])
        least, most = found[:, ::2].min(axis=0).tolist(), found[:, 1::2].max(axis=0).tolist()
        return dict(zip(BOUNDED_COLUMNS, zip(least, most, strict=True), strict=True))

    def columns(
        self, day: int, hour: int, cell_range: tuple[int, int] | None = None, memory: PartMemory | None = None
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Read an hour chunk by chunk, or part by part.

        Args:
            day: The day.
            hour: The hour, 0 to 23.
            cell_range: First cell to read and the cell after the last, counted within the hour; None for all its cells.
            memory: Memory for the parts of a chunk, each written over by the next; whole chunks in new memory where None.

        Yields:
            The columns of a chunk or of a part by name: those of `CELL_TYPES`, `[cells]`, and those of `ROW_TYPES`, `[rows]`.

        Raises:
            InputError: There is no such day.
            InputError: A number is outside its column's range, or a file has changed since it was opened.
        """
        for piece in self._chunks_of(day, hour, cell_range):
            if memory is not None and piece.rows > memory.rows:
                yield from self._read_parts(piece, memory)
            else:
                columns = self._read_piece(piece)
                if piece.rows or not piece.is_part:
                    self._check_ends(piece, ends_of(columns))
                yield columns

    def weights(self, day: int, hour: int) -> NDArray[np.int64]:
        """Read the weight of every cell of an hour, `[cells]`."""
        read = [self._read("weight", piece.first_cell, piece.cells) for piece in self._chunks_of(day, hour, None)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *read], dtype=np.int64)

    def check(self, checksums: Iterable[int | None]) -> None:
        """Read everything once and check it: ranges, sizes, sums, and that no advertiser is there twice in a cell.

        Args:
            checksums: CRC-32 of each piece in time order, None where there is none.

        Raises:
            InputError: Something is wrong; the message names file and place.
        """
        most_rows = auctions = 0
        pieces = [piece for time in sorted(self._chunks) for piece in self._chunks[time]]
        for number, (piece, expected) in enumerate(zip(pieces, checksums, strict=True)):
            columns = self._read_piece(piece)
            found = checksum_of(columns)
            if expected is not None and found != expected:
                raise InputError(
                    f"{self.folder / INDEX}: checksums[{number}]: expected {expected} as when the columns were written, "
                    f"got {found}: a file has changed"
                )
            self._check_ends(piece, ends_of(columns))
            source = str(column_file(self.folder, "advertiser"))
            check_once_per_cell(source, columns["advertiser"], columns["size"], len(self.advertisers))
            most_rows = max(most_rows, int(columns["size"].max(initial=0)))
            auctions += int(columns["weight"].sum(dtype=np.int64))
        for key, expected, found in (("most_rows", most_rows, self.most_rows), ("auctions", auctions, self.auctions)):
            if found != expected:
                raise InputError(f"{self.folder / INDEX}: {key}: expected {expected} as in the columns, got {found}")

    def _chunks_of(self, day: int, hour: int, cell_range: tuple[int, int] | None) -> Iterator[_Piece]:
        """Yield the pieces of an hour, cut to `cell_range`."""
        if day not in self.days:
            raise InputError(f"day: expected one of {', '.join(map(str, self.days))}, got {day}")
        offset = 0
        for piece in self._chunks.get((day, hour), []):
            begin, end = (0, piece.cells)
            if cell_range is not None:
                begin, end = max(cell_range[0] - offset, 0), min(cell_range[1] - offset, piece.cells)
            offset += piece.cells
            if (begin, end) == (0, piece.cells):
                yield piece
            elif begin < end:
                size = self._read("size", piece.first_cell, end).astype(np.int64)
                before, rows = int(size[:begin].sum()), int(size.sum())
                self._check_sum(rows, piece, exact=False)
                first = piece.first_cell + begin, piece.first_row + before
                yield _Piece(*first, end - begin, rows - before, piece.ends, is_part=True)

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

    def _read_piece(self, piece: _Piece) -> dict[str, NDArray[Any]]:
        """Read the columns of a piece, or of a part of one."""
        return self._read_cells(piece) | {name: self._read(name, piece.first_row, piece.rows) for name in ROW_TYPES}

    def _read_cells(self, piece: _Piece) -> dict[str, NDArray[Any]]:
        """Read the columns of a piece's cells, whose sizes add up to its rows."""
        cells = {name: self._read(name, piece.first_cell, piece.cells) for name in CELL_TYPES}
        self._check_sum(int(cells["size"].sum(dtype=np.int64)), piece)
        return cells

    def _read_parts(self, piece: _Piece, memory: PartMemory) -> Iterator[dict[str, NDArray[Any]]]:
        """Read the columns of a piece part by part, cut between its cells."""
        cells = self._read_cells(piece)
        start = np.append(0, np.cumsum(cells["size"], dtype=np.int64))
        wanted = np.arange(memory.rows, piece.rows, memory.rows)
        edges = sorted({0, *np.searchsorted(start, wanted).tolist(), piece.cells})
        paths = {name: column_file(self.folder, name) for name in ROW_TYPES}
        seen: dict[str, list[Any]] = {name: [] for name in ROW_TYPES}
        with opened(paths) as files:
            for first, last in pairwise(edges):
                rows = int(start[last] - start[first])
                columns = {name: column[first:last] for name, column in cells.items()}
                found = {}
                for name, kind in ROW_TYPES.items():
                    own = columns[name] = memory.column(name, kind, rows)
                    found[name] = read_into(
                        files[name], paths[name], piece.first_row + int(start[first]), own, self._ranges[name]
                    )
                    seen[name] += found[name]
                if rows:
                    # Accounts need each part to lie within what the index says; only all together reach it.
                    self._check_ends(piece._replace(is_part=True), ends_of(columns, found))
                yield columns
        self._check_ends(piece, ends_of(cells, {name: [min(ends), max(ends)] for name, ends in seen.items()}))

    def _check_ends(self, piece: _Piece, found: Sequence[float]) -> None:
        """Check the smallest and largest elements of a piece against the index."""
        if piece.ends is None:
            return
        known = piece.ends
        are_within = all(map(ge, found[::2], known[::2])) and all(map(le, found[1::2], known[1::2]))
        if not (are_within if piece.is_part else list(found) == list(known)):
            wanted = f"{list(known)} as smallest and largest of {', '.join(BOUNDED_COLUMNS)}"
            raise InputError(f"{self.folder / INDEX}: ends: expected {wanted}, got {list(found)}: a file has changed")

    def _check_sum(self, rows: int, piece: _Piece, *, exact: bool = True) -> None:
        """Check that the sizes of a piece's cells add up to its rows, or, where only the first were read, to no more."""
        if rows > piece.rows or (exact and rows < piece.rows):
            raise InputError(
                f"{column_file(self.folder, 'size')}: expected numbers that add up to {piece.rows} rows for the {piece.cells} "
                f"cells from index {piece.first_cell} on, got {rows}"
            )

    def _read(self, name: str, first: int, count: int) -> NDArray[Any]:
        """Read some elements of a column and check their range."""
        kind = {**CELL_TYPES, **ROW_TYPES}[name]
        return read_column(column_file(self.folder, name), kind, first, count, self._ranges[name])


def column_file(folder: Path, name: str) -> Path:
    """Return the path of a column's file. The keyword bid's file has the name of its column in a table."""
    return folder / (KEYWORD_BID_COLUMN if name == KEYWORD_BID else name)


def is_stored(path: Path) -> bool:
    """Return whether `path` is a folder of stored traffic, that is, whether it holds an index."""
    return (path / INDEX).is_file()


def checksum_of(columns: Columns) -> int:
    """Return the CRC-32 of the columns of a piece, one after the other.

    It guards against accidents: torn copies, failing disks. It is no signature.
    """
    total = 0
    for name, kind in (CELL_TYPES | ROW_TYPES).items():
        total = zlib.crc32(np.ascontiguousarray(columns[name], dtype=kind).view(np.uint8).data, total)
    return total


def ends_of(columns: Columns, known: Mapping[str, Sequence[Any]] | None = None) -> list[float]:
    """Return the smallest and the largest element of each of the `BOUNDED_COLUMNS` of a piece; zeros for an empty column.

    Args:
        columns: The columns that are not known.
        known: The smallest and the largest element of others.
    """
    ends: list[float] = []
    for name in BOUNDED_COLUMNS:
        if known is not None and name in known:
            ends += map(float, known[name])
        else:
            own = columns[name] if len(columns[name]) else np.zeros(1)
            ends += [float(own.min()), float(own.max())]
    return ends


def open_traffic(folder: str | Path, *, verify: bool = True) -> StoredTraffic:
    """Open traffic that `store_traffic` wrote.

    Args:
        folder: The folder of the columns.
        verify: Whether to read everything once and check it, checksums included. Without it only the index and the sizes of the
            files are checked here, and every chunk's numbers when it is read.

    Raises:
        InputError: The folder has no valid index, a column's file has another size than the index says, or a number is outside
            its column's range; the message names file and place.
    """
    folder = arguments.path("folder", folder)
    index = read_index(folder)
    for names, count in ((CELL_TYPES, index["cells"]), (ROW_TYPES, index["rows"])):
        for name, kind in names.items():
            expected = count * np.dtype(kind).itemsize
            column = column_file(folder, name)
            size = column.stat().st_size if column.is_file() else 0
            if size != expected:
                raise InputError(f"{column}: expected {expected} bytes for {count} numbers, got {size}")
    check_index(folder / INDEX, index)
    stored = StoredTraffic(folder, index)
    if verify:
        stored.check(index.get("checksums", [None] * len(index["pieces"])))
    return stored
