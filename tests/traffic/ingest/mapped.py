"""A small log of one's own, its columns named by a mapping, and what `ingest` makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from auctionsim.cli import main

MAPPING = """\
[columns]
auction = "auction_id"
timestamp = "ts"
query = "kw"
advertiser = "seller"
manual_bid = "bid"
item_price = "worth"
pctr = "pctr"
pcvr = "pcvr"
"""
HEADER = "auction_id,ts,kw,seller,bid,worth,pctr,pcvr\n"
BY_DAY = MAPPING.replace('timestamp = "ts"', 'day = "d"\nhour = "h"')


def line(auction: object, when: str, seller: str = "s", bid: object = 3, query: str = "k") -> str:
    """A row of the log."""
    return f"{auction},{when},{query},{seller},{bid},1,0.1,0.1\n"


def plenty(count: int = 300, when: str = "2024-03-04 05:06:07") -> str:
    """Enough good auctions of two candidates that one bad row is no error."""
    return "".join(line(f"good-{i}", when, seller) for i in range(count) for seller in "st")


def ingest_log(
    folder: Path, log: str | bytes, *more: str, top: str = "", mapping: str = MAPPING, name: str = "a.csv", code: int = 0
) -> Path:
    """Run `ingest` on a log, which must end in `code`, and return its table."""
    (folder / name).write_bytes(log.encode() if isinstance(log, str) else log)
    (folder / "map.toml").write_text(top + mapping, encoding="utf-8")
    out = folder / "t.parquet"
    out.unlink(missing_ok=True)
    paths = ("--mapping", str(folder / "map.toml"), "--out", str(out))
    assert main(["ingest", str(folder / name), "--format", "auctions-csv", *paths, *more]) == code
    assert out.exists() == (code == 0)
    return out


def rows(table: Path, *columns: str) -> list[Any]:
    """Some columns of a table by row; of one column, its values."""
    read = pl.read_parquet(table, glob=False).select(columns)
    return read.rows() if len(columns) > 1 else read.to_series().to_list()


def hours(table: Path) -> Sequence[tuple[int, int]]:
    """Day and hour of each row."""
    return rows(table, "day", "hour")
