"""`auctions-csv`: any table of auctions, its columns named by a mapping file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from auctionsim.traffic.ingest.database import quoted
from auctionsim.traffic.ingest.dialect.times import TimeFormat, day_of, second_of
from auctionsim.traffic.ingest.dialect.zones import find_zone
from auctionsim.traffic.ingest.formats.base import (
    PARTS,
    Dialect,
    Field,
    Format,
    Layout,
    flag,
    later_times,
    number,
    price,
    text,
    times,
    whole,
    with_header,
)
from auctionsim.traffic.ingest.formats.conversion_times import conversion_times, has_conversions, is_converted, rules
from auctionsim.traffic.ingest.formats.mapping import read_mapping

TEMPLATE = """\
# The right-hand sides name the columns of your log. Delete the lines of columns that your log does not have, and remove the `#`
# before those that it has.
# Format of `timestamp`: "iso" (2024-03-04T23:30:00+01:00), "unix", "unix-ms", "unix-us", "unix-ns", or a format of strptime.
timestamp_format = "%Y-%m-%d %H:%M:%S"
# Without these lines, they are found from the log, and `ingest` prints what it found.
# timezone = "Europe/Berlin"    # zone of days and hours; or --timezone. Without it that of the log
# delimiter = ","               # or ";", "\\t", "|"
# encoding = "utf-8"            # or "utf-16", "cp1252", "gb18030"
# decimal = "."                 # or ","
# thousands = ""                # or ",", ".", " ", "'"
# Currency of the prices and what they are paid for, in words for reports.
prices = "CNY per click"
# Columns that are in parts of this currency, by their names in the log: each is divided while it is read.
# millionths = ["bid", "cost"]  # or thousandths, hundredths (cents)

[columns]
auction = "auction_id"          # same value in all rows of an auction; without it each row is an auction of its own
timestamp = "timestamp"         # or `day` (whole, from 0) and `hour` (0 to 23)
query = "keyword"               # without it all auctions have the query `all`
advertiser = "advertiser"       # required
manual_bid = "bid"              # required: currency per click
item_price = "item_price"       # value of a conversion, currency; without it 0
pctr = "pctr"                   # without it (or where empty): estimated from `clicked`, see docs/own-logs.md
pcvr = "pcvr"                   # without it (or where empty): estimated from `converted` among clicked rows, or 0
market_ecpm = "market_ecpm"     # best rank score (pctr x bid) of competitors that are not in the log; without it 0
weight = "weight"               # identical auctions that a row stands for; without it 1
clicked = "clicked"             # 1, 0, or empty where the ad was not shown
converted = "converted"         # 1 or 0; without it, where `converted_at` has a time
budget = "budget"               # the advertiser's daily budget, currency; see --budgets
# shown = "shown"               # 1 or 0: whether the ad was shown; its bids are then replayed against the log
# slot = "slot"                 # position shown, from 1; empty where not shown; position effects are estimated from it
# converted_at = "sale_time"    # time of the conversion, written as `timestamp`; empty where there was none: delays are fitted
# clicked_at = "click_time"     # time of the click, written as `timestamp`; without it (or where empty) that of the auction
# cost_per_click = "cost"       # what a click was charged, currency; or `cost_per_impression`: what an impression was charged
"""
"""A mapping file to start from."""

_FIELDS = {
    field.name: field
    for field in (
        text("auction"), text("timestamp"), replace(whole("day"), words="a whole number >= 0, or dates as 20130606"),
        whole("hour", maximum=23), text("query"), text("advertiser"),
        price("manual_bid"), price("item_price", needed=False),
        Field("pctr", "a number in (0, 1]", rule="{0} > 0 AND {0} <= 1", needed=False), number("pcvr", maximum=1, needed=False),
        price("market_ecpm", needed=False), whole("weight", minimum=1), flag("clicked"),
        flag("converted"), price("budget", needed=False), flag("shown"),
        whole("slot", minimum=1, maximum=1000, needed=False), price("cost_per_click", needed=False),
        price("cost_per_impression", needed=False), text("clicked_at"), text("converted_at"),
    )
}  # fmt: skip
_PRICES = ("manual_bid", "item_price", "market_ecpm", "budget", "cost_per_click", "cost_per_impression")
_DELIMITERS = (",", ";", "\t", "|")


def auctions_csv(mapping: Path) -> Format:
    """Make the format of a log from a mapping file.

    Args:
        mapping: The TOML file that names the log's columns.

    Raises:
        InputError: The mapping cannot be read, has an unknown key, lacks a required column, or maps an identifier of people.
    """
    settings = read_mapping(mapping, _FIELDS, _PRICES)
    columns: dict[str, str] = settings["columns"]
    part_of = {column: part for part in PARTS for column in settings.get(part, ())}
    when = settings.get("timestamp_format", "%Y-%m-%d %H:%M:%S")
    kinds = {"timestamp": times, "clicked_at": later_times, "converted_at": later_times}
    fields = tuple(
        kinds[key](column, TimeFormat(when), f"a time written as {when}", key=key)
        if key in kinds
        else replace(
            _FIELDS[key], name=column, own_key=key, is_day=key == "day", is_auction=key == "auction", part=part_of.get(column)
        )
        for key, column in columns.items()
    )
    # A mapped column must exist, even if some of its values may be empty.
    wanted = [replace(field, needed=True) for field in fields]

    def layout(source: str, lines: Sequence[str]) -> Layout:
        delimiter = settings.get("delimiter") or _delimiter(lines[0], [field.name for field in wanted])
        return with_header(source, lines, delimiter, wanted, hint=f" (named in {mapping})")

    zone = find_zone(f"{mapping}: timezone", settings["timezone"]) if "timezone" in settings else None
    day, second = _time(columns)
    return Format(
        "auctions-csv",
        fields,
        layout,
        _log(columns),
        {"prices": f"{settings.get('prices', 'the unit of the log')}, as in the log"},
        day=day,
        second=second,
        auction="auction" if "auction" in columns else None,
        # Without minutes, rows of neighboring hours may be of one auction.
        max_seconds=300 if "timestamp" in columns else 3600,
        dialect=Dialect(settings.get("encoding"), settings.get("decimal"), settings.get("thousands"), zone),
        budgets=_budgets(columns),
        observed=_observed(columns),
        stray_conversions=_stray_conversions(columns),
        has_shown="shown" in columns or "slot" in columns,
        price_words=_price_words(columns),
        rules=rules(columns),
        conversion_times=conversion_times(columns),
        cost_per="click" if "cost_per_click" in columns else "impression" if "cost_per_impression" in columns else None,
    )


def _delimiter(header: str, names: Sequence[str]) -> str:
    """Return the delimiter under which a header has most of the named columns, a comma if none is better."""

    def found(delimiter: str) -> int:
        cut = {name.strip() for name in next(csv.reader([header.removeprefix("\ufeff")], delimiter=delimiter))}
        return len(cut & set(names))

    return max(_DELIMITERS, key=found)


def _time(columns: dict[str, str]) -> tuple[str, str]:
    """Return the SQL of `Format.day` and `Format.second`."""
    return (
        (day_of("timestamp"), second_of("timestamp")) if "timestamp" in columns else ("day::BIGINT", "(hour * 3600)::INTEGER")
    )


def _budgets(columns: dict[str, str]) -> str | None:
    """Return `Format.budgets`, or None if no budget is mapped."""
    if "budget" not in columns:
        return None
    return f"SELECT advertiser, {_time(columns)[0]} AS day, budget FROM good"


def _is_shown(columns: dict[str, str]) -> str:
    """Return the SQL that is true if a row was shown: by the column `shown`, or because it has a slot, or a click or none."""
    if "shown" in columns:
        return "(coalesce(shown, 0) = 1)"
    return "(slot IS NOT NULL)" if "slot" in columns else "true"


def _clicked(columns: dict[str, str]) -> str:
    """Return the SQL of 1, 0, or NULL where no click can be: in rows that were not shown. A shown row without a value is 0."""
    if "clicked" not in columns:
        return "NULL"
    return f"CASE WHEN {_is_shown(columns)} THEN coalesce(clicked, 0) END" if {"shown", "slot"} & set(columns) else "clicked"


def _observed(columns: dict[str, str]) -> str:
    """Return `Format.observed`."""
    has_shown = "shown" in columns or "slot" in columns
    clicked = _clicked(columns)
    shown_rows = _is_shown(columns) if has_shown else f"({clicked} IS NOT NULL)"
    slot = f"CASE WHEN {shown_rows} THEN slot::BIGINT END" if "slot" in columns else "NULL"
    stray = f"NOT {shown_rows} AND coalesce(clicked, 0) = 1" if has_shown and "clicked" in columns else "false"
    return f"SELECT row, {slot}, {shown_rows}, {clicked}, {_cost(columns, shown_rows) or 'NULL'}, {stray} FROM good"


def _stray_conversions(columns: dict[str, str]) -> str | None:
    """Return `Format.stray_conversions`."""
    if "converted" not in columns:
        return None
    return f"SELECT count(*) FROM good WHERE converted = 1 AND coalesce({_clicked(columns)}, 0) = 0"


def _cost(columns: dict[str, str], shown_rows: str) -> str | None:
    """Return the SQL of what was charged, NULL where nothing was; None if no cost is mapped."""
    key = "cost_per_click" if "cost_per_click" in columns else "cost_per_impression"
    if key not in columns:
        return None
    # A row without a click is charged nothing for it, and many logs write 0 there: it says nothing about the price of a click.
    is_clicked = "clicked = 1" if key == "cost_per_click" and "clicked" in columns else "true"
    return f"CASE WHEN {shown_rows} AND {is_clicked} THEN {key} END"


def _price_words(columns: dict[str, str]) -> str:
    """Return `Format.price_words`."""
    unit = next((unit for unit in ("click", "impression") if f"cost_per_{unit}" in columns), None)
    return "logged bids, as no charge is mapped" if unit is None else f"logged charges per {unit}"


def _paid(columns: dict[str, str]) -> str:
    """Return the SQL of the price whose quantiles the summary shows: what was charged, else the bid."""
    return _cost(columns, _is_shown(columns)) or "manual_bid"


def _log(columns: dict[str, str]) -> str:
    """Return `Format.log`."""

    def of(key: str, otherwise: str) -> str:
        return f"coalesce({key}, {otherwise})" if key in columns else otherwise

    day, second = _time(columns)
    auction = f"{day} || ' ' || {of('auction', 'row::VARCHAR')}"
    weight, clicked = of("weight", "1"), f"({_clicked(columns)})"
    shown_rows = f"CASE WHEN {_is_shown(columns)} AND {clicked} IS NOT NULL THEN {weight} ELSE 0 END"
    clicks = f"coalesce({clicked}, 0) * {weight}"
    # Conversions are counted among clicks. If no column is mapped, there are no trials to estimate a rate from.
    trials = clicks if has_conversions(columns) else "0"
    hits = f"CASE WHEN {clicked} = 1 THEN {is_converted(columns)} * {weight} ELSE 0 END"
    return (
        f"SELECT row, {day}, {second}, {auction}, {weight}, {of('query', quoted('all'))}, {of('advertiser', 'NULL')}, "
        f"{of('pctr', 'NULL')}, {of('pcvr', 'NULL' if has_conversions(columns) else '0')}, {of('item_price', '0')}, "
        f"{of('manual_bid', 'NULL')}, NULL, NULL, {of('market_ecpm', '0')}, {shown_rows}, {clicks}, {trials}, {hits}, "
        f"{shown_rows}, {clicks}, {hits}, {_paid(columns)} FROM good"
    )
