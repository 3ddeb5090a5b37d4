"""Time replays with a pre-ranker against plain ones, in turn in one process: `python benchmarks/preranker.py`.

Prints the median over rounds of the ratio of processor times, with over without: of a table whose mask is made, of one whose
mask and rows are made anew, and of a stored day, which is masked chunk by chunk.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from auctionsim import replay
from auctionsim.auction.rules import PreRanker
from auctionsim.jobs.bench.engine import bench_traffic
from auctionsim.traffic.stored.store import ROW_TYPES, StoredTraffic
from auctionsim.traffic.stored.writer import store_traffic
from auctionsim.traffic.table import Traffic


def stored(traffic: Traffic, folder: Path) -> StoredTraffic:
    """Store a table of one hour."""
    columns = {name: getattr(traffic, name) for name in (*ROW_TYPES, "weight", "query", "market_ecpm")}
    columns["size"] = np.diff(traffic.cell_start)
    day, hour = int(traffic.day[0]), int(traffic.hour[0])
    return store_traffic(folder, traffic.advertisers, traffic.queries, [(day, hour, columns)])


def seconds(call: Callable[[], object]) -> float:
    """Return the processor time of a call."""
    began = time.thread_time()
    call()
    return time.thread_time() - began


def main() -> None:
    """Read the command line and print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--auctions", type=int, default=20_000)
    parser.add_argument("--candidates", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    traffic, _ = bench_traffic(given.auctions, given.candidates), None
    own = PreRanker(given.candidates // 4, 0.5)
    day = int(traffic.day[0])
    with tempfile.TemporaryDirectory() as folder:
        on_disk = stored(traffic, Path(folder) / "stored")
        for policies in (1, 64):
            theta = np.linspace(0.5, 1.5, policies) * np.ones((given.candidates, 1, 1))

            def run(preranker: PreRanker | None, source: Traffic | StoredTraffic, theta: np.ndarray = theta) -> float:
                return seconds(lambda: replay(source, day=day, coefficients=theta, preranker=preranker))

            def anew(preranker: PreRanker | None, run: Callable[..., float] = run) -> float:
                traffic.derived.clear()
                return run(preranker, traffic)

            def again(preranker: PreRanker | None, run: Callable[..., float] = run) -> float:
                run(preranker, traffic)
                return run(preranker, traffic)

            cases = {"table, first replay": anew, "table, later replays": again, "stored day": lambda one: run(one, on_disk)}
            for name, case in cases.items():
                case(None), case(own)
                ratios = [case(own) / case(None) for _ in range(given.rounds)]
                print(f"{policies:3d} policies  {name:22s} with over without: {np.median(ratios):.2f}", flush=True)


if __name__ == "__main__":
    main()
