"""Tables as they come, Parquet or CSV, before their values are looked at; what is wrong with a file that is none."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

from auctionsim.errors import InputError, shown

_DELIMITERS = (";", "\t", "|")


def read_table(path: Path) -> pl.DataFrame:
    """A table of at least one row; all columns of a CSV file are text.

    Raises:
        InputError: There is no such file, or it is no table; of CSV the message names the row.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a traffic table (Parquet or CSV), got no such file")
    is_parquet = path.suffix == ".parquet"
    try:
        # Everything as text first: a value that does not parse is then reported with its row, not by the reader.
        table = pl.read_parquet(path, glob=False) if is_parquet else pl.read_csv(path, infer_schema=False, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        if not is_parquet:
            _explain(path)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: expected a {path.suffix[1:] or 'CSV'} table, got {shown(reason, 120)}") from error
    if table.height == 0:
        raise InputError(f"{path}: expected at least one row, got an empty table")
    if not is_parquet:
        _expect_columns(path)
    return table


def _explain(path: Path) -> None:
    """Raise for the first row of a CSV file that is not UTF-8 or has another number of values than the header."""
    with path.open("rb") as opened:
        for row, line in enumerate(opened):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = error.object[error.start]
                raise InputError(f"{path}: {_row(row)}: expected UTF-8, got byte {byte:#04x}") from error
    with path.open(encoding="utf-8", newline="") as opened:
        reader = csv.reader(opened)
        expected = len(next(reader, []))
        for row, values in enumerate(reader, start=1):
            if len(values) > expected:
                raise InputError(f"{path}: {_row(row)}: expected {expected} values as in the header, got {len(values)}")


def _expect_columns(path: Path) -> None:
    """Told here, a wrong delimiter is not a missing column, and a column that stands twice has its own name."""
    try:
        with path.open(encoding="utf-8", newline="") as opened:
            names = next(csv.reader(opened))
    except UnicodeDecodeError:
        _explain(path)
        raise
    other = next((delimiter for delimiter in _DELIMITERS if len(names) == 1 and delimiter in names[0]), None)
    if other:
        raise InputError(f"{path}: the header: expected columns separated by ',', got columns separated by {other!r}")
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise InputError(f"{path}: column {shown(twice[0])}: expected once, got it twice")


def _row(place: int) -> str:
    return f"row {place}" if place else "the header"
