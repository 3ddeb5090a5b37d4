"""Time days on a CUDA device: `python benchmarks/cuda_day.py [--auctions N] [--candidates C] [--policies P ...] [--cpu]`.

A day of 24 hours; every auction has all advertisers as candidates, unless there are more; half of the budgets are a share of
what is spent without them, so that they run out. For each number of policies prints candidate bids a second of the day, traffic
and result staying on the device, and the time of `auctionsim.replay`, which copies the result to the host, too. If
asked to, replays the day on one thread of the CPU, too, and says whether the bytes are the same.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from numba import cuda

import auctionsim
from auctionsim import arithmetic
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.cuda.day import DeviceDay
from auctionsim.auction.cuda.replay import device_traffic
from auctionsim.auction.outcome import OUTCOMES
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import source_of
from auctionsim.jobs.bench.engine import bench_traffic
from auctionsim.traffic.table import Traffic

_SLOT_EFFECT = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2)


def main() -> None:
    """Read the command line, and print a line for each number of slots, policies and features, and kind of budgets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--auctions", type=int, default=500_000)
    parser.add_argument("--candidates", type=int, default=48)
    parser.add_argument("--advertisers", type=int, help="more than candidates: each auction has some of them")
    parser.add_argument("--policies", type=int, nargs="+", default=[1024])
    parser.add_argument("--slots", type=int, nargs="+", default=[1])
    parser.add_argument("--features", type=int, nargs="+", choices=(1, 4), default=[4])
    parser.add_argument("--budget", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", action="store_true")
    given = parser.parse_args()
    n = given.candidates
    traffic = _day(given.auctions, n, given.advertisers or n)
    n_advertisers = len(traffic.advertisers)
    for n_slots in given.slots:
        rules = Rules(_SLOT_EFFECT[:n_slots], reserve=0.01)
        source = source_of(traffic, rules)
        for n_policies in given.policies:
            for n_features in given.features:
                theta = arithmetic.uniform(np.random.default_rng(1), 0.1, 1.0, (n_advertisers, 4, n_policies))
                theta[:, : 4 - n_features] = 0.0
                arguments = {
                    "coefficients": theta, "features": FEATURES, "reserve": rules.reserve, "slot_effect": rules.slot_effect,
                }  # fmt: skip
                free = auctionsim.replay(traffic, device="cuda", **arguments).cost.sum(axis=0)
                half = np.where(np.arange(n_advertisers)[:, None] % 2 == 0, given.budget * free, np.inf)
                for name, budgets in (("no budgets", None), ("half of the budgets run out", half)):
                    seconds, whole = np.inf, np.inf
                    for _ in range(given.rounds):
                        began = time.perf_counter()
                        found = auctionsim.replay(traffic, budgets=budgets, device="cuda", **arguments)
                        whole = min(whole, time.perf_counter() - began)
                        on_device = device_traffic(traffic, source, rules)
                        cuda.synchronize()
                        began = time.perf_counter()
                        day = DeviceDay(on_device, 0, rules, policies=n_policies, budgets=budgets)
                        for _ in range(24):
                            day.step(theta)
                        cuda.synchronize()
                        seconds = min(seconds, time.perf_counter() - began)
                    bids, effort = given.auctions * n * n_policies, found.effort
                    assert effort is not None
                    line = (
                        f"{n_slots} slots, P = {n_policies}, {n_features} features, {name}: {seconds * 1e3:.1f} ms, "
                        f"{bids / seconds / 1e9:.1f} G bids/s; replay {whole * 1e3:.1f} ms; {effort.windows} windows, "
                        f"{effort.rounds} rounds, {effort.ranked_again / effort.ranked:.2%} ranked again"
                    )
                    if given.cpu:
                        began = time.perf_counter()
                        wanted = auctionsim.replay(traffic, budgets=budgets, **arguments)
                        took = time.perf_counter() - began
                        is_same = all((getattr(found, one) == getattr(wanted, one)).all() for one in OUTCOMES)
                        line += f"; CPU, one thread: {took * 1e3:.1f} ms, same bytes: {is_same}"
                    print(line, flush=True)


def _day(n_auctions: int, n_candidates: int, n_advertisers: int) -> Traffic:
    """Make a day of 24 hours; an auction's candidates are advertisers at equal distances, from a random one on."""
    traffic = bench_traffic(n_auctions, n_candidates)
    first = np.random.default_rng(2).integers(0, n_advertisers, n_auctions)
    steps = np.arange(n_candidates) * (n_advertisers // n_candidates)
    return replace(
        traffic,
        hour=np.arange(n_auctions) * 24 // n_auctions,
        advertisers=tuple(f"advertiser-{i}" for i in range(n_advertisers)),
        advertiser=np.sort((first[:, None] + steps) % n_advertisers, axis=1).ravel(),
    )


if __name__ == "__main__":
    main()
