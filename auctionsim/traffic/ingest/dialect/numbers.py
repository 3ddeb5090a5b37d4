"""Marks in numbers: the decimal mark, and the mark between thousands, as they are set or as all numbers of a log show.

1.234,50 and 0,5 show a decimal comma; 1,234.50 shows commas between thousands. 1,234 alone may be either, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from auctionsim.errors import InputError, shown
from auctionsim.traffic.ingest.database import Database, named, quoted

PLAIN = "try_cast(trim({0}) AS DOUBLE)"
"""SQL from the text `{0}` to a number with a decimal point, NULL if it is none."""
DECIMAL_MARKS = {".": "decimal point", ",": "decimal comma"}
"""Words for the decimal mark."""
THOUSANDS_MARKS = {
    "": "nothing", ",": "commas", ".": "points", " ": "blanks", "'": "apostrophes",
}  # fmt: skip
"""Words for the mark between thousands. A blank stands for any kind of blank, an apostrophe for the curved one too."""

# Characters that count as the mark: no-break, thin and narrow no-break blanks; the right single quotation mark.
_KINDS = {" ": " \u00a0\u2009\u202f", "'": "'\u2019"}
_MARKED = "[, '\u00a0\u2009\u202f\u2019]|\\..*\\."
_MAX_SHAPES = 10_000


@dataclass(frozen=True)
class Marks:
    """The marks in a log's numbers."""

    decimal: str = "."
    """Key of `DECIMAL_MARKS`."""
    thousands: str = ""
    """Key of `THOUSANDS_MARKS`."""

    @property
    def words(self) -> str:
        """Words for both marks."""
        between = f", {THOUSANDS_MARKS[self.thousands]} between thousands" if self.thousands else ""
        return DECIMAL_MARKS[self.decimal] + between

    @property
    def pattern(self) -> str:
        """Regular expression of a number with these marks."""
        mark = re.escape(self.decimal)
        tail = f"(?:{mark}\\d*)?(?:[eE][+-]?\\d+)?"
        grouped = f"[1-9]\\d{{0,2}}(?:[{self._kinds}]\\d{{3}})+{tail}|" if self.thousands else ""
        return f"^[+-]?(?:{grouped}\\d+{tail}|{mark}\\d+(?:[eE][+-]?\\d+)?)$"

    @property
    def parse(self) -> str:
        """SQL from the text `{0}` to a number, NULL if it is none."""
        if self == Marks():
            return PLAIN
        pattern = quoted(self.pattern).replace("{", "{{").replace("}", "}}")
        kinds = quoted(self._kinds)
        return (
            f"CASE WHEN regexp_matches(trim({{0}}), {pattern}) THEN "
            f"try_cast(replace(translate(trim({{0}}), {kinds}, ''), {quoted(self.decimal)}, '.') AS DOUBLE) END"
        )

    @property
    def _kinds(self) -> str:
        return _KINDS.get(self.thousands, self.thousands)


def find_marks(
    database: Database,
    columns: Mapping[str, str],
    decimal: str | None,
    thousands: str | None,
    source: Callable[[int], str],
) -> Marks:
    """Find the marks under which most numbers in the table `raw` are numbers; a decimal point if they are plain.

    Args:
        database: The database that holds `raw`.
        columns: Names in the log of the columns of numbers, by their names in `raw`.
        decimal: The decimal mark, or None to find it.
        thousands: The mark between thousands, or None to find it.
        source: Function from a row to its file and line.

    Raises:
        InputError: The numbers have commas which may be decimal or between thousands.
    """
    choices = [
        Marks(mark, between)
        for between in THOUSANDS_MARKS
        for mark in DECIMAL_MARKS
        if mark != between and decimal in (None, mark) and thousands in (None, between)
    ]
    shapes = _shapes(database, list(columns)) if len(choices) > 1 else {}
    fits = {marks: sum(count for shape, count in shapes.items() if re.match(marks.pattern, shape)) for marks in choices}
    best = max(fits, key=lambda marks: fits[marks])
    comma, between = Marks(","), Marks(thousands=",")
    if best == comma and fits.get(between) == fits[comma]:
        raise _ambiguous(database, columns, source)
    return best


def _shapes(database: Database, keys: Sequence[str]) -> dict[str, int]:
    """Count the values of some columns by their shape, with 9 for every digit but a leading 0. Empty if none is marked."""
    texts = [f"trim({named([key])})" for key in keys]
    marked = " OR ".join(f"regexp_matches({text}, {quoted(_MARKED)})" for text in texts)
    if not keys or not database.row(f"SELECT coalesce(bool_or({marked}), false) FROM raw")[0]:
        return {}
    values = " UNION ALL ".join(f"SELECT {text} AS value FROM raw" for text in texts)
    nines = "translate(value, '012345678', '999999999')"
    rows = database.rows(
        f"SELECT CASE WHEN starts_with(value, '0') THEN '0' || substr({nines}, 2) ELSE {nines} END AS shape, count(*) AS n "
        f"FROM ({values}) WHERE value <> '' GROUP BY shape ORDER BY n DESC, shape LIMIT {_MAX_SHAPES}"
    )
    return dict(rows)


def _ambiguous(database: Database, columns: Mapping[str, str], source: Callable[[int], str]) -> InputError:
    """Make the error about the first number with a comma."""
    for key, column in columns.items():
        rows = database.rows(f"SELECT row, {named([key])} FROM raw WHERE contains({named([key])}, ',') ORDER BY row LIMIT 1")
        if rows:
            (row, value) = rows[0]
            text = str(value).strip()
            choice = 'set decimal = "," or thousands = "," in the mapping'
            return InputError(
                f"{source(row)}, column {column}: expected a decimal comma or commas between thousands, "
                f"got {shown(text)}, which may be both: {choice}"
            )
    raise AssertionError("an ambiguous comma stands in some column")
