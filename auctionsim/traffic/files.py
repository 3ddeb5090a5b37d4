"""Traffic tables on disk: Parquet or CSV in, every column checked; Parquet out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from auctionsim.errors import InputError, shown, suggestion
from auctionsim.files import write_then_rename
from auctionsim.traffic.reading import read_table
from auctionsim.traffic.table import CELL_COLUMNS, HOURS, KEYWORD_BID, KEYWORD_BID_COLUMN, Traffic

Rule = tuple[str, Callable[[pl.Expr], pl.Expr]]

PRICE_LIMIT = 1e9
"""Prices and bids are below it: what is above was written in millionths or is no price."""
PRICE_WORDS = f"a number at least 0 and below {PRICE_LIMIT:.0e}".replace("e+0", "e")

# What each column must hold, in words and as an expression that is true where the row is right.
_RULES: dict[str, Rule] = {
    "day": ("a whole number at least 0", lambda c: c.ge(0)),
    "hour": ("a whole number from 0 to 23", lambda c: c.ge(0) & c.lt(HOURS)),
    "cell": ("a whole number", lambda c: c.is_not_null()),
    "weight": ("a whole number at least 1", lambda c: c.ge(1)),
    "query": ("text", lambda c: c.str.len_chars().gt(0)),
    "advertiser": ("text", lambda c: c.str.len_chars().gt(0)),
    "pctr": ("a number in (0, 1]", lambda c: c.is_finite() & c.gt(0) & c.le(1)),
    "pcvr": ("a number in [0, 1]", lambda c: c.is_finite() & c.ge(0) & c.le(1)),
    "item_price": (f"{PRICE_WORDS} (currency per conversion)", lambda c: c.is_finite() & c.ge(0) & c.lt(PRICE_LIMIT)),
    "manual_bid": (f"{PRICE_WORDS} (currency per click)", lambda c: c.is_finite() & c.ge(0) & c.lt(PRICE_LIMIT)),
    "ctr": ("a number in [0, 1]", lambda c: c.is_finite() & c.ge(0) & c.le(1)),
    "cvr": ("a number in [0, 1]", lambda c: c.is_finite() & c.ge(0) & c.le(1)),
    "market_ecpm": (f"{PRICE_WORDS} (a rank score)", lambda c: c.is_finite() & c.ge(0) & c.lt(PRICE_LIMIT)),
}
NOTES_KEY = "auctionsim-notes"
"""Key of a Parquet file's metadata under which a table says where it comes from, as JSON."""
_OPTIONAL = ("ctr", "cvr", "market_ecpm")
_WHOLE = ("day", "hour", "cell", "weight")
_TEXT = ("query", "advertiser")


def load_traffic(path: str | Path, *, budgets: str | Path | None = None) -> Traffic:
    """Load a traffic table and check every value.

    Args:
        path: A Parquet or CSV file with the columns of the traffic table (docs/traffic.md).
        budgets: Optional CSV file with the columns `advertiser`, `budget` (currency per day).

    Returns:
        The table; advertisers and queries are indexed in order of first appearance.

    Raises:
        InputError: The file is missing, not a table, or a value is wrong; the message names file, row and column.
    """
    path = Path(path)
    table = _typed(read_table(path), path)
    _check_columns(table, path)
    _check_cells(table, path)
    advertiser, advertisers = _codes(table["advertiser"])
    query, queries = _codes(table["query"])
    cell = table["cell"].to_numpy()
    starts = np.flatnonzero(np.diff(cell, prepend=cell[0] - 1))
    column = {name: table[name].to_numpy() for name in table.columns if name not in _TEXT}
    return Traffic(
        advertisers=advertisers,
        queries=queries,
        day=column["day"][starts],
        hour=column["hour"][starts],
        weight=column["weight"][starts],
        query=query[starts],
        cell_start=np.append(starts, len(cell)).astype(np.int64),
        advertiser=advertiser,
        pctr=column["pctr"],
        pcvr=column["pcvr"],
        item_price=column["item_price"],
        keyword_bid=column["manual_bid"],
        ctr=column.get("ctr", column["pctr"]),
        cvr=column.get("cvr", column["pcvr"]),
        market_ecpm=column["market_ecpm"][starts] if "market_ecpm" in column else np.zeros(len(starts)),
        budgets=None if budgets is None else load_budgets(budgets, advertisers),
        notes=_notes(path),
    )


def load_budgets(path: str | Path, advertisers: tuple[str, ...]) -> np.ndarray:
    """Daily budgets from a CSV file, in the order of `advertisers`.

    Raises:
        InputError: A column is missing, an advertiser has no row, or a budget is not a number above 0.
    """
    path = Path(path)
    table = read_table(path)
    for name in ("advertiser", "budget"):
        if name not in table.columns:
            raise InputError(f"{path}: column {name}: expected in the budgets file, got {', '.join(table.columns)}")
    budget = table["budget"].cast(pl.Float64, strict=False)
    wrong = ~(budget.is_finite() & (budget > 0)).fill_null(False)
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise InputError(f"{path}: row {row + 1}, column budget: expected a number above 0, got {shown(table['budget'][row])}")
    twice = ~table["advertiser"].is_first_distinct()
    if twice.any():
        row = int(twice.arg_max() or 0)
        name = shown(table["advertiser"][row])
        raise InputError(f"{path}: row {row + 1}, column advertiser: expected each advertiser once, got {name} again")
    known = dict(zip(table["advertiser"].cast(pl.String).to_list(), budget.to_list(), strict=True))
    missing = [name for name in advertisers if name not in known]
    if missing:
        raise InputError(f"{path}: expected a row for advertiser {shown(missing[0])}, got none{suggestion(missing[0], known)}")
    return np.array([known[name] for name in advertisers])


def save_traffic(traffic: Traffic, path: str | Path) -> None:
    """Write a traffic table as Parquet; the file appears whole or not at all."""
    size = np.diff(traffic.cell_start)
    columns = {name: np.repeat(getattr(traffic, name), size) for name in CELL_COLUMNS}
    columns["cell"] = np.repeat(np.arange(len(size)), size)
    table = pl.DataFrame(
        {
            "day": columns["day"],
            "hour": columns["hour"],
            "cell": columns["cell"],
            "weight": columns["weight"],
            "query": np.array(traffic.queries, dtype=object)[columns["query"]],
            "advertiser": np.array(traffic.advertisers, dtype=object)[traffic.advertiser],
            "pctr": traffic.pctr,
            "pcvr": traffic.pcvr,
            "item_price": traffic.item_price,
            "manual_bid": traffic.keyword_bid,
            "ctr": traffic.ctr,
            "cvr": traffic.cvr,
            "market_ecpm": columns["market_ecpm"],
        },
        schema_overrides={"query": pl.String, "advertiser": pl.String},
    )
    write_then_rename(Path(path), lambda part: table.write_parquet(part, metadata={NOTES_KEY: json.dumps(traffic.notes)}))


def save_budgets(traffic: Traffic, path: str | Path) -> None:
    """Write the daily budgets of a table that has them as CSV."""
    table = pl.DataFrame({"advertiser": list(traffic.advertisers), "budget": traffic.budgets})
    write_then_rename(Path(path), lambda part: table.write_csv(part))


def _typed(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    if KEYWORD_BID in table.columns and KEYWORD_BID_COLUMN not in table.columns:
        table = table.rename({KEYWORD_BID: KEYWORD_BID_COLUMN})
    extra = [name for name in table.columns if name not in _RULES]
    for name in _RULES:
        if name not in table.columns and name not in _OPTIONAL:
            raise InputError(f"{path}: column {name}: expected in a traffic table, got none{suggestion(name, extra)}")
    if extra:
        raise InputError(
            f"{path}: column {shown(extra[0])}: unknown; choose from {', '.join(_RULES)}{suggestion(extra[0], _RULES)}"
        )
    table = table.select(name for name in _RULES if name in table.columns)
    for name, found in table.schema.items():
        if not (found.is_numeric() or found in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
            raise InputError(f"{path}: column {name}: expected {_RULES[name][0]}, got a column of {found}")
    casts = []
    for name in table.columns:
        kind = pl.Int64 if name in _WHOLE else pl.String if name in _TEXT else pl.Float64
        text = pl.col(name).str.strip_chars() if table.schema[name] == pl.String and name not in _TEXT else pl.col(name)
        cast = text.cast(kind, strict=False)
        if name in _WHOLE and table.schema[name].is_float():
            # 3.7 auctions must not become 3 without a word.
            cast = pl.when(pl.col(name) == pl.col(name).round()).then(cast)
        casts.append(cast.alias(name))
    typed = table.select(casts)
    for name in typed.columns:
        wrong = typed[name].is_null()
        if wrong.any():
            raise _wrong(path, int(wrong.arg_max() or 0), name, table[name])
    return typed


def _check_columns(table: pl.DataFrame, path: Path) -> None:
    for name in table.columns:
        right = table.select(_RULES[name][1](pl.col(name)))[name]
        if not right.all():
            raise _wrong(path, int((~right).arg_max() or 0), name, table[name])


def _wrong(path: Path, row: int, name: str, column: pl.Series) -> InputError:
    return InputError(f"{path}: row {row + 1}, column {name}: expected {_RULES[name][0]}, got {shown(column[row])}")


def _check_cells(table: pl.DataFrame, path: Path) -> None:
    time = table["day"].to_numpy() * HOURS + table["hour"].to_numpy()
    backwards = np.flatnonzero(np.diff(time) < 0)
    if len(backwards):
        row = int(backwards[0]) + 1
        raise InputError(
            f"{path}: row {row + 1}, column hour: expected cells in time order, "
            f"got day {table['day'][row]} hour {table['hour'][row]} after day {table['day'][row - 1]} "
            f"hour {table['hour'][row - 1]}"
        )
    cell = table["cell"].to_numpy()
    starts = np.flatnonzero(np.diff(cell, prepend=cell[0] - 1))
    _, first_seen = np.unique(cell[starts], return_index=True)
    if len(first_seen) < len(starts):
        row = int(starts[np.setdiff1d(np.arange(len(starts)), first_seen)[0]])
        raise InputError(
            f"{path}: row {row + 1}, column cell: expected the rows of a cell to stand together, got cell {cell[row]} again"
        )
    owner = np.repeat(starts, np.diff(np.append(starts, len(cell))))
    for name in CELL_COLUMNS:
        if name not in table.columns:
            continue
        column = table[name].to_numpy()
        differs = np.flatnonzero(column != column[owner])
        if len(differs):
            row = int(differs[0])
            raise InputError(
                f"{path}: row {row + 1}, column {name}: expected {shown(table[name][int(owner[row])])} "
                f"as in the rest of cell {cell[row]}, got {shown(table[name][row])}"
            )
    twice = table.select(pl.struct("cell", "advertiser").is_first_distinct()).to_series()
    if not twice.all():
        row = int((~twice).arg_max() or 0)
        raise InputError(
            f"{path}: row {row + 1}, column advertiser: expected each advertiser once in a cell, "
            f"got {shown(table['advertiser'][row])} again in cell {cell[row]}"
        )


def _notes(path: Path) -> dict[str, str]:
    """What the table says of itself, in the metadata of a Parquet file of ours; else its name."""
    own = {"source": f"traffic table {path.name}"}
    if path.suffix != ".parquet":
        return own
    text = pl.read_parquet_metadata(path).get(NOTES_KEY)
    notes = json.loads(text) if text else {}
    return {str(key): str(value) for key, value in notes.items()} or own if isinstance(notes, dict) else own


def _codes(column: pl.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    names = column.unique(maintain_order=True)
    codes = column.replace_strict(names, pl.Series(range(len(names)), dtype=pl.Int64), return_dtype=pl.Int64)
    return codes.to_numpy(), tuple(names.to_list())
