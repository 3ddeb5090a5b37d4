"""Mapping files, which name the columns of a log. They can name columns and nothing else: no text of theirs becomes SQL."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Any

from auctionsim.errors import InputError, shown, unknown
from auctionsim.names.kinds import TOML, UNKNOWN, kind_of_path
from auctionsim.scenario.toml_text import parse_toml
from auctionsim.traffic.ingest.database import can_evaluate, quoted
from auctionsim.traffic.ingest.dialect.numbers import DECIMAL_MARKS, THOUSANDS_MARKS
from auctionsim.traffic.ingest.dialect.text_files import find_encoding
from auctionsim.traffic.ingest.dialect.times import ISO, UNITS, TimeFormat
from auctionsim.traffic.ingest.formats.base import PARTS
from auctionsim.traffic.table import KEYWORD_BID, KEYWORD_BID_COLUMN

_KEYS = ("delimiter", "encoding", "decimal", "thousands", "timestamp_format", "timezone", "prices", *PARTS, "columns")
# Names of columns that identify people, in lower case and without `_` and `-`.
_PEOPLE = frozenset(
    {"uid", "userid", "user", "ip", "ipaddress", "useragent", "ipinyouid", "cookie", "cookieid", "deviceid", "idfa", "email"}
)
_MAX_BYTES = 10**6


def read_mapping(mapping: Path, keys: Collection[str], prices: Collection[str]) -> dict[str, Any]:
    """Read a mapping file and check its settings and columns.

    Args:
        mapping: The TOML file.
        keys: The keys of columns that it may have.
        prices: Those of them whose columns hold currency.

    Returns:
        The settings; `columns` has the names of the log's columns by key.

    Raises:
        InputError: The file cannot be read, has an unknown key or a wrong value, or lacks a required column.
    """
    settings = _tree(mapping)
    for key, value in settings.items():
        if key not in _KEYS:
            raise unknown(str(mapping), key, _KEYS, what="unknown key")
        if key in PARTS:
            continue
        may_be_empty = key == "thousands" and value == ""
        if not isinstance(value, dict if key == "columns" else str) or not (value or may_be_empty):
            raise InputError(f"{mapping}: {key}: expected {'a table' if key == 'columns' else 'text'}, got {shown(value)}")
        if isinstance(value, str) and key != "delimiter":
            _check_text(f"{mapping}: {key}", value)
    _check_dialect(mapping, settings)
    when = settings.get("timestamp_format", "unix")
    _check_times(mapping, when)
    _check_columns(mapping, settings.setdefault("columns", {}), keys)
    _check_parts(mapping, settings, prices)
    if "converted_at" in settings["columns"] and not TimeFormat(when).has_date:
        raise InputError(f"{mapping}: timestamp_format: expected one with a date beside converted_at, got {shown(when)}")
    return settings


def _tree(mapping: Path) -> dict[str, Any]:
    """Read the TOML of a mapping file. A pipe or a device is never opened: it might not end."""
    expected = f"{mapping}: expected a mapping file (auctionsim ingest --template), got"
    kind = kind_of_path(mapping)
    if not mapping.is_file() or kind not in (TOML, *UNKNOWN):
        raise InputError(f"{expected} {kind}")
    try:
        if mapping.stat().st_size > _MAX_BYTES:
            raise InputError(f"{expected} one of more than {_MAX_BYTES / 1e6:g} MB")
        text = mapping.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{expected} {shown(str(error))}") from error
    try:
        return parse_toml(text, str(mapping))
    except InputError as error:
        raise InputError(f"{expected} {str(error).partition(' got ')[2]}") from error


def _check_text(source: str, text: str) -> None:
    if any(unicodedata.category(one) == "Cc" for one in text):
        raise InputError(f"{source}: expected text without control characters, got {shown(text)}")


def _check_times(mapping: Path, when: str) -> None:
    """Check a format of times."""
    choices = f"{', '.join((ISO, *UNITS))} or a format of strptime"
    if not TimeFormat(when).has_one_zone:
        raise InputError(f"{mapping}: timestamp_format: expected {choices} with one zone, got {shown(when)}")
    if not can_evaluate(TimeFormat(when).written(quoted("x"))):
        raise InputError(f"{mapping}: timestamp_format: expected {choices}, got {shown(when)}")


def _check_dialect(mapping: Path, settings: dict[str, Any]) -> None:
    """Check the keys that say how a log is written, and give the encoding its normal name."""
    if len(settings.get("delimiter", ",")) != 1 or settings.get("delimiter", ",") in '"\r\n':
        raise InputError(f"{mapping}: delimiter: expected one character between values, got {shown(settings['delimiter'])}")
    for key, marks in (("decimal", DECIMAL_MARKS), ("thousands", THOUSANDS_MARKS)):
        if settings.get(key) not in (None, *marks):
            raise InputError(f"{mapping}: {key}: expected one of {', '.join(map(repr, marks))}, got {shown(settings[key])}")
    if settings.get("decimal", ".") == settings.get("thousands"):
        raise InputError(f"{mapping}: thousands: expected another mark than decimal, got {shown(settings['thousands'])}")
    if "encoding" in settings:
        settings["encoding"] = find_encoding(f"{mapping}: encoding", settings["encoding"])


def _check_columns(mapping: Path, columns: dict[str, Any], keys: Collection[str]) -> None:
    """Check the names of a mapping's columns, and rename the new name of the keyword bid to that of its column."""
    if KEYWORD_BID in columns and KEYWORD_BID_COLUMN not in columns:
        columns[KEYWORD_BID_COLUMN] = columns.pop(KEYWORD_BID)
    for key, column in columns.items():
        if key not in keys:
            raise unknown(f"{mapping}: columns", key, keys, what="unknown key")
        if not isinstance(column, str) or not column:
            raise InputError(f"{mapping}: columns.{key}: expected the name of a column, got {shown(column)}")
        _check_text(f"{mapping}: columns.{key}", column)
        if column.lower().replace("_", "").replace("-", "") in _PEOPLE:
            raise InputError(f"{mapping}: columns.{key}: expected no identifier of people, got {shown(column)}")
        if list(columns.values()).count(column) > 1:
            raise InputError(f"{mapping}: columns.{key}: expected each column once, got {shown(column)} twice")
    _check_conversions(mapping, columns)
    if "cost_per_click" in columns and "cost_per_impression" in columns:
        raise InputError(f"{mapping}: columns: expected cost_per_click or cost_per_impression, got both")
    time = "day" if "day" in columns and "timestamp" not in columns else "timestamp"
    for key in ("advertiser", "manual_bid", time, *(("hour",) if time == "day" else ())):
        if key not in columns:
            raise InputError(f"{mapping}: columns: expected a line for {key}, got none")


def _check_parts(mapping: Path, settings: dict[str, Any], prices: Collection[str]) -> None:
    """Check the keys that name columns in parts of the currency."""
    choices = [column for key, column in settings["columns"].items() if key in prices]
    seen: set[str] = set()
    for part in PARTS:
        named = settings.get(part, [])
        if not isinstance(named, list) or not all(isinstance(column, str) for column in named):
            raise InputError(f'{mapping}: {part}: expected names of columns as ["bid", "cost"], got {shown(named)}')
        for column in named:
            if column not in choices:
                raise unknown(f"{mapping}: {part}", column, choices, what="no mapped column of prices")
            if column in seen:
                raise InputError(f"{mapping}: {part}: expected each column once, got {shown(column)} twice")
            seen.add(column)


def _check_conversions(mapping: Path, columns: dict[str, Any]) -> None:
    """Check that what conversions and the times of clicks and conversions are counted by is mapped, too."""
    pairs = (
        ("clicked_at", "converted_at"), ("converted_at", "timestamp"), ("converted_at", "clicked"), ("converted", "clicked"),
    )  # fmt: skip
    for key, other in pairs:
        if key in columns and other not in columns:
            came = "day and hour" if other == "timestamp" and "day" in columns else "none"
            raise InputError(f"{mapping}: columns.{key}: expected a line for {other} beside it, got {came}")
