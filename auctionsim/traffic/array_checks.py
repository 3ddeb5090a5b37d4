"""Check the arrays of traffic before compiled code reads them.

Compiled code does not check an index: advertiser 10^6 of a market of two would read or write outside its arrays. So every array
that comes from outside, from a file or as an argument, passes through here first. A check is one pass for the least and one for
the largest number, about as long as it takes to read the memory; only where one fails is the place looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown

PRICE_LIMIT = 1e9
"""Upper limit of prices and bids. A larger number was most likely written in millionths of the currency, or is no price."""
PRICE_WORDS = f"a number >= 0 and < {PRICE_LIMIT:.0e}".replace("e+0", "e")
"""The valid range of prices and bids, for messages."""

MAX_DAY = 10**9
"""Largest number of a day: dates written as 20240304 are days, and day x 24 + hour stays a 64-bit integer."""
MAX_AUCTIONS = 2**53
"""Most auctions of a table, the sum of all weights: up to here counts are exact in floating point, too."""

_BITMAP_BYTES, _CELLS_AT_ONCE = 2**18, 4096


class Range(NamedTuple):
    """The valid numbers of a column."""

    least: float
    most: float
    words: str
    """The range in words, for messages."""


_RATE = Range(0.0, 1.0, "numbers in [0, 1]")
# The limit itself is valid here: 999,999,999.99 is 10^9 in single precision, in which stored traffic holds it.
_PRICE = Range(0.0, PRICE_LIMIT, PRICE_WORDS.replace("a number", "numbers"))
_ANY_PRICE = Range(0.0, float(np.finfo(np.float64).max), "finite numbers >= 0")
_RANGES = {
    "day": Range(0, MAX_DAY, f"whole numbers from 0 to {MAX_DAY}"),
    "hour": Range(0, 23, "whole numbers from 0 to 23"),
    "weight": Range(1, MAX_AUCTIONS, "whole numbers >= 1"),
    "market_ecpm": _PRICE,
    "pctr": Range(float(np.finfo(np.float64).smallest_subnormal), 1.0, "numbers in (0, 1]"),
    "pcvr": _RATE,
    "item_price": _PRICE,
    "keyword_bid": _PRICE,
    "ctr": _RATE,
    "cvr": _RATE,
}


_WHOLE = ("day", "hour", "weight", "query", "cell_start", "advertiser")


def type_of(name: str) -> type[np.generic]:
    """Return the type of a column's numbers in memory: 64-bit integers or double precision."""
    return np.int64 if name in _WHOLE else np.float64


def converted(source: str, array: Any, kind: type[np.generic]) -> NDArray[Any]:
    """Return an array in the type that compiled code expects, C-contiguous; the same one if it is already.

    Args:
        source: The name of the argument, which begins the message.
        array: The argument: an array or a sequence of numbers.
        kind: 64-bit integers or double precision.

    Raises:
        InputError: Its elements are no numbers, or none that the type holds exactly.
    """
    try:
        given = np.asarray(array)
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: expected an array of numbers, got {shown(array)}") from error
    if given.dtype == kind and given.flags.c_contiguous:
        return given
    # Whole numbers fit into doubles up to 2^53; all other conversions that numpy calls safe keep every value.
    is_whole = given.dtype.kind in "iu"
    if not (is_whole or (given.dtype.kind == "f" and kind is np.float64) or given.size == 0):
        words = "whole numbers" if kind is np.int64 else "numbers"
        raise InputError(f"{source}: expected an array of {words}, got an array of {given.dtype}")
    if is_whole and given.size and int(given.max()) > np.iinfo(np.int64).max:
        raise InputError(f"{source}: expected whole numbers < 2^63, got {int(given.max())}")
    return np.ascontiguousarray(given, dtype=kind)


def check_starts(source: str, start: NDArray[np.int64], n_cells: int, n_rows: int) -> None:
    """Check the first rows of cells: they begin with 0, never fall, and end with the number of rows.

    Args:
        source: The name of the argument, which begins the message.
        start: First row of each cell, and the number of rows.
        n_cells: Number of cells.
        n_rows: Number of rows.

    Raises:
        InputError: They are not.
    """
    if start.shape != (n_cells + 1,):
        raise InputError(f"{source}: expected {n_cells + 1} numbers for {n_cells} cells, got shape {list(start.shape)}")
    if start[0] != 0 or start[-1] != n_rows:
        raise InputError(f"{source}: expected numbers from 0 to the {n_rows} rows, got {start[0]} to {start[-1]}")
    falls = np.flatnonzero(start[1:] < start[:-1])
    if len(falls):
        at = int(falls[0])
        raise InputError(f"{source}: expected numbers that do not fall, got {start[at + 1]} after {start[at]} in cell {at + 1}")


def index_range(count: int) -> Range:
    """Return the range of indices of `count` things."""
    return Range(0, count - 1, f"indices >= 0 and < {count}")


def range_of(name: str, n_advertisers: int, n_queries: int, *, any_price: bool = False) -> Range:
    """Return the range of a column of traffic.

    Args:
        name: The column's name.
        n_advertisers: Number of advertisers.
        n_queries: Number of queries.
        any_price: Whether prices and bids beyond `PRICE_LIMIT` are valid, as in arrays made by a program.
    """
    if any_price and _RANGES.get(name) is _PRICE:
        return _ANY_PRICE
    counts = {"advertiser": n_advertisers, "query": n_queries}
    return index_range(counts[name]) if name in counts else _RANGES[name]


def check_range(source: str, column: NDArray[Any], valid: Range, *, first: int = 0) -> None:
    """Check that every number of a column is in its range; NaN is in none.

    Args:
        source: The file or argument that holds the column, which begins the message.
        column: Numbers, one axis.
        valid: Their range.
        first: The number of the column's first element in its file, for the message.

    Raises:
        InputError: A number is outside the range; the message names the first.
    """
    if len(column):
        checked_ends(source, column, valid, first=first)


def checked_ends(source: str, column: NDArray[Any], valid: Range, *, first: int = 0) -> tuple[Any, Any]:
    """Return the smallest and the largest number of a column of one or more, after checking it as `check_range` does.

    Raises:
        InputError: A number is outside the range; the message names the first.
    """
    # Doubles, since numpy would round a Python number to single precision for such a column: the least pctr > 0 would be 0.
    least, most = (np.float64(valid.least), np.float64(valid.most)) if column.dtype.kind == "f" else (valid.least, valid.most)
    with np.errstate(invalid="ignore"):
        found = column.min(), column.max()
        if found[0] >= least and found[1] <= most:
            return found
        wrong = ~((column >= least) & (column <= most))
    at = int(wrong.argmax())
    raise InputError(f"{source}: expected {valid.words}, got {shown(column[at].item())} at index {first + at}")


def check_names(source: str, names: Iterable[object]) -> None:
    """Check that names are text that can be written, none twice.

    Args:
        source: The file or argument that holds the names, which begins the message.
        names: The names.

    Raises:
        InputError: A name is no text, empty, half a character, or there twice.
    """
    seen: set[object] = set()
    for name in names:
        if not isinstance(name, str) or not name or not is_writable(name):
            raise InputError(f"{source}: expected names of one letter or more, got {shown(name)}")
        if name in seen:
            raise InputError(f"{source}: expected each name once, got {shown(name)} again")
        seen.add(name)


def is_writable(text: str) -> bool:
    """Return whether UTF-8 can hold a text. JSON can hold a surrogate, half a character, that no file can."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def check_lengths(
    source: str, columns: Mapping[str, NDArray[Any]], cell_names: Iterable[str], row_names: Iterable[str]
) -> None:
    """Check that columns have one axis each, and as many elements as there are cells, or rows.

    Raises:
        InputError: A column has another shape.
    """
    for names, what in ((tuple(cell_names), "cells"), (tuple(row_names), "rows")):
        expected = columns[names[0]].shape[:1]
        for name in names:
            if columns[name].ndim != 1 or columns[name].shape != expected:
                raise InputError(
                    f"{source}{name}: expected {expected[0] if expected else 0} numbers, one for each of the {what} as in "
                    f"{names[0]}, got shape {list(columns[name].shape)}"
                )


def check_once_per_cell(source: str, advertiser: NDArray[Any], size: NDArray[Any], n_advertisers: int) -> None:
    """Check that no advertiser is there twice in a cell.

    Args:
        source: The file or argument that holds the advertisers, which begins the message.
        advertiser: Valid indices, `[rows]`.
        size: Number of rows of each cell, with sum `rows`, `[cells]`.
        n_advertisers: Number of advertisers.

    Raises:
        InputError: An advertiser is there twice.
    """
    cells = max(_CELLS_AT_ONCE, _BITMAP_BYTES // max(n_advertisers, 1))
    start = np.append(0, np.cumsum(size, dtype=np.int64))
    for first in range(0, len(size), cells):
        last = min(first + cells, len(size))
        rows = slice(int(start[first]), int(start[last]))
        key = np.repeat(np.arange(last - first, dtype=np.int64) * n_advertisers, size[first:last]) + advertiser[rows]
        if (last - first) * n_advertisers <= 64 * len(key):
            # One byte for each advertiser in each cell, in the second-level cache. A sort takes ten times longer.
            is_there = np.zeros((last - first) * n_advertisers, dtype=np.bool_)
            is_there[key] = True
            n_different = int(np.count_nonzero(is_there))
        else:
            n_different = len(np.unique(key))
        if n_different < len(key):
            _, index = np.unique(key, return_index=True)
            row = rows.start + int(np.setdiff1d(np.arange(len(key)), index)[0])
            cell = int(np.searchsorted(start, row, side="right")) - 1
            found = f"{int(advertiser[row])} again in cell {cell}, index {row}"
            raise InputError(f"{source}: expected each advertiser once in a cell, got {found}")
