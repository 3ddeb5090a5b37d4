"""Count the lines of a text file as an editor does, and find the line on which a row of a CSV table begins."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Lines = NDArray[np.int64]

_CHUNK = 1 << 20


class RowlessLines(NamedTuple):
    """The lines of a file on which no row begins, numbered from 1, ascending."""

    total: int
    """Number of lines."""
    leading: Lines
    """Lines before the first that holds more than blanks."""
    empty: Lines
    """Empty lines, those in quotes among them."""
    inside: Lines
    """Lines that begin in quotes: a value goes on there."""

    def passed_over(self, *, empty: bool) -> Lines:
        """Return the lines that a reader passes over, the empty ones among them if it takes them for no rows."""
        return union(self.leading, self.empty if empty else self.inside, self.inside)


def rowless_lines(path: Path, delimiter: str = ",", quote: str = '"', *, is_exact: bool = False) -> RowlessLines:
    """Find the lines of a file on which no row begins.

    Args:
        path: The file, with line ends of Unix or Windows.
        delimiter: Character between columns.
        quote: Character around values that may hold line ends, or nothing.
        is_exact: Whether to look at each quote of a line. A line with an even number of them is taken to close what it opens
            otherwise, which is several times as fast, and wrong where a value without quotes around it holds one.
    """
    mark = quote.encode()
    if not _may_have_any(path, mark):
        return RowlessLines(_total(path), *(_lines(array("q")) for _ in range(3)))
    with path.open("rb") as opened:
        return _found(opened, delimiter.encode(), mark, is_exact=is_exact)


def _found(lines: Iterable[bytes], between: bytes, mark: bytes, *, is_exact: bool) -> RowlessLines:
    leading, empty, inside = array("q"), array("q"), array("q")
    number, is_inside, has_begun = 0, False, False
    for number, line in enumerate(lines, start=1):
        has_begun = has_begun or not line.isspace()
        if not has_begun:
            leading.append(number)
            continue
        if is_inside:
            inside.append(number)
        if line in (b"\n", b"\r\n"):
            empty.append(number)
        elif mark and (count := line.count(mark)) and (is_exact or is_inside or count % 2):
            is_inside = _is_inside(line, mark, between, is_inside=is_inside)
    return RowlessLines(number, *(_lines(one) for one in (leading, empty, inside)))


def line_of(passed_over: Lines, row: int) -> int:
    """Return the line on which a row begins, both numbered from 1, where some lines hold no row.

    For example, the third row is on line 5 where lines 2 and 3 are passed over.
    """
    return row + int(np.searchsorted(passed_over - np.arange(len(passed_over)), row, side="right"))


def union(*parts: Lines) -> Lines:
    """Return the lines of all parts, each once, ascending."""
    return np.unique(np.concatenate(parts)).astype(np.int64)


def row_source(source: Path | str, row: int, name: Path | str | None = None) -> str:
    """Return a table and one of its rows for a message: `t.csv: line 3`, and `t.parquet: row 2` where there are no lines.

    Args:
        source: The path of a file, which is text unless its name ends in `.parquet`; or the name of a table in memory.
        row: Index of the row, the first being 0.
        name: The name of the file in messages; its path where None.
    """
    called = source if name is None else name
    if isinstance(source, Path) and source.suffix != ".parquet" and source.is_file():
        return f"{called}: line {line_of_row(source, row)}"
    return f"{called}: row {row + 1}"


def line_of_row(path: Path, row: int) -> int:
    """Return the line of a CSV file on which a row begins that polars has read; row 0 is the first below the header."""
    lines = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").splitlines(keepends=True)
    # Polars passes over empty lines before the header alone: another one is a row without values.
    return line_of(_found(lines, b",", b'"', is_exact=True).passed_over(empty=False), row + 2)


def count_ends(text: str) -> int:
    """Count the line ends of a text, of whatever system."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _may_have_any(path: Path, mark: bytes) -> bool:
    """Return whether a file may have a line on which no row begins: an empty one, or quotes."""
    last = b"\n"
    with path.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            text = last + chunk
            if b"\n\n" in text or b"\n\r\n" in text or (mark and mark in chunk):
                return True
            last = text[-2:]
        opened.seek(0)
        return opened.readline(_CHUNK).isspace()


def _total(path: Path) -> int:
    total, last = 0, b"\n"
    with path.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            total += chunk.count(b"\n")
            last = chunk[-1:]
    return total + (last != b"\n")


def _is_inside(line: bytes, mark: bytes, between: bytes, *, is_inside: bool) -> bool:
    """Return whether a line ends in quotes, if it begins in them or not. A quote within a value is one of its letters."""
    at = 0
    while True:
        if not is_inside:
            # Blanks may stand before a quote.
            while line[at : at + 1] == b" ":
                at += 1
            if line[at : at + 1] != mark:
                at = line.find(between, at) + 1
                if not at:
                    return False
                continue
            at += 1
        at = line.find(mark, at)
        if at < 0:
            return True
        if line[at + 1 : at + 2] == mark:
            is_inside, at = True, at + 2
            continue
        is_inside, at = False, line.find(between, at) + 1
        if not at:
            return False


def _lines(numbers: array[int]) -> Lines:
    return np.array(numbers, dtype=np.int64)
