"""Time one day on one thread and on several, in turn: `python benchmarks/parallel_day.py [--auctions N] [--threads 2 ...]`.

One policy, every auction with all advertisers, or with some of them where there are more; half of the budgets at a share of
what is spent without them, so that they run out. More threads than cores cut a window into more blocks, as more workers of a
cluster do. Prints the ratio of the shortest rounds, whether the bytes are the same, and what windows took: rounds of
settling, and the share of rankings made again.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

import auctionsim
from auctionsim import arithmetic
from auctionsim.auction.outcome import OUTCOMES, Outcome
from auctionsim.jobs.bench.engine import bench_traffic
from auctionsim.traffic.table import Traffic


def among(advertisers: int, traffic: Traffic, candidates: int) -> Traffic:
    """Return the traffic with each auction's candidates drawn among more advertisers: one from each of as many equal parts."""
    part = advertisers // candidates
    rng = np.random.default_rng([2, advertisers])
    drawn = rng.integers(part, size=(len(traffic.advertiser) // candidates, candidates)) + part * np.arange(candidates)
    names = tuple(f"advertiser-{i}" for i in range(advertisers))
    return replace(traffic, advertisers=names, advertiser=drawn.ravel())


def main() -> None:
    """Read the command line, and print a line for each number of slots, kind of budgets and number of threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--auctions", type=int, default=500_000)
    parser.add_argument("--candidates", type=int, default=48)
    parser.add_argument("--advertisers", type=int, help="as many as candidates, if not given")
    parser.add_argument("--policies", type=int, default=1)
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--budget", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    n = given.advertisers or given.candidates
    traffic = among(n, bench_traffic(given.auctions, given.candidates), given.candidates)
    theta = arithmetic.uniform(np.random.default_rng(1), 0.1, 1.0, (n, 4, given.policies))
    for slots in given.slots:
        rules = {
            "coefficients": theta, "features": ("one", "pcvr", "value", "keyword_bid"), "reserve": 0.01,
            "slot_effect": (1.0, 0.8, 0.6)[:slots],
        }  # fmt: skip
        free = auctionsim.replay(traffic, **rules).cost.sum(axis=0)
        half = np.where(np.arange(n)[:, None] % 2 == 0, given.budget * free, np.inf)
        for name, budgets in (("no budgets", None), ("half of the budgets run out", half)):
            seconds: dict[int, float] = {}
            outcomes: dict[int, Outcome] = {}
            for _ in range(given.rounds):
                for threads in (1, *given.threads):
                    began = time.perf_counter()
                    outcomes[threads] = auctionsim.replay(traffic, budgets=budgets, threads=threads, **rules)
                    seconds[threads] = min(seconds.get(threads, np.inf), time.perf_counter() - began)
            for threads in given.threads:
                found, effort = outcomes[threads], outcomes[threads].effort
                is_same = all((getattr(found, one) == getattr(outcomes[1], one)).all() for one in OUTCOMES)
                assert effort is not None
                print(
                    f"{slots} slots, {name}: {seconds[1]:.3f} s on one thread, {seconds[1] / seconds[threads]:.2f} times "
                    f"as fast on {threads}; same bytes: {is_same}; {effort.windows} windows, {effort.rounds} rounds, "
                    f"{effort.ranked_again / max(effort.ranked, 1):.1%} ranked again",
                    flush=True,
                )


if __name__ == "__main__":
    main()
