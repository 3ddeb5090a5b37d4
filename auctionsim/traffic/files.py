"""Traffic tables on disk: read Parquet or CSV and check every value; write Parquet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from auctionsim import arguments
from auctionsim.errors import InputError, shown, suggestion
from auctionsim.files import write_then_rename
from auctionsim.traffic.array_checks import is_writable
from auctionsim.traffic.checks import TEXT_COLUMNS, cast_column, checked_table
from auctionsim.traffic.raw_table import read_table
from auctionsim.traffic.table import CELL_COLUMNS, Traffic

NOTES_KEY = "auctionsim-notes"
"""Key of a Parquet file's metadata that holds the table's provenance, as JSON."""


def load_traffic(path: str | Path, *, budgets: str | Path | None = None) -> Traffic:
    """Load a traffic table and check every value.

    Args:
        path: A Parquet or CSV file with the columns of the traffic table (docs/traffic.md).
        budgets: A CSV file with the columns `advertiser` and `budget` (currency per day), or None for a table without budgets.

    Returns:
        The table. Advertisers and queries are indexed in order of first appearance.

    Raises:
        InputError: The file is missing or no table, or a value is invalid; the message names file, row and column.
    """
    path = arguments.path("path", path)
    raw, metadata = read_table(path)
    table = checked_table(raw, path)
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
        notes=_notes(path, metadata),
    )


def load_budgets(path: str | Path, advertisers: tuple[str, ...]) -> np.ndarray:
    """Read daily budgets from a CSV file.

    Args:
        path: A CSV file with the columns `advertiser` and `budget` (currency per day, > 0), a row per advertiser.
        advertisers: Names of the advertisers to read budgets for.

    Returns:
        Daily budgets in currency, in the order of `advertisers`, shape [advertisers].

    Raises:
        InputError: A column is missing, an advertiser has no row or two, or a budget is not a number > 0.
    """
    path = arguments.path("budgets", path)
    table, _ = read_table(path)
    for name in ("advertiser", "budget"):
        if name not in table.columns:
            raise InputError(f"{path}: column {name}: expected in the budgets file, got {', '.join(table.columns)}")
    budget = table.select(cast_column("budget", table.schema["budget"])).to_series()
    wrong = ~(budget.is_finite() & (budget > 0)).fill_null(False)
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise InputError(f"{path}: row {row + 1}, column budget: expected a number > 0, got {shown(table['budget'][row])}")
    owner = table.select(cast_column("advertiser", table.schema["advertiser"])).to_series()
    for wrong, expected, again in (
        (owner.is_null(), "text", ""),
        (~owner.is_first_distinct(), "each advertiser once", " again"),
    ):
        if wrong.any():
            row = int(wrong.arg_max() or 0)
            name = shown(table["advertiser"][row])
            raise InputError(f"{path}: row {row + 1}, column advertiser: expected {expected}, got {name}{again}")
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
