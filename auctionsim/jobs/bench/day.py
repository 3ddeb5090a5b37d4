"""Make and replay days that do not fit into memory, and measure both; measure how long a traffic table takes to load."""

from __future__ import annotations

import hashlib
import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.day import DayReplay, run_day
from auctionsim.auction.outcome import OUTCOMES, Outcome
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import StoreSource
from auctionsim.jobs.bench.engine import bench_traffic
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.jobs.distributed.day_in_pieces import DayInPieces
from auctionsim.names.display import short_repr
from auctionsim.scenario import TrafficSection
from auctionsim.traffic.files import load_traffic, save_traffic
from auctionsim.traffic.generator import query_names, stream_traffic
from auctionsim.traffic.profile import load_profile
from auctionsim.traffic.stored.store import Columns, StoredTraffic, open_traffic
from auctionsim.traffic.stored.writer import store_traffic

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


def replay_day(folder: Path, policies: int, budget_share: float = math.inf) -> tuple[dict[str, Any], DayCase]:
    """Replay the first stored day chunk by chunk with scaled keyword bids, in order, and measure time and memory.

    Args:
        folder: The stored traffic.
        policies: Policies that are replayed at once.
        budget_share: Every advertiser's budget as a share of what it spends without one; infinite for none.

    Returns:
        The figures, and what was replayed.
    """
    stored, rules = open_traffic(folder), Rules(reserve=0.01)
    theta = np.zeros((len(stored.advertisers), len(FEATURES), policies))
    theta[:, FEATURES.index("keyword_bid")] = np.linspace(0.5, 1.5, policies) if policies > 1 else 1.0
    case = DayCase(StoreSource(stored, rules), stored.days[0], rules, theta, np.full(theta[:, 0].shape, np.inf))
    if budget_share < math.inf:
        case = replace(case, budgets=budget_share * case.replayed().cost.sum(axis=0))
    began = time.perf_counter()
    outcome = case.replayed()
    seconds = time.perf_counter() - began
    auctions = stored.auctions_on(case.day)
    figures = {
        "auctions": auctions,
        "rows": stored.rows,
        "policies": policies,
        "seconds": seconds,
        "auctions_per_s": auctions / seconds,
        "bids_per_s": stored.candidates_on(case.day) * policies / seconds,
        "revenue": float(outcome.revenue[:, 0].sum()),
        "budgets_spent": float((outcome.cost.sum(axis=0) >= case.budgets * (1 - 1e-8)).mean()),
        "sha256": digest_of(outcome),
        "bytes_on_disk": sum(path.stat().st_size for path in folder.iterdir()),
        "peak_memory_bytes": peak_memory(),
    }
    return figures, case


@dataclass(frozen=True, eq=False)
class DayCase:
    """A stored day with bids and budgets."""

    source: StoreSource
    day: int
    rules: Rules
    coefficients: NDArray[np.float64]
    """theta of the whole day, `[advertisers, 4, P]`."""
    budgets: NDArray[np.float64]
    """Currency, `[advertisers, P]`."""

    __repr__ = short_repr

    def replayed(self, clearer: DayInPieces | None = None) -> Outcome:
        """Replay the day, in order or on workers."""
        policies = self.coefficients.shape[-1]
        replay = DayReplay(self.source, self.day, self.rules, policies=policies, budgets=self.budgets, clearer=clearer)
        return run_day(replay, lambda _: self.coefficients)


def replay_in_pieces(pool: Pool, workers: int, case: DayCase) -> dict[str, Any]:
    """Replay a day on the workers of a pool, and measure time, rounds and what travels; workers start before the clock does."""
    clearer = DayInPieces(pool, workers, case.source, case.rules, case.coefficients.shape[-1])
    try:
        clearer.warm_up(case.day)
        began = time.perf_counter()
        outcome = case.replayed(clearer)
        seconds = time.perf_counter() - began
    finally:
        clearer.close()
    effort = clearer.effort
    return {
        "workers": workers,
        "seconds": seconds,
        "windows": effort.windows,
        "rounds": effort.rounds,
        "ranked_again": effort.ranked_again / max(effort.ranked, 1),
        "bytes_sent": clearer.bytes_sent,
        "sha256": digest_of(outcome),
    }


def digest_of(outcome: Outcome) -> str:
    """Return the SHA-256 of an outcome's arrays."""
    sums = (np.ascontiguousarray(getattr(outcome, name)).tobytes() for name in OUTCOMES)
    return hashlib.sha256(b"".join(sums)).hexdigest()


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
