"""Read a log of bids: a CSV or Parquet file with a row a bid, packed or not, or a traffic table."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from auctionsim.analysis.screens.log import BidLog, bid_log, log_of_traffic
from auctionsim.errors import InputError, shown, suggestion, unknown
from auctionsim.traffic.files import load_traffic
from auctionsim.traffic.ingest.archives import unpacked
from auctionsim.traffic.raw_table import expect_table, read_table
from auctionsim.traffic.text_lines import row_source

NAMES: Mapping[str, tuple[str, ...]] = {
    "auction": ("auction", "auction_id", "pid", "tender"),
    "bidder": ("bidder", "bidder_id", "advertiser", "firm"),
    "bid": ("bid", "amount", "price"),
    "reserve": ("reserve", "reserveprice", "reserve_price"),
    "segment": ("segment", "query"),
    "time": ("time", "timestamp", "date", "day"),
}
"""Columns of a log, and the names that are found without `--columns`."""
_OPTIONAL = ("reserve", "segment", "time")
_DATE = ("year", "month", "day")
_TRAFFIC = ("cell", "pctr", "manual_bid")
_MOST = 1e15
_OFFSET = r"(?:Z|UTC|[+-]\d{2}:?\d{2})"
_CLOCK = rf"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?( ?{_OFFSET})?"
_ISO = rf"^(\d{{4}}([-/.](0[1-9]|1[0-2])([-/.](0[1-9]|[12]\d|3[01])([T ]{_CLOCK})?)?)|{_CLOCK})$"
_ZONE = rf"(:\d{{2}}(?:[.,]\d+)?) ?({_OFFSET})$"
_DATES = "a date such as 2015-01-31 12:00"


def parsed_columns(text: str | None) -> dict[str, str]:
    """Return the columns of `--columns auction=pid,bidder=firm`; several columns of a time are joined by `+`.

    Raises:
        InputError: The text is no such list.
    """
    found: dict[str, str] = {}
    for part in [] if text is None else text.split(","):
        name, equals, column = part.partition("=")
        if not equals or not column:
            raise InputError(f"--columns: expected NAME=COLUMN with commas, got {shown(part)}")
        if name not in NAMES:
            raise unknown("--columns", name, NAMES)
        found[name] = column
    return found


def read_bids(path: Path, *, lowest_wins: bool, columns: Mapping[str, str] | None = None) -> BidLog:
    """Read a log of bids.

    Args:
        path: The file: .csv or .parquet, or one of them packed as .gz, .bz2, .xz, .zip or .zst.
        lowest_wins: Whether the lowest bid wins, as in procurement.
        columns: The file's columns by the names of `NAMES`; what is left out goes by its usual names.

    Raises:
        InputError: The file or a column is missing, or a value is no number.
    """
    expect_table(path, "a log of bids (CSV or Parquet)", is_packed=True)
    with tempfile.TemporaryDirectory() as folder, unpacked(path, path, Path(folder) / "unpacked") as parts:
        if len(parts) != 1:
            raise InputError(f"{path}: expected one file in the archive, got {len(parts)}")
        plain = parts[0][1]
        try:
            table, _ = read_table(plain)
        except InputError as error:
            raise InputError(str(error).replace(str(plain), str(path))) from error
        if not columns and set(_TRAFFIC) <= set(table.columns):
            if lowest_wins:
                raise InputError(f"{path}: expected a log of bids with --procurement, got a traffic table, whose highest wins")
            try:
                return log_of_traffic(load_traffic(plain))
            except InputError as error:
                raise InputError(str(error).replace(str(plain), str(path))) from error
    return _laid_out(path, table, dict(columns or {}), lowest_wins=lowest_wins)


def _laid_out(path: Path, table: pl.DataFrame, columns: dict[str, str], *, lowest_wins: bool) -> BidLog:
    found = {name: _column(path, table, name, columns) for name in NAMES}
    bid = _numbers(path, table, str(found["bid"]))
    is_bid = np.nan_to_num(bid) > 0
    auction, bidder = (_named(path, table, str(found[name]), is_bid) for name in ("auction", "bidder"))
    reserve = segment = None
    if found["reserve"] is not None:
        limits = _numbers(path, table, found["reserve"])
        reserve = _of_auction(path, table, found["reserve"], auction, limits, is_bid & np.isfinite(limits))
    if found["segment"] is not None:
        segment = _of_auction(path, table, found["segment"], auction, _codes(table[found["segment"]]), is_bid)
    names, who = np.unique(bidder.to_numpy(), return_inverse=True)
    # A row without a bid, whose time may be blank, says nothing of when its auction was.
    moment = np.where(is_bid, _times(path, table, found["time"], is_bid), np.iinfo(np.int64).max)
    number = _in_order(auction, moment)
    log = bid_log(
        number, who.astype(np.int64), bid, names=tuple(map(str, names)), lowest_wins=lowest_wins, reserve=reserve,
        segment=segment, source=str(path),
    )  # fmt: skip
    _expect_winners(path, log)
    return log


def _expect_winners(path: Path, log: BidLog) -> None:
    """Refuse a log none of whose bids may win, as one whose direction was mistaken."""
    beyond = log.bid > log.reserve[:, None] if log.lowest_wins else log.bid < log.reserve[:, None]
    if not np.isfinite(log.reserve).all() or not beyond[log.exists].all():
        return
    if log.lowest_wins:
        said = "expected bids <= their reserve where the lowest wins, got all above it (no --procurement?)"
    else:
        said = "expected bids >= their reserve where the highest wins, got all below it (--procurement?)"
    raise InputError(f"{path}: {said}")


def _column(path: Path, table: pl.DataFrame, name: str, columns: Mapping[str, str]) -> str | None:
    given = columns.get(name)
    if given is None:
        if name == "time" and set(_DATE) <= set(table.columns):
            return "+".join(_DATE)
        usual = next((column for column in NAMES[name] if column in table.columns), None)
        if usual is None and name not in _OPTIONAL:
            words = ", ".join(NAMES[name])
            raise InputError(f"{path}: expected a column {words}, got {shown(table.columns)} (--columns {name}=COLUMN)")
        return usual
    for column in given.split("+") if name == "time" else [given]:
        if column not in table.columns:
            near = suggestion(column, table.columns) or f"; choose from {shown(table.columns, 200)}"
            raise InputError(f"{path}: --columns {name}: expected a column of the log, got {shown(column)}{near}")
    return given


def _numbers(path: Path, table: pl.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column as numbers; NaN where it is empty."""
    text = table[column].cast(pl.String).str.strip_chars()
    numbers = text.cast(pl.Float64, strict=False)
    wrong = (numbers.is_null() & text.is_not_null() & (text != "")) | (numbers.abs() > _MOST) | numbers.is_nan()
    if wrong.fill_null(value=False).any():
        row = int(wrong.fill_null(value=False).arg_max() or 0)
        given = shown(table[column][row])
        raise InputError(f"{_row_source(path, row)}, column {column}: expected a number <= {_MOST:g} or nothing, got {given}")
    return np.asarray(numbers.fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _named(path: Path, table: pl.DataFrame, column: str, is_bid: NDArray[np.bool_]) -> pl.Series:
    """Return a column as text. A bid without an auction or bidder is refused: all such bids would count as of one."""
    text = table[column].cast(pl.String).fill_null("")
    _expect_all(path, table, column, is_bid & (text.str.strip_chars() == "").to_numpy(), "a value for every bid")
    return text


def _times(path: Path, table: pl.DataFrame, column: str | None, is_bid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the moment of each row as a number, equal times alike, `[rows]`: numbers, or dates and times of the ISO order.

    Other times, such as 31/1/2015, would not stand in their order.
    """
    moment = np.zeros(table.height, dtype=np.int64)
    for part in [] if column is None else column.split("+"):
        text = table[part].cast(pl.String).fill_null("").str.strip_chars()
        numbers = text.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
        is_text = text.str.contains(_ISO).to_numpy()
        text = _without_offset(path, table, part, text, is_bid)
        # Dates stand as text where any bid has one, so that a number among them is found.
        is_dated = bool((is_text & is_bid).any())
        right = is_text if is_dated else np.isfinite(numbers)
        _expect_all(path, table, part, is_bid & ~right, _DATES if is_dated else f"a number or {_DATES}")
        # One mark between all parts, so that the order of texts is that of times.
        values = (
            np.where(right, text.str.replace_all("[-/.,T: ]", " ").to_numpy(), "")
            if is_dated
            else np.where(right, numbers, 0.0)
        )
        _, code = np.unique(values, return_inverse=True)
        _, moment = np.unique(moment * (int(code.max()) + 1) + code, return_inverse=True)
    return moment.astype(np.int64)


def _without_offset(path: Path, table: pl.DataFrame, column: str, text: pl.Series, is_bid: NDArray[np.bool_]) -> pl.Series:
    """Cut the offset from UTC off all times. Times of several offsets would not stand in their order, and are refused."""
    offset = text.str.extract(_ZONE, 2).fill_null("")
    is_time = is_bid & text.str.contains(_ISO).to_numpy()
    if is_time.any():
        first = offset[int(is_time.argmax())]
        expected = f"times with the offset {first} as before" if first else "times without an offset as before"
        _expect_all(path, table, column, is_time & (offset != first).to_numpy(), expected)
    return text.str.replace(_ZONE, "$1")


def _of_auction(
    path: Path, table: pl.DataFrame, column: str, auction: pl.Series, values: NDArray[Any], is_known: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return the value of each row's auction, that of its first known row; two in one auction are refused."""
    _, code = np.unique(auction.to_numpy(), return_inverse=True)
    known = np.flatnonzero(is_known)[::-1]
    first = np.full(int(code.max(initial=-1)) + 1, -1)
    first[code[known]] = known
    source = np.where(first[code] >= 0, first[code], np.arange(len(code)))
    wrong = is_known & (values != values[source])
    if wrong.any():
        one = table[column][int(source[int(wrong.argmax())])]
        _expect_all(path, table, column, wrong, f"{shown(one)} as in the auction's other rows")
    return values[source]


def _expect_all(path: Path, table: pl.DataFrame, column: str, wrong: NDArray[np.bool_], expected: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        given = table[column][row]
        is_blank = given is None or not str(given).strip()
        words = "nothing" if is_blank else shown(given if isinstance(given, int | float) else str(given))
        raise InputError(f"{_row_source(path, row)}, column {column}: expected {expected}, got {words}")


def _row_source(path: Path, row: int) -> str:
    """Return a log and one of its rows for a message, by the line of the file that is packed in it."""
    with tempfile.TemporaryDirectory() as folder, unpacked(path, path, Path(folder) / "unpacked") as parts:
        return row_source(parts[0][1], row, path)


def _codes(column: pl.Series) -> NDArray[np.int64]:
    _, code = np.unique(column.cast(pl.String).fill_null("").to_numpy(), return_inverse=True)
    return code.astype(np.int64)


def _in_order(auction: pl.Series, moment: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of each row's auction: in order of the auction's first time, then of its first row."""
    _, first, code = np.unique(auction.to_numpy(), return_index=True, return_inverse=True)
    began = np.full(len(first), np.iinfo(np.int64).max)
    np.minimum.at(began, code, moment)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.lexsort((first, began))] = np.arange(len(first))
    return rank[code]
