"""Measure what building a market takes: seconds, processor seconds and memory, beside the day that it is built for.

    python benchmarks/market_building.py                    # this checkout
    python benchmarks/market_building.py --against main~5   # and a revision, each round one after the other

48 advertisers under `pid`, 500,000 auctions a day of 48 candidates and 3 slots, a training day and a test day. Every
measurement is a process of its own, since peak memory is never given back. A small market before it compiles what there is to
compile. Processor seconds in user mode are the steadiest figure on a shared machine; the system's seconds are fresh memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCENARIO = """
name = "market-building"
[traffic]
auctions_per_day = {auctions}
candidates = 48
train_days = [0]
test_days = [1]
[mechanism]
slot_effect = [1.0, 0.8, 0.6]
[[advertisers]]
group = "bidder"
count = 48
controller = "pid"
{budget}
[learner]
algorithm = "macg-es"
"""
TOUCH = "touch so much memory before each measurement, which the host of a virtual machine gives at first touch (default: 0)"
ROW_BYTES, CELL_BYTES = 7 * 8, 6 * 8
"""A table's own bytes: seven columns of a row, and six of a cell."""
FIGURES = {
    "build s a day": "wall",
    "build user s a day": "user",
    "build system s a day": "system",
    "peak over the table": "peak",
    "one day of pid, s": "day",
    "one day of pid, CPU s": "day_cpu",
    "build two, run one, s": "total",
    "build two, run one, CPU s": "total_cpu",
}


def main() -> None:
    """Measure this checkout, and a revision beside it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--auctions", type=int, default=500_000, help="auctions a day (default: 500000)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each checkout (default: 3)")
    parser.add_argument("--budgets", action="store_true", help="give everybody half of the baseline's spend (default: off)")
    parser.add_argument(
        "--against", metavar="REVISION", help="a revision of this repository to measure as well (default: none)"
    )
    parser.add_argument("--touch", type=int, metavar="GIB", default=0, help=TOUCH)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measured(args.auctions, args.budgets)))
        return
    with tempfile.TemporaryDirectory() as folder:
        trees = {"here": ROOT}
        if args.against:
            trees = {args.against: Path(folder, "tree"), **trees}
            _git("worktree", "add", "--detach", str(trees[args.against]), args.against)
        try:
            found: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
            for _ in range(args.rounds):
                for name, tree in trees.items():
                    touch(args.touch)
                    found[name].append(_in_a_process(tree, args.auctions, args.budgets))
        finally:
            if args.against:
                _git("worktree", "remove", "--force", str(trees[args.against]))
    _report(found)


def touch(gib: int) -> None:
    """Write to so much memory in a process of its own, which gives it back to this machine and not to the host."""
    subprocess.run([sys.executable, "-c", f"import numpy; numpy.ones({gib} << 27)"], check=True)


def measured(auctions: int, has_budgets: bool) -> dict[str, float | str]:
    """Build a market and run a day, and return the figures and a digest of what was built."""
    import hashlib
    import resource
    import time

    import numpy as np

    from auctionsim import load_scenario
    from auctionsim.agents.build import build_market
    from auctionsim.market.market import Market
    from auctionsim.market.simulate import simulate_day

    def built(size: int) -> Market:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "market.toml")
            path.write_text(SCENARIO.format(auctions=size, budget='budget = "baseline*0.5"' if has_budgets else ""))
            return build_market(load_scenario(path))

    def run(market: Market) -> None:
        simulate_day(market, market.traffic.days[0], market.rule_policies[0][1])

    run(built(1000))
    before, began, cpu = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter(), time.process_time()
    market = built(auctions)
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    built_cpu = time.process_time()
    run(market)
    done, done_cpu = time.perf_counter(), time.process_time()
    table, days = market.traffic, len(market.traffic.days)
    digest = hashlib.sha256()
    for day in market.baseline.values():
        digest.update(np.ascontiguousarray(day.cost).tobytes())
    for name in ("query", "advertiser", "pctr", "pcvr", "item_price", "keyword_bid", "ctr", "cvr"):
        column = getattr(table, name)
        for first in range(0, len(column), 1_000_000):
            digest.update(np.ascontiguousarray(column[first : first + 1_000_000]).tobytes())
    return {
        "wall": (ended - began) / days,
        "user": (after.ru_utime - before.ru_utime) / days,
        "system": (after.ru_stime - before.ru_stime) / days,
        "peak": (after.ru_maxrss - before.ru_maxrss) * 1024 / (len(table.advertiser) * ROW_BYTES + len(table.day) * CELL_BYTES),
        "day": done - ended,
        "day_cpu": done_cpu - built_cpu,
        "total": done - began,
        "total_cpu": done_cpu - cpu,
        "gib": after.ru_maxrss / 2**20,
        "digest": digest.hexdigest(),
    }


def _report(found: dict[str, list[dict[str, float]]]) -> None:
    """Print medians, and how many times less this checkout takes."""
    print(f"{'':28}" + "".join(f"{name:>14}" for name in found) + ("         times less" if len(found) > 1 else ""))
    for label, key in {**FIGURES, "peak of the process, GiB": "gib"}.items():
        medians = {name: statistics.median(float(one[key]) for one in rounds) for name, rounds in found.items()}
        ratio = f"{next(iter(medians.values())) / medians['here']:>14.1f}" if len(found) > 1 else ""
        print(f"{label:28}" + "".join(f"{value:>14.2f}" for value in medians.values()) + ratio)
    digests = {str(one["digest"]) for rounds in found.values() for one in rounds}
    print("all the same bytes" if len(digests) == 1 else f"DIFFERENT bytes: {len(digests)} digests")
    sys.exit(0 if len(digests) == 1 else 1)


def _in_a_process(tree: Path, auctions: int, has_budgets: bool) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", "--auctions", str(auctions), *(["--budgets"] if has_budgets else [])]
    variables = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=variables, cwd=tree, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
