"""Write the cells as a traffic table: one Parquet file, or a folder of columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from auctionsim.traffic.files import NOTES_KEY
from auctionsim.traffic.ingest.database import Database, quoted
from auctionsim.traffic.stored.store import ROW_TYPES, Columns
from auctionsim.traffic.stored.writer import store_traffic

_TABLE = (
    "day::BIGINT AS day, hour::BIGINT AS hour, cell::BIGINT AS cell, weight::BIGINT AS weight, query, advertiser, pctr, pcvr, "
    "item_price, manual_bid, coalesce(ctr, pctr) AS ctr, coalesce(cvr, pcvr) AS cvr, market_ecpm"
)


def write_parquet(database: Database, out: Path, notes: Mapping[str, str]) -> None:
    """Write `cells` as one Parquet file with `notes` in its metadata. `out` lies in the database's folder."""
    metadata = f"KV_METADATA {{{quoted(NOTES_KEY)}: {quoted(json.dumps(dict(notes)))}}}"
    database.run(
        f"COPY (SELECT {_TABLE} FROM cells) TO {quoted(out.absolute())} (FORMAT parquet, COMPRESSION zstd, {metadata})",
        "writing",
    )


def is_ingested(path: Path) -> bool:
    """Return whether a file is a table that `write_parquet` wrote, so that it may be made anew."""
    try:
        notes = json.loads(pl.read_parquet_metadata(path.absolute())[NOTES_KEY])
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, KeyError, ValueError, RecursionError):
        return False
    return isinstance(notes, dict) and "aggregate" in notes


def write_folder(database: Database, out: Path) -> None:
    """Write `cells` as stored traffic (`auctionsim.traffic.stored.store`), hour by hour."""
    for name in ("advertiser", "query"):
        database.run(
            f"CREATE TABLE {name}_codes AS SELECT {name} FROM cells GROUP BY {name} ORDER BY min(cell), {name}", "writing"
        )
    advertisers, queries = (
        tuple(name for (name,) in database.rows(f"SELECT {kind} FROM {kind}_codes ORDER BY rowid"))
        for kind in ("advertiser", "query")
    )
    store_traffic(out, advertisers, queries, _hours(database))


def _hours(database: Database) -> Iterator[tuple[int, int, Columns]]:
    for day, hour in database.rows("SELECT DISTINCT day, hour FROM cells ORDER BY day, hour"):
        part = database.columns(
            "SELECT cell, weight, q.rowid AS query, market_ecpm, a.rowid AS advertiser, pctr, pcvr, item_price, "
            "manual_bid AS keyword_bid "
            "FROM (SELECT *, row_number() OVER () AS position FROM cells "
            f"WHERE day = {day} AND hour = {hour}) AS cells JOIN query_codes AS q USING (query) "
            "JOIN advertiser_codes AS a USING (advertiser) ORDER BY position"
        )
        starts = np.flatnonzero(np.diff(part["cell"], prepend=part["cell"][0] - 1))
        cells = {name: np.asarray(part[name])[starts] for name in ("weight", "query", "market_ecpm")}
        rows = {name: np.asarray(part[name]) for name in ROW_TYPES}
        yield int(day), int(hour), {"size": np.diff(np.append(starts, len(part["cell"]))), **cells, **rows}
