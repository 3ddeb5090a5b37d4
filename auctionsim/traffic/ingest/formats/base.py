"""What a format is: how a file's columns are found, what they hold, and the SQL from there to the common log."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from auctionsim.errors import InputError, shown, suggestion
from auctionsim.traffic.files import PRICE_LIMIT, PRICE_WORDS

LOG_COLUMNS = {
    "row": "BIGINT", "day": "BIGINT", "second": "INTEGER", "auction": "VARCHAR", "weight": "BIGINT", "query": "VARCHAR",
    "advertiser": "VARCHAR", "pctr": "DOUBLE", "pcvr": "DOUBLE", "item_price": "DOUBLE", "manual_bid": "DOUBLE",
    "ctr": "DOUBLE", "cvr": "DOUBLE", "market_ecpm": "DOUBLE", "ctr_trials": "DOUBLE", "ctr_hits": "DOUBLE",
    "cvr_trials": "DOUBLE", "cvr_hits": "DOUBLE", "shown": "DOUBLE", "clicked": "DOUBLE", "converted": "DOUBLE",
    "price": "DOUBLE",
}  # fmt: skip
"""The common log, one row per candidate of an auction: the traffic table's columns before cells are made (`second` of the day,
rates NULL where they are to be estimated, `ctr` and `cvr` NULL where the truth is the prediction), what rates are estimated
from, and what the report counts: shown, clicked, converted, and a price."""


@dataclass(frozen=True)
class Field:
    """A column of a log that is read; all others, identifiers of people among them, are left in the file."""

    name: str
    words: str
    """What it must hold, for messages."""
    parse: str = "try_cast(trim({0}) AS DOUBLE)"
    """SQL from the text `{0}` to the value, NULL where it cannot be read."""
    rule: str = "isfinite({0})"
    """SQL that is true where the value `{0}` is right."""
    needed: bool = True
    """Whether the column must be there and each value filled in; else NULL stands for what is missing."""


def text(name: str, *, needed: bool = True) -> Field:
    """A field of text."""
    return Field(name, "text", "trim({0})", "length({0}) > 0", needed)


def number(name: str, *, most: float, needed: bool = True) -> Field:
    """A number from 0 to `most`."""
    return Field(name, f"a number from 0 to {most:g}", rule=f"{{0}} BETWEEN 0 AND {most}", needed=needed)


def price(name: str, *, needed: bool = True) -> Field:
    """A price or bid, as the traffic table takes it."""
    return Field(name, PRICE_WORDS, rule=f"isfinite({{0}}) AND {{0}} >= 0 AND {{0}} < {PRICE_LIMIT}", needed=needed)


def whole(name: str, *, least: int = 0, most: int = 2**53, needed: bool = True) -> Field:
    """A whole number from `least` to `most`."""
    words = f"a whole number at least {least}" if most == 2**53 else f"a whole number from {least} to {most}"
    return Field(name, words, rule=f"{{0}} = round({{0}}) AND {{0}} BETWEEN {least} AND {most}", needed=needed)


@dataclass(frozen=True)
class Layout:
    """How one file is read."""

    delimiter: str
    names: tuple[str, ...]
    """The file's columns in order."""
    has_header: bool = True
    quote: str = '"'
    constants: Mapping[str, str] = field(default_factory=dict)
    """Text of fields that the file has no column for."""


@dataclass(frozen=True)
class Format:
    """A log's format."""

    name: str
    fields: tuple[Field, ...]
    layout: Callable[[str, Sequence[str]], Layout]
    """From a file's name and its first lines, line ends removed."""
    log: str
    """SELECT from the view `good` (the fields, and `row`) that gives the columns of `LOG_COLUMNS`, in their order."""
    notes: Mapping[str, str]
    """What the table is to say of itself: units, and what is supposed."""
    is_single: bool = False
    """Whether each row is an auction of its own."""
    is_dated: bool = True
    """Whether `day` counts days since 1970: the table then counts from the log's first day."""
    slot_effect: tuple[float, ...] = (1.0,)
    """Of the log's auctions."""
    reserve: float = 0.0
    """Of the log's auctions."""
    budgets: str | None = None
    """SELECT of `advertiser, day, budget` (currency a day) from `good`, where the log may know budgets."""
    has_cpa: bool = False
    """Whether `item_price` bounds the cost of a conversion."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Reasons why right rows are not replayed, each with the SELECT that counts them in `good`."""


def with_header(
    place: str, lines: Sequence[str], delimiter: str, fields: Sequence[Field], *, quote: str = '"', hint: str = ""
) -> Layout:
    """The layout of a file whose first line names its columns.

    Args:
        place: The file, for messages.
        lines: Its first lines.
        delimiter: Between columns.
        fields: What is looked for.
        quote: Around text, or nothing.
        hint: Said after the message where a needed column is missing.

    Raises:
        InputError: A needed column is missing, a name stands twice, or the line has another delimiter.
    """
    header = lines[0].removeprefix("\ufeff")
    cut = next(csv.reader([header], delimiter=delimiter, quotechar=quote)) if quote else header.split(delimiter)
    names = tuple(name.strip() for name in cut)
    missing = [wanted.name for wanted in fields if wanted.needed and wanted.name not in names]
    if missing and len(names) == 1:
        other = next((d for d in ("\t", ",", ";", "|") if d != delimiter and d in lines[0]), None)
        came = f"columns separated by {other!r}" if other else shown(lines[0])
        raise InputError(f"{place}: row 1: expected columns separated by {delimiter!r}, got {came}{hint}")
    if missing:
        near = suggestion(missing[0], names) or f" among {len(names)} columns"
        raise InputError(f"{place}: row 1: expected a column {missing[0]}, got none{near}{hint}")
    twice = [name for i, name in enumerate(names) if name and name.lower() in (other.lower() for other in names[:i])]
    if twice:
        raise InputError(f"{place}: row 1: expected each column once, got {shown(twice[0])} twice")
    return Layout(delimiter, names, quote=quote)
