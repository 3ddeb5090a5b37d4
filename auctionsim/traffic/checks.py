"""Checks of a traffic table: its columns, every value, and the cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown, suggestion
from auctionsim.traffic.array_checks import MAX_AUCTIONS, MAX_DAY, PRICE_LIMIT, PRICE_WORDS
from auctionsim.traffic.table import CELL_COLUMNS, HOURS, KEYWORD_BID, KEYWORD_BID_COLUMN
from auctionsim.traffic.text_lines import row_source

Rule = tuple[str, Callable[[pl.Expr], pl.Expr]]

# For each column, its valid values in words, and an expression that is true for a valid row.
_RULES: dict[str, Rule] = {
    "day": (f"a whole number from 0 to {MAX_DAY}", lambda c: c.ge(0) & c.le(MAX_DAY)),
    "hour": ("a whole number from 0 to 23", lambda c: c.ge(0) & c.lt(HOURS)),
    "cell": ("a whole number", lambda c: c.is_not_null()),
    "weight": ("a whole number >= 1", lambda c: c.ge(1)),
    "query": ("text", lambda c: c.str.len_chars().gt(0)),
    "advertiser": ("text", lambda c: c.str.len_chars().gt(0)),
    "pctr": ("a number in (0, 1]", lambda c: c.is_finite() & c.gt(0) & c.le(1)),
    "pcvr": ("a number in [0, 1]", lambda c: c.is_finite() & c.ge(0) & c.le(1)),
    "item_price": (f"{PRICE_WORDS} (currency per conversion)", lambda c: c.is_finite() & c.ge(0) & c.lt(PRICE_LIMIT)),
    "manual_bid": (f"{PRICE_WORDS} (currency per click)", lambda c: c.is_finite() & c.ge(0) & c.lt(PRICE_LIMIT)),
    "ctr": ("a number in [0, 1]", lambda c: c.is_finite() & c.ge(0) & c.le(1)),
    "cvr": ("a number in [0, 1]", lambda c: c.is_finite() & c.ge(0) & c.le(1)),
    "market_ecpm": (f"{PRICE_WORDS} (a rank score)", lambda c: c.is_finite() & c.ge(0) & c.lt(PRICE_LIMIT)),
}
_OPTIONAL = ("ctr", "cvr", "market_ecpm")
_WHOLE = ("day", "hour", "cell", "weight")
TEXT_COLUMNS = ("query", "advertiser")
"""Columns of text; all others are numbers."""


def checked_table(table: pl.DataFrame, source: Path | str) -> pl.DataFrame:
    """Check a raw table and cast its columns to their types.

    Args:
        table: The table as it was read, for example with columns of text.
        source: The table's file, or the name of the argument that it came by, for messages.

    Returns:
        The traffic table's columns: whole numbers, text, and floating-point numbers.

    Raises:
        InputError: A column is missing or unknown, or a value is invalid; the message names source, row and column.
    """
    typed = _typed(table, source)
    _check_columns(typed, source)
    _check_cells(typed, source)
    return typed


def cast_column(name: str, found: pl.DataType) -> pl.Expr:
    """Return the cast of a column of a table to its type: whole numbers, text, or floating-point numbers.

    Args:
        name: The column's name: of the traffic table, or `budget`.
        found: Its type in the file.

    Returns:
        The expression; null where a value has no equal in the column's type.
    """
    column = pl.col(name)
    if not (found.is_numeric() or found in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
        # Of the column's own type: polars compares nothing with a null of no type.
        kind = pl.String() if name in TEXT_COLUMNS else pl.Int64() if name in _WHOLE else pl.Float64()
        return pl.lit(None, kind).alias(name)
    if found in (pl.Categorical, pl.Enum):
        column, found = column.cast(pl.String), pl.String()
    if name in TEXT_COLUMNS:
        # A whole number may be a name. A column with decimals holds none: 7 would have become 7.0, or NaN.
        return column.cast(pl.String) if found == pl.String or found.is_integer() else pl.lit(None, pl.String).alias(name)
    if found == pl.String:
        column = column.str.strip_chars()
    if name not in _WHOLE:
        return column.cast(pl.Float64, strict=False)
    whole = column.cast(pl.Int64, strict=False)
    if found.is_integer() or found in (pl.String, pl.Null):
        return whole
    # A weight of 3.7 becomes null here, and so an error. A plain cast would cut it to 3 auctions.
    return pl.when(column == column.floor()).then(whole).alias(name)


def _typed(table: pl.DataFrame, source: Path | str) -> pl.DataFrame:
    """Select the traffic table's columns and cast each to its type. Raises an error for the first value that cannot be cast."""
    table = _known_columns(table, source)
    typed = table.select(cast_column(name, kind) for name, kind in table.schema.items())
    for name in typed.columns:
        wrong = typed[name].is_null()
        if wrong.any():
            raise _wrong(source, int(wrong.arg_max() or 0), name, table[name])
    return typed


def _known_columns(table: pl.DataFrame, source: Path | str) -> pl.DataFrame:
    """Check that no column is missing, unknown or of a wrong kind, and put them in order."""
    if KEYWORD_BID in table.columns and KEYWORD_BID_COLUMN not in table.columns:
        table = table.rename({KEYWORD_BID: KEYWORD_BID_COLUMN})
    extra = [name for name in table.columns if name not in _RULES]
    for name in _RULES:
        if name not in table.columns and name not in _OPTIONAL:
            raise InputError(f"{source}: column {name}: expected in a traffic table, got none{suggestion(name, extra)}")
    if extra:
        raise InputError(
            f"{source}: column {shown(extra[0])}: unknown; choose from {', '.join(_RULES)}{suggestion(extra[0], _RULES)}"
        )
    table = table.select(name for name in _RULES if name in table.columns)
    for name, found in table.schema.items():
        if not (found.is_numeric() or found in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
            raise InputError(f"{source}: column {name}: expected {_RULES[name][0]}, got a column of {found}")
    return table


def _check_columns(table: pl.DataFrame, source: Path | str) -> None:
    """Check every value by its column's rule."""
    for name in table.columns:
        right = table.select(_RULES[name][1](pl.col(name)))[name]
        if not right.all():
            raise _wrong(source, int((~right).arg_max() or 0), name, table[name])


def _wrong(source: Path | str, row: int, name: str, column: pl.Series) -> InputError:
    return InputError(f"{row_source(source, row)}, column {name}: expected {_RULES[name][0]}, got {shown(column[row])}")


def _check_cells(table: pl.DataFrame, source: Path | str) -> None:
    """Check that cells are in time order and contiguous, and that a cell's rows agree and name each advertiser once."""
    time = table["day"].to_numpy() * HOURS + table["hour"].to_numpy()
    backwards = np.flatnonzero(np.diff(time) < 0)
    if len(backwards):
        row = int(backwards[0]) + 1
        raise InputError(
            f"{row_source(source, row)}, column hour: expected cells in time order, "
            f"got day {table['day'][row]} hour {table['hour'][row]} after day {table['day'][row - 1]} "
            f"hour {table['hour'][row - 1]}"
        )
    cell = table["cell"].to_numpy()
    starts = np.flatnonzero(np.append(True, cell[1:] != cell[:-1]))
    _check_auctions(table["weight"].to_numpy()[starts], starts, source)
    _, first_seen = np.unique(cell[starts], return_index=True)
    if len(first_seen) < len(starts):
        row = int(starts[np.setdiff1d(np.arange(len(starts)), first_seen)[0]])
        raise InputError(
            f"{row_source(source, row)}, column cell: expected the rows of a cell to be contiguous, got cell {cell[row]} again"
        )
    first_row = np.repeat(starts, np.diff(np.append(starts, len(cell))))
    for name in CELL_COLUMNS:
        if name not in table.columns:
            continue
        column = table[name].to_numpy()
        differs = np.flatnonzero(column != column[first_row])
        if len(differs):
            row = int(differs[0])
            raise InputError(
                f"{row_source(source, row)}, column {name}: expected {shown(table[name][int(first_row[row])])} "
                f"as in the rest of cell {cell[row]}, got {shown(table[name][row])}"
            )
    twice = table.select(pl.struct("cell", "advertiser").is_first_distinct()).to_series()
    if not twice.all():
        row = int((~twice).arg_max() or 0)
        raise InputError(
            f"{row_source(source, row)}, column advertiser: expected each advertiser once in a cell, "
            f"got {shown(table['advertiser'][row])} again in cell {cell[row]}"
        )


def _check_auctions(weight: NDArray[np.int64], starts: NDArray[np.int64], source: Path | str) -> None:
    """Check that all weights together are a count that neither wraps around nor is rounded.

    A sum of 64-bit integers wraps around: 2^63 - 1 and 10 auctions would be -(2^63 - 9). The sum of doubles is within 1e-9 of
    the true sum, which decides for all but a table at the very limit.
    """
    total = np.cumsum(weight, dtype=np.float64)
    beyond = np.flatnonzero(total > MAX_AUCTIONS)
    if len(beyond):
        row = int(starts[beyond[0]])
        raise InputError(
            f"{row_source(source, row)}, column weight: expected weights of cells that sum to <= {MAX_AUCTIONS} (2^53), "
            f"got {total[beyond[0]]:.6g} up to this row"
        )
