"""Raw tables, Parquet or CSV, before their values are checked; and messages for files that cannot be read as a table."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

from auctionsim.errors import InputError, shown
from auctionsim.machine.memory import expect_memory
from auctionsim.machine.parquet import read_parquet
from auctionsim.names.kinds import PACKED, TABLES, UNKNOWN, kind_of_path
from auctionsim.scenario.file import kind_with_names

_DELIMITERS = (";", "\t", "|")


def read_table(path: Path, words: str = "a traffic table (Parquet or CSV)") -> tuple[pl.DataFrame, dict[str, str]]:
    """Read a Parquet or CSV file.

    Args:
        path: The file.
        words: The table in words, for a message about a file of another kind.

    Returns:
        A table of one row or more, and the texts in a Parquet file's metadata. All columns of a CSV file are text.

    Raises:
        InputError: The file is missing, empty or no table; the message about a CSV file names the line.
    """
    expect_table(path, words)
    table, metadata = read_parquet(path, "a parquet table") if path.suffix == ".parquet" else (_read_csv(path), {})
    if table.height == 0:
        raise InputError(f"{path}: expected one or more rows, got an empty table")
    return table, metadata


def expect_table(path: Path, words: str, *, is_packed: bool = False) -> None:
    """Check that a file may be a table, before a scenario or an archive is read as if it had rows.

    Args:
        path: The file.
        words: The table in words.
        is_packed: Whether a packed file will do.

    Raises:
        InputError: There is no such file, or it is something else.
    """
    kind = kind_of_path(path)
    if path.is_file() and (kind in (*TABLES, *UNKNOWN) or (is_packed and kind in PACKED)):
        return
    raise InputError(f"{path}: expected {words}, got {kind_with_names(path)}")


def _read_csv(path: Path) -> pl.DataFrame:
    """Read a CSV file as text, so that a value that does not parse can be reported with its line.

    Polars does not know the line ends of old Macs, which are replaced.
    """
    try:
        expect_memory(str(path), 2 * path.stat().st_size, "a table", "split it by days, or store it as Parquet")
        text = path.read_bytes()
        has_returns = text.count(b"\r") > text.count(b"\r\n")
        source = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if has_returns else text
        table = pl.read_csv(source, infer_schema=False, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        _explain(path)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: expected a {path.suffix[1:] or 'CSV'} table, got {shown(reason, 120)}") from error
    if table.height:
        _expect_columns(path)
    return table.rename(str.strip)


def _explain(path: Path) -> None:
    """Raise an error for a wrong header, or for the first line that is not UTF-8 or has more values than the header."""
    ends = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for number, line in enumerate(ends.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise InputError(f"{path}: line {number}: expected UTF-8, got byte {byte:#04x}") from error
    _expect_columns(path)
    with path.open(encoding="utf-8", newline="") as opened:
        reader = csv.reader(opened)
        expected = len(next(filter(None, reader), []))
        before = reader.line_num
        try:
            for values in reader:
                if len(values) > expected:
                    got = f"expected {expected} values as in the header, got {len(values)}"
                    raise InputError(f"{path}: line {before + 1}: {got}")
                before = reader.line_num
        except csv.Error as error:
            raise InputError(f"{path}: line {before + 1}: expected a row of a CSV table, got {shown(str(error))}") from error


def _expect_columns(path: Path) -> None:
    """Check the header of a CSV file for a wrong delimiter and for duplicate columns.

    Without this check a wrong delimiter would be reported as a missing column, and polars would rename a duplicate column.
    """
    try:
        with path.open(encoding="utf-8", newline="") as opened:
            names = [name.strip() for name in next(filter(None, csv.reader(opened)), [])]
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
