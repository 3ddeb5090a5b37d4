"""Rows of a log that cannot be used: the table `bad`, its counts by reason with examples, and the limit on their share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auctionsim.errors import InputError, shown
from auctionsim.traffic.ingest.database import Database

MAX_EXAMPLES = 3
"""Number of examples that are kept for each reason."""
_COLUMNS = {
    "row": "BIGINT", "is_line": "BOOLEAN", "field": "VARCHAR", "reason": "VARCHAR", "value": "VARCHAR", "before": "VARCHAR",
    "after": "VARCHAR", "id": "VARCHAR", "day": "BIGINT", "second": "INTEGER", "auction": "VARCHAR",
}  # fmt: skip
"""Columns of `bad`: the row (or line) of the log, the column of the log or NULL, what was expected, what came (with the value
that came before, or words after it), the log's own id of the auction, its time, and the auction in `log`, as far as known."""

RowSource = Callable[[int, bool], str]
"""Function from a row of the log, or from a line if the second argument is true, to its file and line."""


@dataclass(frozen=True)
class BadRow:
    """A row that was dropped."""

    source: str
    """File and line: `log.csv: line 7`."""
    auction: str | None
    """The log's own id of its auction, or None if it has none or cannot be read."""
    value: str | None
    """Text that came, None if the row could not be split."""

    def __str__(self) -> str:
        came = f", got {shown(self.value)}" if self.value is not None else ""
        return f"{self.source}{f', auction {shown(self.auction)}' if self.auction is not None else ''}{came}"


@dataclass(frozen=True)
class BadRows:
    """Rows that were dropped for one reason."""

    reason: str
    """Expectation that they missed, with the column of the log: `cpc: expected a number >= 0 and < 1e9`."""
    count: int
    """Number of rows."""
    examples: tuple[BadRow, ...]
    """The first of them, up to `MAX_EXAMPLES`."""


def make_bad_table(database: Database) -> None:
    """Make the empty table `bad`."""
    database.run(f"CREATE TABLE bad ({', '.join(f'{name} {kind}' for name, kind in _COLUMNS.items())})", "reading")


def add_bad_rows(database: Database, select: str) -> None:
    """Add the rows of a SELECT, which names its columns, to `bad`. Columns that it lacks are NULL."""
    database.run(f"INSERT INTO bad BY NAME {select}", "checking rows")


def count_bad_rows(database: Database, source: RowSource) -> tuple[BadRows, ...]:
    """Count the rows of `bad` by reason, in the order of their first rows."""
    name = "coalesce(field || ': ', '') || reason"
    counted = database.rows(f"SELECT {name} AS name, count(*) FROM bad GROUP BY name ORDER BY min(row)")
    return tuple(
        BadRows(
            reason,
            count,
            tuple(
                BadRow(source(row, is_line), auction, value)
                for row, is_line, auction, value in database.rows(
                    f"SELECT row, is_line, id, value FROM bad WHERE {name} = ? ORDER BY row LIMIT {MAX_EXAMPLES}", reason
                )
            ),
        )
        for reason, count in counted
    )


def expect_few_bad(database: Database, rows: int, max_bad: float, source: RowSource) -> None:
    """Check that no more than a share of the rows is bad.

    Args:
        database: The database that holds `bad`.
        rows: Number of rows read.
        max_bad: Largest share of them, 0 to 1, that may be bad.
        source: Function from a row to its file and line.

    Raises:
        InputError: There are more. The message is about the first of them.
    """
    (bad,) = database.row("SELECT count(*) FROM bad")
    if bad <= max_bad * rows:
        return
    first = database.rows(
        "SELECT row, is_line, field, reason, value, before, after, id, auction FROM bad ORDER BY row LIMIT 1"
    )[0]
    share = f" ({bad} of {rows} rows are invalid, more than --max-bad {max_bad:g})"
    raise InputError(_message(first, source) + share)


def _message(row: Sequence[Any], source: RowSource) -> str:
    """Return the line about a row of `bad`."""
    number, is_line, field, reason, value, before, after, own_id, auction = row
    where = source(number, is_line) + (f", column {field}" if field is not None else "")
    if is_line:
        return f"{where}: {reason}"
    if auction is not None:
        where += f": auction {shown(own_id)}"
    came = f"{shown(before)} and {shown(value)}" if before is not None else shown(value)
    return f"{where}: {reason}, got {came}{after or ''}"
