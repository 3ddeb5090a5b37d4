"""The format of a log: how a file's columns are found, which values are valid, and the SQL that makes the common log."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from auctionsim.errors import InputError, shown, suggestion
from auctionsim.traffic.array_checks import PRICE_LIMIT, PRICE_WORDS
from auctionsim.traffic.ingest.dialect.numbers import PLAIN
from auctionsim.traffic.ingest.dialect.times import TimeFormat
from auctionsim.traffic.ingest.dialect.zones import Zone

LOG_COLUMNS = {
    "row": "BIGINT", "day": "BIGINT", "second": "INTEGER", "auction": "VARCHAR", "weight": "BIGINT", "query": "VARCHAR",
    "advertiser": "VARCHAR", "pctr": "DOUBLE", "pcvr": "DOUBLE", "item_price": "DOUBLE", "manual_bid": "DOUBLE",
    "ctr": "DOUBLE", "cvr": "DOUBLE", "market_ecpm": "DOUBLE", "ctr_trials": "DOUBLE", "ctr_hits": "DOUBLE",
    "cvr_trials": "DOUBLE", "cvr_hits": "DOUBLE", "shown": "DOUBLE", "clicked": "DOUBLE", "converted": "DOUBLE",
    "price": "DOUBLE",
}  # fmt: skip
"""Columns of the common log, which has one row per candidate of an auction.

Up to `market_ecpm` they are the traffic table's columns before cells are made, with `second` of the day. `pctr` and `pcvr` are
NULL where they are to be estimated, `ctr` and `cvr` where they equal the prediction. Rates are estimated from trials and hits.
The summary counts what was shown, clicked and converted, and the price.
"""


PARTS = {"hundredths": 100, "thousandths": 1000, "millionths": 1_000_000}
"""Parts of a unit that a log's prices may be counted in, by the key of a mapping file that says so."""


@dataclass(frozen=True)
class Field:
    """A column of a log that is read. All other columns, such as identifiers of people, are never read."""

    name: str
    """Name of the column in the log."""
    words: str
    """Valid values in words, for messages."""
    parse: str = PLAIN
    """SQL from the text `{0}` to the value, NULL if it cannot be parsed."""
    rule: str = "isfinite({0})"
    """SQL that is true if the value `{0}` is valid."""
    needed: bool = True
    """Whether the column must exist and have a value in each row; if not, missing values are NULL."""
    own_key: str = ""
    """Name of the column in `good`, if it is another than in the log."""
    times: TimeFormat | None = None
    """Format of the times, of a column of times. `parse` is then made from it."""
    is_day: bool = False
    """Whether the column holds days: whole numbers, or dates."""
    is_auction: bool = False
    """Whether the column alone is the log's own id of an auction."""
    part: str | None = None
    """The part of a unit that the log counts in, one of `PARTS`: values are divided by it while they are read."""
    is_later: bool = False
    """Whether times are of what came after the auction: they are read in UTC, so that differences are elapsed time."""

    @property
    def key(self) -> str:
        """Name of the column in `good`. Columns of a user's log have any names there are, so SQL uses other ones."""
        return self.own_key or self.name


def text(name: str, *, needed: bool = True) -> Field:
    """Make a field of text that is not empty."""
    return Field(name, "text", "trim({0})", "length({0}) > 0", needed)


def number(name: str, *, maximum: float, needed: bool = True) -> Field:
    """Make a field of numbers from 0 to `maximum`."""
    return Field(name, f"a number from 0 to {maximum:g}", rule=f"{{0}} BETWEEN 0 AND {maximum}", needed=needed)


def price(name: str, *, needed: bool = True) -> Field:
    """Make a field of prices or bids in the traffic table's range."""
    return Field(name, PRICE_WORDS, rule=f"isfinite({{0}}) AND {{0}} >= 0 AND {{0}} < {PRICE_LIMIT}", needed=needed)


def whole(name: str, *, minimum: int = 0, maximum: int = 2**53, needed: bool = True) -> Field:
    """Make a field of whole numbers from `minimum` to `maximum`."""
    words = f"a whole number >= {minimum}" if maximum == 2**53 else f"a whole number from {minimum} to {maximum}"
    return Field(name, words, rule=f"{{0}} = round({{0}}) AND {{0}} BETWEEN {minimum} AND {maximum}", needed=needed)


def flag(name: str) -> Field:
    """Make a field of 1 or 0, or true or false, that may be empty."""
    parse = "CASE lower(trim({0})) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE try_cast(trim({0}) AS DOUBLE) END"
    return Field(name, "1 or 0, or true or false", parse, "{0} = 0 OR {0} = 1", needed=False)


def times(name: str, form: TimeFormat, words: str, *, key: str = "") -> Field:
    """Make a field of times."""
    return Field(name, words, rule="{0} IS NOT NULL", own_key=key, times=form)


def later_times(name: str, form: TimeFormat, words: str, *, key: str = "") -> Field:
    """Make a field of times of what came after the auction, which may be empty."""
    return replace(times(name, form, words, key=key), needed=False, is_later=True)


@dataclass(frozen=True)
class RowRule:
    """A rule that several values of a row keep together."""

    key: str
    """Key of the field under which a row that breaks it is counted."""
    words: str
    """Valid values in words, for messages."""
    rule: str
    """SQL over the columns of `good` that is false if a row breaks the rule."""


@dataclass(frozen=True)
class Dialect:
    """How a user's log is written. What is None is found from the log and printed."""

    encoding: str | None = None
    """Encoding of the files."""
    decimal: str | None = None
    """Decimal mark."""
    thousands: str | None = None
    """Mark between thousands."""
    zone: Zone | None = None
    """Zone of days and hours."""


@dataclass(frozen=True)
class Layout:
    """The layout of one file."""

    delimiter: str
    """Character between columns."""
    names: tuple[str, ...]
    """Names of the columns in order."""
    has_header: bool = True
    """Whether the first line names the columns."""
    quote: str = '"'
    """Character around text that holds the delimiter, or nothing."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Text of fields that the file has no column for, by name."""


@dataclass(frozen=True)
class Format:
    """The format of a log."""

    name: str
    """Name of the format on the command line."""
    fields: tuple[Field, ...]
    """Columns that are read."""
    layout: Callable[[str, Sequence[str]], Layout]
    """Function from a file and its first line that is not blank, as messages name it, and its first lines, to its layout."""
    log: str
    """SELECT from the view `good` (the fields, and `row`) that gives the columns of `LOG_COLUMNS`, in their order.

    `auction` is the day, a blank, and `Format.auction`."""
    notes: Mapping[str, str]
    """Notes for the table's provenance: units, and what is assumed."""
    day: str
    """SQL of the day from a row of `good`."""
    second: str
    """SQL of the second of the day, 0 to 86399, from a row of `good`."""
    auction: str | None = None
    """SQL of the log's own id of the auction from a row of `good`; None if each row is an auction of its own."""
    max_seconds: int = 300
    """Longest time in seconds from the first row of an auction to its last, if they are of different hours."""
    dialect: Dialect | None = None
    """Dialect of the log, or None for a released log, which is UTF-8 with plain numbers."""
    slot_effect: tuple[float, ...] = (1.0,)
    """Slot effects of the log's auctions, for `--scenario`."""
    reserve: float = 0.0
    """Reserve of the log's auctions, currency per click, for `--scenario`."""
    budgets: str | None = None
    """SELECT of `advertiser, day, budget` (currency per day) from `good`; None if the format has no budgets."""
    has_cpa: bool = False
    """Whether the advertisers limit the cost of a conversion to `item_price`."""
    observed: str | None = None
    """SELECT of `row, slot, is_shown, clicked, cost, is_stray` from `good`, for `make_observed`; None if it is not known."""
    stray_conversions: str | None = None
    """SELECT that counts in `good` the rows that were converted though they were not clicked; None if there can be none."""
    has_shown: bool = False
    """Whether `observed` says what was shown."""
    cost_per: str | None = None
    """Unit that the cost in `observed` is charged for, `click` or `impression`; None if the log has no costs."""
    price_words: str = "logged charges"
    """Words for the prices of the common log."""
    rules: tuple[RowRule, ...] = ()
    """Rules that the values of a row keep together."""
    conversion_times: str | None = None
    """SELECT of `row, seen_at, clicked_at, converted_at` from `good`; None if the log has no such times.

    They are seconds, counted from any one time, of the auction, of its click (without a click that of the auction) and of its
    conversion, NULL where there is none.
    """
    left_out: tuple[tuple[str, str], ...] = ()
    """Reasons why valid rows are not replayed, each with the SELECT that counts these rows in `good`."""

    @property
    def is_single(self) -> bool:
        """Whether each row is an auction of its own."""
        return self.auction is None


def with_header(
    source: str, lines: Sequence[str], delimiter: str, fields: Sequence[Field], *, quote: str = '"', hint: str = ""
) -> Layout:
    """Find the layout of a file whose first line names its columns.

    Args:
        source: The file and its first line that is not blank, for messages.
        lines: The first lines of the file.
        delimiter: Character between columns.
        fields: The columns to be read.
        quote: Character around text that holds the delimiter, or nothing.
        hint: Text that ends a message about a missing column.

    Raises:
        InputError: A required column is missing or stands twice, or the line has another delimiter.
    """
    header = lines[0].removeprefix("\ufeff")
    cut = next(csv.reader([header], delimiter=delimiter, quotechar=quote)) if quote else header.split(delimiter)
    names = tuple(name.strip() for name in cut)
    missing = [wanted.name for wanted in fields if wanted.needed and wanted.name not in names]
    if missing and len(names) == 1:
        other = next((d for d in ("\t", ",", ";", "|") if d != delimiter and d in lines[0]), None)
        given = f"columns separated by {other!r}" if other else shown(lines[0])
        raise InputError(f"{source}: expected columns separated by {delimiter!r}, got {given}{hint}")
    if missing:
        near = suggestion(missing[0], names) or f" among {len(names)} columns"
        raise InputError(f"{source}: expected a column {missing[0]}, got none{near}{hint}")
    twice = [wanted.name for wanted in fields if names.count(wanted.name) > 1]
    if twice:
        raise InputError(f"{source}: expected each column once, got {shown(twice[0])} twice")
    return Layout(delimiter, names, quote=quote)
