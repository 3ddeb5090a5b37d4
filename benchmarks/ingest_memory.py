"""Measure memory and time of ingesting a large CSV log: python benchmarks/ingest_memory.py [megabytes, 1000 by default].

Writes a log of auctions with four candidates each into a temporary folder and runs `auctionsim ingest` on it.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

AT_ONCE = 250_000
CANDIDATES = 4
MAPPING = """\
timestamp_format = "unix"
[columns]
auction = "auction"
timestamp = "timestamp"
query = "query"
advertiser = "advertiser"
keyword_bid = "bid"
item_price = "item_price"
clicked = "clicked"
converted = "converted"
"""


def write_log(path: Path, megabytes: float) -> int:
    """Write a log of about `megabytes` and return its number of auctions."""
    draw, n = np.random.default_rng(0), 0
    with path.open("wb") as out:
        while out.tell() < megabytes * 1e6:
            auction = np.arange(n, n + AT_ONCE).repeat(CANDIDATES)
            size = len(auction)
            clicked = draw.random(size) < 0.05
            table = pl.DataFrame(
                {
                    "auction": auction,
                    "timestamp": 1_700_006_400 + auction * 86_400 // 500_000,
                    "user_id": draw.integers(0, 10**9, size),
                    "query": pl.Series(draw.integers(0, 50, AT_ONCE).repeat(CANDIDATES)).cast(pl.String),
                    "advertiser": (draw.integers(0, 10, AT_ONCE)[:, None] + 10 * np.arange(CANDIDATES)).ravel(),
                    "bid": draw.lognormal(0, 0.5, size).round(4),
                    "item_price": draw.lognormal(3, 1, size).round(2),
                    "clicked": clicked.astype(int),
                    "converted": (clicked & (draw.random(size) < 0.1)).astype(int),
                }
            )
            table.write_csv(out, include_header=n == 0)
            n += AT_ONCE
    return n


def main() -> None:
    """Write a log, ingest it, and print the figures."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        auctions = write_log(folder / "log.csv", megabytes)
        (folder / "map.toml").write_text(MAPPING)
        size = (folder / "log.csv").stat().st_size
        began = time.monotonic()
        command = ["ingest", "log.csv", "--format", "auctions-csv", "--mapping", "map.toml", "--out", "traffic.parquet"]
        subprocess.run([sys.executable, "-m", "auctionsim", *command], cwd=folder, check=True)
        seconds = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        print(f"{size / 1e6:.0f} MB, {auctions} auctions: {seconds:.0f} s, peak memory {peak / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
