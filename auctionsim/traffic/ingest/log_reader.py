"""Read log files into the view `good`: a format's fields, typed and checked. Invalid rows are counted by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from auctionsim.errors import InputError, shown
from auctionsim.traffic.ingest.database import Database, named, quoted
from auctionsim.traffic.ingest.formats.base import Field, Format, Layout
from auctionsim.traffic.ingest.log_files import first_lines, unpacked

_FILE = 2**40
"""Rows are numbered `file * _FILE + row of the file`."""
_REJECTED = {
    "MISSING COLUMNS": "expected as many columns as in the first row, got fewer",
    "TOO MANY COLUMNS": "expected as many columns as in the first row, got more",
    "INVALID ENCODING": "expected UTF-8, got other bytes",
    "UNQUOTED VALUE": "expected quotes that are closed, got an open one",
}
_REJECTED_OTHERWISE = "expected a line of the log, got one that cannot be read"

Rejects = list[tuple[int, str]]
"""Lines of a file that could not be split into columns, ascending, each with the reason."""


@dataclass(frozen=True)
class ReadLog:
    """Counts of the rows that were read, and where they came from."""

    rows: int
    """Number of rows read, valid or not."""
    dropped: Counter[str]
    """Number of rows dropped, by reason."""
    names: Sequence[str]
    """Names of the files in messages, one for each member of an archive."""
    rejects: Sequence[Rejects]
    """Rejected lines of each file."""

    def source(self, row: int) -> str:
        """Return file and row of a row of the log, for messages."""
        file, number = divmod(row, _FILE)
        return f"{self.names[file]}: row {_line(number, self.rejects[file])}"


def read_logs(database: Database, form: Format, files: Sequence[Path], work: Path, max_bad: float) -> ReadLog:
    """Read all files into the table `raw`, and make the view `good` of its valid rows.

    Args:
        database: The database for `raw` and `good`.
        form: The logs' format.
        files: The log's files.
        work: A folder for unpacked files.
        max_bad: Largest share of rows, 0 to 1, that may be invalid.

    Raises:
        InputError: A file is empty or damaged, lacks a column, or more rows than `max_bad` are invalid.
    """
    columns = ", ".join(f"{named([field.name])} VARCHAR" for field in form.fields)
    database.run(f"CREATE TABLE raw (row BIGINT, {columns})", "reading")
    names: list[str] = []
    rejects: list[Rejects] = []
    for i, path in enumerate(files):
        with unpacked(path, work / f"unpacked-{i}") as plain:
            for name, file in plain:
                names.append(name)
                layout = form.layout(name, first_lines(name, file))
                step = f"reading {Path(name).name} ({i + 1} of {len(files)})"
                rejects.append(_read_file(database, form, layout, name, file, len(names) - 1, step))
    database.run(_good(form), "reading")
    dropped = _count_bad(database, form, names, rejects, max_bad)
    (read,) = database.row("SELECT count(*) FROM raw")
    return ReadLog(read + sum(map(len, rejects)), dropped, names, rejects)


def _read_file(database: Database, form: Format, layout: Layout, name: str, file: Path, index: int, step: str) -> Rejects:
    """Append a file to `raw` and return its rejected lines; `index` is its number among all files."""
    values = [_value(field, layout) for field in form.fields]
    kinds = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in _unique(layout.names))
    scan = (
        f"read_csv({quoted(file)}, auto_detect=false, delim={quoted(layout.delimiter)}, header={layout.has_header}, "
        f"quote={quoted(layout.quote)}, escape={quoted(layout.quote)}, columns={{{kinds}}}, store_rejects=true, "
        f"rejects_table='rejects_{index}', rejects_scan='scans_{index}', rejects_limit=0, max_line_size=16000000)"
    )
    first = index * _FILE + layout.has_header
    before = database.row("SELECT count(*) FROM raw")
    try:
        database.run(f"INSERT INTO raw SELECT {first} + row_number() OVER (), {', '.join(values)} FROM {scan}", step)
    except duckdb.Error as error:
        raise InputError(f"{name}: expected {form.name}, got {shown(str(error).splitlines()[0], 120)}") from error
    rows = database.rows(f"SELECT line, min(error_type) FROM rejects_{index} GROUP BY line ORDER BY line")
    rejects = [(int(line), _REJECTED.get(kind, _REJECTED_OTHERWISE)) for line, kind in rows]
    if database.row("SELECT count(*) FROM raw") == before and not rejects:
        raise InputError(f"{name}: expected one or more rows below the header, got none")
    return rejects


def _value(field: Field, layout: Layout) -> str:
    """Return the SQL of a field's text: a constant, a column of the file, or NULL."""
    if field.name in layout.constants:
        return quoted(layout.constants[field.name])
    return named([field.name]) if field.name in layout.names else "NULL"


def _unique(names: Sequence[str]) -> list[str]:
    """Name the unnamed columns of a file, which DuckDB does not accept."""
    return [name or f"column {i}" for i, name in enumerate(names)]


def _good(form: Format) -> str:
    """Return the SQL of the views `checked`, with the index of each row's first invalid field, and `good`, the valid rows."""
    filled, typed, wrong = [], [], []
    for i, field in enumerate(form.fields):
        name, absent = named([field.name]), named([f"no {field.name}"])
        filled.append(f"nullif(trim({name}), '') AS {name}")
        typed.append(f"{field.parse.format(name)} AS {name}, {name} IS NULL AS {absent}")
        right = f"coalesce({field.rule.format(name)}, false)"
        wrong.append(f"WHEN NOT {right if field.needed else f'({absent} OR {right})'} THEN {i}")
    names = named([field.name for field in form.fields])
    return (
        f"CREATE VIEW checked AS SELECT row, {names}, CASE {' '.join(wrong)} END AS wrong "
        f"FROM (SELECT row, {', '.join(typed)} FROM (SELECT row, {', '.join(filled)} FROM raw)); "
        f"CREATE VIEW good AS SELECT row, {names} FROM checked WHERE wrong IS NULL"
    )


def _count_bad(
    database: Database, form: Format, names: Sequence[str], rejects: Sequence[Rejects], max_bad: float
) -> Counter[str]:
    """Count rejected lines and invalid rows by reason; raise an error about the first if they are more than `max_bad`."""
    counted = database.rows("SELECT wrong, count(*), min(row) FROM checked WHERE wrong IS NOT NULL GROUP BY wrong ORDER BY 3")
    dropped = Counter({f"{form.fields[w].name}: expected {form.fields[w].words}": n for w, n, _ in counted})
    n_rejects = sum(map(len, rejects))
    dropped.update(reason for lines in rejects for _, reason in lines)
    (read,) = database.row("SELECT count(*) FROM raw")
    bad = sum(dropped.values())
    if bad <= max_bad * (read + n_rejects):
        return dropped
    share = f" ({bad} of {read + n_rejects} rows are invalid, more than --max-bad {max_bad:g})"
    file = next((i for i, lines in enumerate(rejects) if lines), len(rejects))
    if not counted or (n_rejects and file * _FILE + rejects[file][0][0] <= counted[0][2]):
        line, reason = rejects[file][0]
        raise InputError(f"{names[file]}: row {line}: {reason}{share}")
    field, row = form.fields[counted[0][0]], counted[0][2]
    file, number = divmod(row, _FILE)
    (value,) = database.row(f"SELECT {named([field.name])} FROM raw WHERE row = {row}")
    where = f"{names[file]}: row {_line(number, rejects[file])}, column {field.name}"
    raise InputError(f"{where}: expected {field.words}, got {shown(value)}{share}")


def _line(number: int, rejects: Rejects) -> int:
    """Return the line of a file that holds its row `number`; rows do not count rejected lines, lines do."""
    for line, _ in rejects:
        number += line <= number
    return number
