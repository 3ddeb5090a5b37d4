"""Read numbers of a stored column and check their range: into new memory, or into memory that the next part writes over.

They are copied, not mapped: a mapped file that another process cuts off ends this one by a signal, and one that it changes
would change what was checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown
from auctionsim.traffic.array_checks import Range, check_range, checked_ends


def read_column(path: Path, kind: str, first: int, count: int, valid: Range) -> NDArray[Any]:
    """Read some numbers of a column into new memory.

    Args:
        path: The column's file.
        kind: The type of its numbers, as numpy writes it.
        first: Index of the first.
        count: Number of elements.
        valid: The range that all must lie in.

    Raises:
        InputError: The file cannot be read or is too short, or a number is outside the range.
    """
    dtype = np.dtype(kind)
    try:
        column = np.fromfile(path, dtype, count, offset=first * dtype.itemsize)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(column) < count:
        raise _cut_off(path, first, count, len(column))
    check_range(str(path), column, valid, first=first)
    return column


class PartMemory:
    """Memory for the columns of a part of a chunk, written over by the next part.

    What is read into it, checked and packed stays in the processor's cache. A whole chunk of a million rows would be written to
    memory and fetched from there again by each of these passes.

    Args:
        rows: About how many rows a part has: one ends with the cell that holds row `rows` of the chunk, the next with that of
            `2 * rows`, and so on.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._columns: dict[str, NDArray[Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the memory, which is written over."""
        return {"rows": self.rows, "_columns": {}}

    def column(self, name: str, kind: str, count: int) -> NDArray[Any]:
        """Return the memory of a column, `[count]`."""
        known = self._columns.get(name)
        if known is None or len(known) < count:
            known = self._columns[name] = np.empty(count, dtype=kind)
        return known[:count]


@contextmanager
def opened(paths: Mapping[str, Path]) -> Iterator[dict[str, FileIO]]:
    """Open the files of some columns by name, to be read part by part.

    Raises:
        InputError: One cannot be opened.
    """
    with ExitStack() as stack:
        files = {}
        for name, path in paths.items():
            try:
                files[name] = stack.enter_context(FileIO(path))
            except OSError as error:
                raise _unreadable(path, error) from error
        yield files


def read_into(file: FileIO, path: Path, first: int, column: NDArray[Any], valid: Range) -> list[Any]:
    """Fill memory with numbers of a column, and return the smallest and the largest; nothing of none.

    Args:
        file: The column's file, opened.
        path: Its path, for messages.
        first: Index of the first number.
        column: The memory, as many numbers as are to be read.
        valid: The range that all must lie in.

    Raises:
        InputError: The file cannot be read or is too short, or a number is outside the range.
    """
    wanted, done = column.data.cast("B"), 0
    try:
        file.seek(first * column.itemsize)
        # The system may return less than is asked for, and nothing at the end.
        while done < len(wanted) and (count := file.readinto(wanted[done:])):
            done += count
    except OSError as error:
        raise _unreadable(path, error) from error
    if done < len(wanted):
        raise _cut_off(path, first, len(column), done // column.itemsize)
    return [*checked_ends(str(path), column, valid, first=first)] if len(column) else []


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: expected a column of stored traffic, got {shown(str(error))}")


def _cut_off(path: Path, first: int, count: int, found: int) -> InputError:
    return InputError(f"{path}: expected {first + count} numbers, got {first + found}: the file was cut off")
