"""Time two checkouts of auctionsim in turn, in one run: `python benchmarks/side_by_side.py OLD NEW [--policies 1 64 ...]`.

Machines drift by the minute, so figures of two runs say little. Here each checkout has a process of its own, with the same
interpreter, that makes the same hour of traffic and then waits. Rounds alternate between the two; each round replays the hour
once, in processor time of one thread. Prints the median of the ratios, new over old, and the ratio of the shortest rounds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

WORKER = """
import sys, time
import numpy as np
from auctionsim import arithmetic
from auctionsim.auction.day import DayReplay
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.jobs.bench.engine import bench_traffic
from auctionsim.auction.bid_formula import FEATURES
auctions, candidates = int(sys.argv[1]), int(sys.argv[2])
traffic, sources = bench_traffic(auctions, candidates), {}
print("ready", flush=True)
for line in sys.stdin:
    policies, slots, pricing, outcomes = line.split()
    effect = (1.0, 0.8, 0.6)[: int(slots)]
    rules = Rules(effect, pricing, reserve=0.01, outcomes=outcomes)
    if line not in sources:
        sources = {line: TableSource(traffic, rules)}
    theta = arithmetic.uniform(np.random.default_rng([0, int(policies)]), 0.1, 1.0, (candidates, len(FEATURES), int(policies)))
    replay = DayReplay(sources[line], 0, rules, policies=int(policies))
    began = time.thread_time()
    replay.step(theta)
    print(time.thread_time() - began, flush=True)
"""


class Side:
    """A process that replays with the code of one checkout."""

    def __init__(self, checkout: Path, auctions: int, candidates: int) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", WORKER, str(auctions), str(candidates)]
        self._process = subprocess.Popen(
            command, env=environment, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise SystemExit("a side ended early: see its message above")
        return line

    def seconds(self, case: str) -> float:
        """Replay a case once."""
        assert self._process.stdin is not None
        self._process.stdin.write(case + "\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def main() -> None:
    """Read the command line, time all cases and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--policies", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--auctions", type=int, default=20_000)
    parser.add_argument("--candidates", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    sides = [Side(checkout.resolve(), given.auctions, given.candidates) for checkout in (given.old, given.new)]
    kinds = [(1, "gsp", "expected"), (3, "gsp", "expected"), (3, "vcg", "expected"), (1, "gsp", "sampled")]
    for slots, pricing, outcomes in kinds:
        for policies in given.policies:
            case = f"{policies} {slots} {pricing} {outcomes}"
            for side in sides:
                side.seconds(case)
            found = np.array([[side.seconds(case) for side in sides] for _ in range(given.rounds)])
            ratio, shortest = np.median(found[:, 1] / found[:, 0]), found[:, 1].min() / found[:, 0].min()
            name = f"{policies:3d} policies  {slots} slots  {pricing}  {outcomes}"
            print(f"{name:42s} new over old: median {ratio:.3f}, shortest {shortest:.3f}", flush=True)
    for side in sides:
        side.close()


if __name__ == "__main__":
    main()
