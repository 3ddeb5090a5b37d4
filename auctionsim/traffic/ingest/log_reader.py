"""Read log files into the view `good`: a format's fields, typed and checked. Invalid rows go to the table `bad`."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, takewhile
from pathlib import Path

import duckdb
import numpy as np

from auctionsim.errors import InputError, shown
from auctionsim.machine.disk import is_full
from auctionsim.traffic.ingest.archives import unpacked
from auctionsim.traffic.ingest.bad_rows import add_bad_rows, expect_few_bad, make_bad_table
from auctionsim.traffic.ingest.database import Database, file_name, named, quoted
from auctionsim.traffic.ingest.dialect.clock import Clock, without_no_time
from auctionsim.traffic.ingest.dialect.columns import FoundDialect, read_dialect
from auctionsim.traffic.ingest.dialect.text_files import as_utf8
from auctionsim.traffic.ingest.dialect.zones import Zone
from auctionsim.traffic.ingest.formats.base import Field, Format, Layout
from auctionsim.traffic.ingest.formats.conversion_times import AUCTION_AT
from auctionsim.traffic.ingest.log_files import blank_lines, expect_columns, first_lines
from auctionsim.traffic.text_lines import Lines, RowlessLines, line_of, rowless_lines, union

_FILE = 2**40
"""Rows are numbered `file * _FILE + row of the file`."""
_OPEN_QUOTE = "UNQUOTED VALUE"
_REJECTED = {
    "MISSING COLUMNS": "expected as many columns as in the first row, got fewer",
    "TOO MANY COLUMNS": "expected as many columns as in the first row, got more",
    "INVALID ENCODING": "expected UTF-8, got other bytes",
    _OPEN_QUOTE: "expected quotes that are closed, got an open one",
}
_INSIDE = "expected a line outside quotes, got one after a quote that is not closed"
_REJECTED_OTHERWISE = "expected a line of the log, got one that cannot be read"
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class LogFile:
    """A file that was read, one for each member of an archive."""

    name: str
    """Name in messages."""
    rejected: int
    """Number of lines that could not be split into columns."""
    passed_over: Lines
    """Lines that hold no row that was read, ascending: rejected and empty ones, and those where a quoted value goes on."""
    is_exact: bool
    """Whether rows and lines passed over are all lines: else the reader counts rows otherwise, and lines cannot be told."""
    dialect: str
    """Words for its encoding and delimiter."""


@dataclass(frozen=True)
class ReadLog:
    """Number of the rows that were read, and where they came from."""

    rows: int
    """Number of rows read, valid or not."""
    files: Sequence[LogFile]
    """Files in the order of their rows."""
    clock: Clock | None
    """Clock of the log's times or days, or None if the format has its own."""
    assumed: tuple[str, ...]
    """Lines that say what was assumed about encodings, delimiters, numbers and times."""

    def source(self, row: int, is_line: bool = False) -> str:
        """Return file and line of a row of the log, or of a rejected line, for messages: as an editor counts lines."""
        return _source(self.files, row, is_line)


@dataclass(frozen=True)
class _Reject:
    """A line that could not be split into columns."""

    line: int
    reason: str
    text: str | None


def read_logs(
    database: Database,
    form: Format,
    files: Sequence[Path],
    work: Path,
    max_bad: float,
    zone: Zone | None = None,
    max_unpacked: float | None = None,
) -> ReadLog:
    """Read all files into the table `raw`, and make the view `good` of its valid rows and the table `bad` of the others.

    Args:
        database: The database for the tables, opened for `files`.
        form: The logs' format.
        files: The log's files.
        work: A folder for unpacked files.
        max_bad: Largest share of rows, 0 to 1, that may be invalid.
        zone: The zone of days and hours, or None for that of the log.
        max_unpacked: Size in GB that each compressed file may unpack to; None for a multiple of its own size.

    Raises:
        InputError: A file is empty or damaged, lacks a column, or more rows than `max_bad` are invalid.
    """
    columns = ", ".join(f"{named([field.key])} VARCHAR" for field in form.fields)
    database.run(f"CREATE TABLE raw (row BIGINT, {columns})", "reading")
    make_bad_table(database)
    read: list[LogFile] = []
    for i, path in enumerate(files):
        with unpacked(path, database.logs[i], work / f"unpacked-{i}", max_unpacked) as plain:
            for name, file in plain:
                expect_columns(name, file)
                copy = work / f"text-{len(read)}.csv"
                text = as_utf8(name, file, copy, form.dialect.encoding if form.dialect else None)
                lines = first_lines(name, text.path)
                layout = form.layout(f"{name}: line {1 + blank_lines(text.path)}", lines)
                step = f"reading {Path(name).name} ({i + 1} of {len(files)})"
                split = _DELIMITERS.get(layout.delimiter, repr(layout.delimiter))
                dialect = f"{text.encoding}, columns separated by {split}"
                read.append(_read_file(database, form, layout, name, text.path, len(read), step, dialect))
                copy.unlink(missing_ok=True)
    found = read_dialect(database, form, zone, lambda row: _source(read, row, False))
    database.run(_good(form, found), "reading")
    add_bad_rows(database, _bad(form))
    rows = database.row("SELECT count(*) FROM raw")[0] + sum(file.rejected for file in read)
    log = ReadLog(rows, read, found.clock, (*_files_words(form, read), *found.assumed))
    expect_few_bad(database, rows, max_bad, log.source)
    return log


def _read_file(
    database: Database, form: Format, layout: Layout, name: str, file: Path, index: int, step: str, dialect: str
) -> LogFile:
    """Append a file to `raw` and `bad`; `index` is its number among all files."""
    # DuckDB passes over blank lines, but takes the first line for the header, even a blank one.
    blank = blank_lines(file)
    # Columns are read by position: their names may differ in case alone, or stand twice.
    values = [_value(field, layout) for field in form.fields]
    kinds = ", ".join(f"c{i}: 'VARCHAR'" for i in range(len(layout.names)))
    scan = (
        f"read_csv({file_name(file)}, auto_detect=false, delim={quoted(layout.delimiter)}, header={layout.has_header}, "
        f"skip={blank}, quote={quoted(layout.quote)}, escape={quoted(layout.quote)}, columns={{{kinds}}}, store_rejects=true, "
        f"rejects_table='rejects_{index}', rejects_scan='scans_{index}', rejects_limit=0, max_line_size=16000000, "
        "compression='none', hive_partitioning=false)"
    )
    first = index * _FILE + layout.has_header
    (before,) = database.row("SELECT count(*) FROM raw")
    try:
        database.run(f"INSERT INTO raw SELECT {first} + row_number() OVER (), {', '.join(values)} FROM {scan}", step)
    except duckdb.Error as error:
        # Errors of other kinds quote the log, which may hold any words.
        if isinstance(error, duckdb.OperationalError) and is_full(error):
            raise
        raise InputError(f"{name}: expected {form.name}, got {shown(str(error).splitlines()[0], 120)}") from error
    rejects = [
        _Reject(int(line), _REJECTED.get(kind, _REJECTED_OTHERWISE), text)
        for line, kind, text in database.rows(
            f"SELECT line, min(error_type), any_value(csv_line) FROM rejects_{index} GROUP BY line ORDER BY line"
        )
    ]
    read = database.row("SELECT count(*) FROM raw")[0] - before
    if not read and not rejects:
        raise InputError(f"{name}: expected one or more rows below the header, got none")
    rowless, is_exact = _rowless(file, layout, read + layout.has_header + len(rejects))
    rejects = _with_lines_inside(rejects, rowless)
    position = next((layout.names.index(f.name) for f in form.fields if f.is_auction and f.name in layout.names), None)
    if rejects:
        database.append(
            "bad",
            {
                "row": np.array([index * _FILE + reject.line for reject in rejects]),
                "is_line": np.ones(len(rejects), dtype=bool),
                "reason": np.array([reject.reason for reject in rejects], dtype=object),
                "id": np.array([_cut(reject.text, position, layout) for reject in rejects], dtype=object),
            },
        )
    rejected = np.array([reject.line for reject in rejects], dtype=np.int64)
    passed_over = union(rejected, rowless.passed_over(empty=len(layout.names) > 1))
    return LogFile(name, len(rejects), passed_over, is_exact, dialect)


def _rowless(file: Path, layout: Layout, rows: int) -> tuple[RowlessLines, bool]:
    """Return the lines on which no row begins, and whether all others are as many as the rows that were read."""
    found = rowless_lines(file, layout.delimiter, layout.quote)
    for is_exact in (False, True):
        found = rowless_lines(file, layout.delimiter, layout.quote, is_exact=True) if is_exact else found
        # DuckDB passes over empty lines, unless there is one column alone.
        if found.total - len(found.passed_over(empty=len(layout.names) > 1)) == rows:
            return found, True
    return found, False


def _with_lines_inside(rejects: list[_Reject], rowless: RowlessLines) -> list[_Reject]:
    """Return rejected lines as an editor counts them, with those that a quote which is not closed has swallowed.

    DuckDB counts a row as one line, however many its quoted values have. A quote swallows lines up to the next one, or the end.
    """
    inside, empty = set(rowless.inside.tolist()), set(rowless.empty.tolist())
    found = []
    for reject in rejects:
        line = line_of(rowless.inside, reject.line)
        found.append(replace(reject, line=line))
        if reject.reason == _REJECTED[_OPEN_QUOTE]:
            swallowed = takewhile(inside.__contains__, count(line + 1))
            found += [_Reject(one, _INSIDE, None) for one in swallowed if one not in empty]
    return found


def _cut(line: str | None, position: int | None, layout: Layout) -> str | None:
    """Return the text of a column of a rejected line, None if it cannot be told."""
    if line is None or position is None:
        return None
    try:
        values = next(csv.reader([line], delimiter=layout.delimiter, quotechar=layout.quote or None), [])
    except csv.Error:
        return None
    return values[position].strip() or None if position < len(values) else None


def _value(field: Field, layout: Layout) -> str:
    """Return the SQL of a field's text: a constant, a column of the file, or NULL."""
    if field.name in layout.constants:
        return quoted(layout.constants[field.name])
    return f"c{layout.names.index(field.name)}" if field.name in layout.names else "NULL"


def _good(form: Format, dialect: FoundDialect) -> str:
    """Return the SQL of the views `checked`, with the index of each row's first broken rule, and `good`, the valid rows.

    The rules are those of the fields, in their order, and then those of whole rows.
    """
    filled, typed, wrong, came = [], [*dialect.derived], [], []
    for i, field in enumerate(form.fields):
        name, text = named([field.key]), named([f"text {field.key}"])
        parse, rule = dialect.parses.get(field.key, (field.parse, field.rule))
        given = f"nullif(trim({name}), '')"
        if field.is_later and field.times is not None and field.times.unit is not None:
            given = without_no_time(given)
        filled.append(f"{given} AS {name}")
        typed.append(f"{parse.format(name)} AS {name}, {name} AS {text}")
        right = f"coalesce({rule.format(name)}, false)"
        wrong.append(f"WHEN NOT {right if field.needed else f'({text} IS NULL OR {right})'} THEN {i}")
        came.append(f"WHEN {i} THEN {text}")
    for i, own in enumerate(form.rules, start=len(form.fields)):
        wrong.append(f"WHEN NOT ({own.rule}) THEN {i}")
        came.append(f"WHEN {i} THEN {named([f'text {own.key}'])}")
    names = ", ".join([named([field.key for field in form.fields]), *([AUCTION_AT] if dialect.derived else [])])
    return (
        f"CREATE VIEW checked AS SELECT *, CASE wrong {' '.join(came)} END AS came FROM ("
        f"SELECT *, CASE {' '.join(wrong)} END AS wrong "
        f"FROM (SELECT row, {', '.join(typed)} FROM (SELECT row, {', '.join(filled)} FROM raw))); "
        f"CREATE VIEW good AS SELECT row, {names} FROM checked WHERE wrong IS NULL"
    )


def _bad(form: Format) -> str:
    """Return the SELECT of the invalid rows of `checked`, for `bad`."""
    name_of = {field.key: field.name for field in form.fields}
    fields = ", ".join(quoted(name) for name in [*name_of.values(), *(name_of[own.key] for own in form.rules)])
    expected = [*(field.words for field in form.fields), *(own.words for own in form.rules)]
    words = ", ".join(quoted(f"expected {one}") for one in expected)
    auction = f"try(({form.auction})::VARCHAR)" if form.auction else "NULL"
    # Any field of such a row can be the invalid one: a number that is none, or infinite, names no auction and no time.
    return (
        f"SELECT row, false AS is_line, [{fields}][wrong + 1] AS field, [{words}][wrong + 1] AS reason, came AS value, "
        f"{auction} AS id, try(({form.day})::BIGINT) AS day, try(({form.second})::INTEGER) AS second "
        "FROM checked WHERE wrong IS NOT NULL"
    )


def _files_words(form: Format, files: Sequence[LogFile]) -> list[str]:
    """Say how the files were read, with one line for each dialect."""
    if form.dialect is None:
        return []
    counts = Counter(file.dialect for file in files)
    names = {file.dialect: file.name for file in reversed(files)}
    return [f"{names[words]}{f' and {n - 1} more' if n > 1 else ''}: {words}" for words, n in counts.items()]


def _source(files: Sequence[LogFile], row: int, is_line: bool) -> str:
    """Return file and line; rows are numbered without the lines that are passed over, rejected lines as they are."""
    file, number = divmod(row, _FILE)
    found = files[file]
    line = number if is_line else line_of(found.passed_over, number)
    return f"{found.name}: {'line' if found.is_exact else 'about line'} {line}"
