"""Files into the view `good`: the fields of a format, typed and checked; rows that are wrong are counted by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from auctionsim.errors import InputError, shown
from auctionsim.traffic.ingest.database import Database, named, quoted
from auctionsim.traffic.ingest.formats.base import Field, Format, Layout
from auctionsim.traffic.ingest.sources import first_lines, unpacked

_FILE = 2**40
"""Rows are numbered `file * _FILE + row of the file`."""
_TORN = {
    "MISSING COLUMNS": "expected as many columns as in the first row, got fewer",
    "TOO MANY COLUMNS": "expected as many columns as in the first row, got more",
    "INVALID ENCODING": "expected UTF-8, got other bytes",
    "UNQUOTED VALUE": "expected quotes that are closed, got an open one",
}
_TORN_OTHERWISE = "expected a line of the log, got one that cannot be read"

Torn = list[tuple[int, str]]
"""Lines of a file that could not be cut into columns, ascending, and why."""


@dataclass(frozen=True)
class Reading:
    """What was read."""

    rows: int
    dropped: Counter[str]
    """Rows by reason."""
    names: Sequence[str]
    """Of the files, members of archives each on its own."""
    torn: Sequence[Torn]
    """Of each file."""

    def place(self, row: int) -> str:
        """File and row of a row of the log, for messages."""
        place, number = divmod(row, _FILE)
        return f"{self.names[place]}: row {_line(number, self.torn[place])}"


def read_logs(database: Database, form: Format, files: Sequence[Path], work: Path, max_bad: float) -> Reading:
    """Read all files.

    Args:
        database: Gets the table `raw` and the view `good`.
        form: The format.
        files: The log's files.
        work: A folder for unpacked files.
        max_bad: The share of rows, 0 to 1, that may be unreadable.

    Raises:
        InputError: A file is empty, torn, lacks a column, or too many of its rows are wrong.
    """
    columns = ", ".join(f"{named([field.name])} VARCHAR" for field in form.fields)
    database.run(f"CREATE TABLE raw (row BIGINT, {columns})", "reading")
    shown_names: list[str] = []
    torn: list[Torn] = []
    for i, path in enumerate(files):
        with unpacked(path, work / f"unpacked-{i}") as plain:
            for name, file in plain:
                place = len(shown_names)
                shown_names.append(name)
                layout = form.layout(name, first_lines(name, file))
                label = f"reading {Path(name).name} ({i + 1} of {len(files)})"
                torn.append(_read_file(database, form, layout, name, file, place, label))
    database.run(_good(form), "reading")
    dropped = _count_bad(database, form, shown_names, torn, max_bad)
    (read,) = database.row("SELECT count(*) FROM raw")
    return Reading(read + sum(map(len, torn)), dropped, shown_names, torn)


def _read_file(database: Database, form: Format, layout: Layout, name: str, file: Path, place: int, label: str) -> Torn:
    """Append a file to `raw`."""
    taken = [_taken(field, layout) for field in form.fields]
    kinds = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in _unique(layout.names))
    scan = (
        f"read_csv({quoted(file)}, auto_detect=false, delim={quoted(layout.delimiter)}, header={layout.has_header}, "
        f"quote={quoted(layout.quote)}, escape={quoted(layout.quote)}, columns={{{kinds}}}, store_rejects=true, "
        f"rejects_table='rejects_{place}', rejects_scan='scans_{place}', rejects_limit=0, max_line_size=16000000)"
    )
    first = place * _FILE + layout.has_header
    before = database.row("SELECT count(*) FROM raw")
    try:
        database.run(
            f"INSERT INTO raw SELECT {first} + row_number() OVER (), {', '.join(taken)} FROM {scan}",
            label,
        )
    except duckdb.Error as error:
        raise InputError(f"{name}: expected {form.name}, got {shown(str(error).splitlines()[0], 120)}") from error
    rejects = database.rows(f"SELECT line, min(error_type) FROM rejects_{place} GROUP BY line ORDER BY line")
    torn = [(int(line), _TORN.get(kind, _TORN_OTHERWISE)) for line, kind in rejects]
    if database.row("SELECT count(*) FROM raw") == before and not torn:
        raise InputError(f"{name}: expected at least one row below the header, got none")
    return torn


def _taken(field: Field, layout: Layout) -> str:
    if field.name in layout.constants:
        return quoted(layout.constants[field.name])
    return named([field.name]) if field.name in layout.names else "NULL"


def _unique(names: Sequence[str]) -> list[str]:
    """Names for columns nobody asks for may be empty or stand twice in a file without a header."""
    return [name or f"column {i}" for i, name in enumerate(names)]


def _good(form: Format) -> str:
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


def _count_bad(database: Database, form: Format, names: Sequence[str], torn: Sequence[Torn], max_bad: float) -> Counter[str]:
    counted = database.rows("SELECT wrong, count(*), min(row) FROM checked WHERE wrong IS NOT NULL GROUP BY wrong ORDER BY 3")
    dropped = Counter({f"{form.fields[w].name}: expected {form.fields[w].words}": n for w, n, _ in counted})
    n_torn = sum(map(len, torn))
    dropped.update(why for lines in torn for _, why in lines)
    (read,) = database.row("SELECT count(*) FROM raw")
    bad = sum(dropped.values())
    if bad <= max_bad * (read + n_torn):
        return dropped
    tail = f" ({bad} of {read + n_torn} rows are wrong, more than --max-bad {max_bad:g})"
    place = next((i for i, lines in enumerate(torn) if lines), len(torn))
    if not counted or (n_torn and place * _FILE + torn[place][0][0] <= counted[0][2]):
        line, why = torn[place][0]
        raise InputError(f"{names[place]}: row {line}: {why}{tail}")
    field, row = form.fields[counted[0][0]], counted[0][2]
    place, number = divmod(row, _FILE)
    (value,) = database.row(f"SELECT {named([field.name])} FROM raw WHERE row = {row}")
    where = f"{names[place]}: row {_line(number, torn[place])}, column {field.name}"
    raise InputError(f"{where}: expected {field.words}, got {shown(value)}{tail}")


def _line(number: int, torn: Torn) -> int:
    """The row of a file, lines that could not be read counted in."""
    for line, _ in torn:
        number += line <= number
    return number
