"""Make and replay days that do not fit into memory, and measure both; measure how long a traffic table takes to load."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from auctionsim.auction.replay import replay
from auctionsim.jobs.bench.engine import bench_traffic
from auctionsim.scenario import TrafficSection
from auctionsim.traffic.files import load_traffic, save_traffic
from auctionsim.traffic.generator import query_names, stream_traffic
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.store import Columns, StoredTraffic, open_traffic
from auctionsim.traffic.store_writer import store_traffic

CANDIDATES, ADVERTISERS, QUERIES = 10, 100, 1000
_TABLE_AUCTIONS = 20_000


def make_day(auctions: int, out: Path, report: Callable[[int], None], days: int = 1) -> StoredTraffic:
    """Generate synthetic days hour by hour to disk.

    Args:
        auctions: Mean number of auctions a day; hours and days follow the profile.
        out: New folder.
        report: Progress callback, called with the number of auctions written so far.
        days: Number of days.
    """
    profile = load_profile("alimama", None)
    # Hours of the first weekday hold more or less than a mean day's.
    share = float((np.array(profile.hour_share) * np.array(profile.week_factor)[0]).sum())
    section = TrafficSection(
        profile="alimama",
        auctions_per_day=round(auctions / share),
        queries=QUERIES,
        candidates=CANDIDATES,
        train_days=(0,),
        test_days=(1,),
        days=max(days, 2),
    )

    def parts() -> Iterator[tuple[int, int, Columns]]:
        written = 0
        for day, hour, columns in stream_traffic(section, profile, ADVERTISERS, 0, tuple(range(days))):
            yield day, hour, columns
            written += int(columns["weight"].sum())
            report(written)

    names = tuple(f"advertiser-{i}" for i in range(ADVERTISERS))
    return store_traffic(out, names, query_names(section), parts())


def replay_day(folder: Path, policies: int) -> dict[str, float]:
    """Replay the first stored day chunk by chunk with scaled keyword bids, and measure time and memory."""
    stored = open_traffic(folder)
    theta = np.tile(np.linspace(0.5, 1.5, policies), (len(stored.advertisers), 1, 1))
    began = time.perf_counter()
    outcome = replay(stored, day=stored.days[0], coefficients=theta, reserve=0.01)
    seconds = time.perf_counter() - began
    auctions = stored.auctions_on(stored.days[0])
    return {
        "auctions": auctions,
        "rows": stored.rows,
        "policies": policies,
        "seconds": seconds,
        "auctions_per_s": auctions * policies / seconds,
        "revenue": float(outcome.revenue[:, 0].sum()),
        "bytes_on_disk": sum(path.stat().st_size for path in folder.iterdir()),
        "peak_memory_bytes": peak_memory(),
    }


def table_load(candidates: int = CANDIDATES) -> dict[str, float]:
    """Measure how long a traffic table in Parquet takes to load and check."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traffic.parquet"
        save_traffic(bench_traffic(_TABLE_AUCTIONS, candidates), path)
        began = time.perf_counter()
        table = load_traffic(path)
        seconds = time.perf_counter() - began
    rows = len(table.advertiser)
    return {"rows": rows, "seconds": seconds, "rows_per_s": rows / seconds}


def peak_memory() -> int:
    """Return the peak memory of this process, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
