"""Traffic tables on disk: read Parquet or CSV and check every value; write Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from auctionsim import arguments
from auctionsim.arguments.frames import WORDS, frame_of, is_frame, kind_of
from auctionsim.errors import InputError, shown, suggestion
from auctionsim.files import write_then_rename
from auctionsim.traffic.array_checks import is_writable
from auctionsim.traffic.checks import TEXT_COLUMNS, cast_column, checked_table
from auctionsim.traffic.raw_table import read_table
from auctionsim.traffic.table import CELL_COLUMNS, Traffic
from auctionsim.traffic.text_lines import row_source

Frame = Any
"""A table in memory, of one of several libraries (`arguments.frames`)."""
NOTES_KEY = "auctionsim-notes"
"""Key of a Parquet file's metadata that holds the table's provenance, as JSON."""


def load_traffic(table: str | Path | Frame, *, budgets: str | Path | Frame | Mapping[str, float] | None = None) -> Traffic:
    """Load a traffic table and check every value.

    Args:
        table: A Parquet or CSV file with the columns of the traffic table (docs/traffic.md), or a table in memory with them: of
            polars, pandas or pyarrow, any other that exports Arrow data (duckdb, narwhals, ibis), or a dictionary of columns.
            The index of a pandas table is left out.
        budgets: A CSV file, or a table in memory, with the columns `advertiser` and `budget` (currency per day); or a
            dictionary of the budget by advertiser; or None for a table without budgets.

    Returns:
        The table. Advertisers and queries are indexed in order of first appearance.

    Raises:
        InputError: The file is missing or no table, or a value is invalid; the message names file or argument, row (counted
            from 1) and column.
    """
    return table_of("table", table, budgets=budgets)


def table_of(name: str, table: Any, *, budgets: Any = None) -> Traffic:
    """Do what `load_traffic` does, for an argument of another name.

    Args:
        name: The name of the argument, for messages.
        table: A traffic table, which is returned as it is if there are no budgets to read; a file, or a table in memory.
        budgets: Budgets as `load_traffic` takes them.

    Raises:
        InputError: The file is missing or no table, or a value is invalid, as `load_traffic` tells it.
    """
    if isinstance(table, Traffic):
        return table if budgets is None else replace(table, budgets=load_budgets(budgets, table.advertisers))
    if is_frame(table):
        raw, notes = frame_of(name, table), {"source": f"a table given in Python ({kind_of(table)})"}
        return _indexed(checked_table(raw, name), budgets, notes)
    if not isinstance(table, str | os.PathLike):
        raise InputError(f"{name}: expected the path of a traffic table, or {WORDS}, got {shown(table)}")
    path = arguments.path(name, table)
    raw, metadata = read_table(path)
    checked = checked_table(raw, path)
    return _indexed(checked, budgets, _notes(path, metadata))


def _indexed(table: pl.DataFrame, budgets: Any, notes: dict[str, str]) -> Traffic:
    """Return a checked table as arrays."""
    advertiser, advertisers = _codes(table["advertiser"])
    query, queries = _codes(table["query"])
    cell = table["cell"].to_numpy()
    starts = np.flatnonzero(np.append(True, cell[1:] != cell[:-1]))
    column = {name: table[name].to_numpy() for name in table.columns if name not in TEXT_COLUMNS}
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
        notes=notes,
    )


def load_budgets(budgets: Any, advertisers: tuple[str, ...]) -> np.ndarray:
    """Read daily budgets.

    Args:
        budgets: A CSV file, or a table in memory, with the columns `advertiser` and `budget` (currency per day, > 0), a row per
            advertiser; or a dictionary of the budget by advertiser.
        advertisers: Names of the advertisers to read budgets for.

    Returns:
        Daily budgets in currency, in the order of `advertisers`, shape [advertisers].

    Raises:
        InputError: A column is missing, an advertiser has no row or two, or a budget is not a number > 0.
    """
    path: Path | str = "budgets"
    if isinstance(budgets, Mapping) and set(budgets) != {"advertiser", "budget"}:
        budgets = {"advertiser": list(budgets), "budget": list(budgets.values())}
    if is_frame(budgets):
        table = frame_of("budgets", budgets)
    else:
        path = arguments.path("budgets", budgets)
        table, _ = read_table(path, "a budgets file (CSV or Parquet)")
    for name in ("advertiser", "budget"):
        if name not in table.columns:
            raise InputError(f"{path}: column {name}: expected in the budgets file, got {', '.join(table.columns)}")
    budget = table.select(cast_column("budget", table.schema["budget"])).to_series()
    wrong = ~(budget.is_finite() & (budget > 0)).fill_null(False)
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise InputError(f"{row_source(path, row)}, column budget: expected a number > 0, got {shown(table['budget'][row])}")
    owner = table.select(cast_column("advertiser", table.schema["advertiser"])).to_series()
    for wrong, expected, again in (
        (owner.is_null(), "text", ""),
        (~owner.is_first_distinct(), "each advertiser once", " again"),
    ):
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            name = shown(table["advertiser"][row])
            raise InputError(f"{row_source(path, row)}, column advertiser: expected {expected}, got {name}{again}")
    known = dict(zip(owner.to_list(), budget.to_list(), strict=True))
    missing = [name for name in advertisers if name not in known]
    if missing:
        raise InputError(f"{path}: expected a row for advertiser {shown(missing[0])}, got none{suggestion(missing[0], known)}")
    return np.array([known[name] for name in advertisers])


def save_traffic(traffic: Traffic, path: str | Path) -> None:
    """Write a traffic table as Parquet. The file appears whole or not at all.

    Raises:
        InputError: `traffic` is no table in memory, or `path` no path.
    """
    arguments.instance_of("traffic", traffic, Traffic, "a traffic table")
    path = arguments.path("path", path)
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
    """Write the daily budgets of a table that has them as CSV with the columns `advertiser` and `budget`."""
    table = pl.DataFrame({"advertiser": list(traffic.advertisers), "budget": traffic.budgets})
    write_then_rename(Path(path), lambda part: table.write_csv(part))


def _notes(path: Path, metadata: dict[str, str]) -> dict[str, str]:
    """Return the provenance from the metadata of a Parquet file that auctionsim wrote; name the file otherwise."""
    if NOTES_KEY not in metadata:
        return {"source": f"traffic table {path.name}"}
    try:
        notes = json.loads(metadata[NOTES_KEY])
    except (ValueError, RecursionError):
        notes = None
    if not isinstance(notes, dict) or not all(isinstance(value, str) and is_writable(value) for value in notes.values()):
        raise InputError(f"{path}: metadata {NOTES_KEY}: expected a JSON object of texts, got {shown(metadata[NOTES_KEY])}")
    return {key: value for key, value in notes.items() if is_writable(key)} or {"source": f"traffic table {path.name}"}


def _codes(column: pl.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Number the values of a text column in order of first appearance; returns each row's number and the values."""
    names = column.unique(maintain_order=True)
    codes = column.replace_strict(names, pl.Series(range(len(names)), dtype=pl.Int64), return_dtype=pl.Int64)
    return codes.to_numpy(), tuple(names.to_list())
