"""Raw tables, Parquet or CSV, before their values are checked; and messages for files that cannot be read as a table."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

from auctionsim.errors import InputError, shown

_DELIMITERS = (";", "\t", "|")


def read_table(path: Path) -> pl.DataFrame:
    """Read a Parquet or CSV file.

    Returns:
        A table of one row or more. All columns of a CSV file are text.

    Raises:
        InputError: The file is missing, empty or no table; the message about a CSV file names the row.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a traffic table (Parquet or CSV), got no such file")
    is_parquet = path.suffix == ".parquet"
    try:
        # Polars takes a `~` at the beginning of a path for the home of the user, so it gets absolute paths.
        # Everything is read as text first, so that we can report a value that does not parse with its row.
        table = pl.read_parquet(path.absolute(), glob=False) if is_parquet else _read_csv(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        if not is_parquet:
            _explain(path)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: expected a {path.suffix[1:] or 'CSV'} table, got {shown(reason, 120)}") from error
    if table.height == 0:
        raise InputError(f"{path}: expected one or more rows, got an empty table")
    if not is_parquet:
        _expect_columns(path)
        table = table.rename(str.strip)
    return table


def _read_csv(path: Path) -> pl.DataFrame:
    """Read a CSV file as text. Polars does not know the line ends of old Macs, which are replaced."""
    text = path.read_bytes()
    has_returns = text.count(b"\r") > text.count(b"\r\n")
    source = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if has_returns else path.absolute()
    return pl.read_csv(source, infer_schema=False, glob=False)


def _explain(path: Path) -> None:
    """Raise an error for a wrong header, or for the first row that is not UTF-8 or has more values than the header."""
    with path.open("rb") as opened:
        for row, line in enumerate(opened):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = error.object[error.start]
                raise InputError(f"{path}: {_row(row)}: expected UTF-8, got byte {byte:#04x}") from error
    _expect_columns(path)
    with path.open(encoding="utf-8", newline="") as opened:
        reader = csv.reader(opened)
        expected = len(next(reader, []))
        row = 1
        try:
            for values in reader:
                if len(values) > expected:
                    raise InputError(f"{path}: {_row(row)}: expected {expected} values as in the header, got {len(values)}")
                row += 1
        except csv.Error as error:
            raise InputError(f"{path}: {_row(row)}: expected a row of a CSV table, got {shown(str(error))}") from error


def _expect_columns(path: Path) -> None:
    """Check the header of a CSV file for a wrong delimiter and for duplicate columns.

    Without this check a wrong delimiter would be reported as a missing column, and polars would rename a duplicate column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as opened:
            names = [name.strip() for name in next(csv.reader(opened), [])]
    except UnicodeDecodeError:
        _explain(path)
        raise
    except csv.Error as error:
        raise InputError(f"{path}: the header: expected names of columns, got {shown(str(error))}") from error
    other = next((delimiter for delimiter in _DELIMITERS if len(names) == 1 and delimiter in names[0]), None)
    if other:
        raise InputError(f"{path}: the header: expected columns separated by ',', got columns separated by {other!r}")
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise InputError(f"{path}: column {shown(twice[0])}: expected once, got it twice")


def _row(number: int) -> str:
    return f"row {number}" if number else "the header"
