"""Measure the auction kernel on this machine, relative to a reference kernel that runs on the same thread in the same run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from auctionsim import arithmetic
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.day import DayReplay
from auctionsim.auction.kernel.prices import PRICINGS
from auctionsim.auction.parallel.threads import in_threads
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource, TrafficSource
from auctionsim.traffic.table import Traffic

POLICIES = (1, 8, 32, 64)
SLOT_EFFECTS = ((1.0,), (1.0, 0.8, 0.6))
AUCTIONNET_AUCTIONS, AUCTIONNET_ADVERTISERS = 500_000, 48
_REFERENCE_ELEMENTS = 4096
_REPEATS, _ROUNDS = 6, 4
_LONGER = 5


@dataclass(frozen=True)
class Case:
    """One measurement of the auction kernel; the fields before the speeds say of what."""

    policies: int
    slots: int
    pricing: str
    outcomes: str
    candidates: int
    threads: int
    auctions: int
    """Auctions of the replayed hour."""
    candidate_bids_per_s: float
    """Candidates x policies x auctions per second."""
    auctions_per_s: float
    """Policies x auctions per second."""


class ReferenceKernel:
    """A reference kernel: elements per second of `np.maximum` on two float32 arrays in the first-level cache.

    It is measured in every round of cases, and the best measurement counts, so that a slow moment of the machine does not
    flatter the auction kernel.
    """

    def __init__(self) -> None:
        self.elements_per_s = 0.0
        self.measure()

    def measure(self) -> None:
        """Measure once more; takes some milliseconds."""
        one = np.linspace(0, 1, _REFERENCE_ELEMENTS, dtype=np.float32)
        other, out = one[::-1].copy(), np.empty_like(one)
        loops = 5000

        def run() -> None:
            for _ in range(loops):
                np.maximum(one, other, out=out)

        self.elements_per_s = max(self.elements_per_s, loops * _REFERENCE_ELEMENTS / _best_seconds([run])[0])


def engine_cases(reference: ReferenceKernel, auctions: int, candidates: int, report: Callable[[Case], None]) -> list[Case]:
    """Measure every number of policies, number of slots and pricing rule with expected outcomes, and `gsp` with sampled ones.

    Args:
        reference: Reference kernel, measured again in every round.
        auctions: Auctions of the replayed day, all in one hour.
        candidates: Candidates in each auction, who are all advertisers.
        report: Progress callback, called with every case.
    """
    traffic = bench_traffic(auctions, candidates)
    plan = [
        *((p, effect, pricing, "expected") for effect in SLOT_EFFECTS for pricing in PRICINGS for p in POLICIES),
        *((p, effect, "gsp", "sampled") for effect in SLOT_EFFECTS for p in POLICIES),
    ]

    def measure(policies: int, slot_effect: tuple[float, ...], pricing: str, outcomes: str) -> list[Case]:
        rules = Rules(slot_effect, pricing, reserve=0.01, outcomes=outcomes)
        return measured(TableSource(traffic, rules), rules, auctions, policies, candidates)

    return _best_of_rounds(reference, [partial(measure, *point) for point in plan], report)


def thread_cases(reference: ReferenceKernel, auctions: int, candidates: int, report: Callable[[Case], None]) -> list[Case]:
    """Measure one thread and two in turn with the most policies, over an hour so long that its start hardly counts."""
    traffic = bench_traffic(_LONGER * auctions, candidates)

    def measure(slot_effect: tuple[float, ...]) -> list[Case]:
        rules = Rules(slot_effect, "gsp", reserve=0.01)
        return measured(TableSource(traffic, rules), rules, _LONGER * auctions, POLICIES[-1], candidates, (1, 2))

    return _best_of_rounds(reference, [partial(measure, slot_effect) for slot_effect in SLOT_EFFECTS], report)


def _best_of_rounds(
    reference: ReferenceKernel, measures: Sequence[Callable[[], list[Case]]], report: Callable[[Case], None]
) -> list[Case]:
    """Keep the best of several rounds for every case: a slow moment of the machine lasts longer than the runs of one case."""
    best: dict[int, list[Case]] = {}
    for i in range(_ROUNDS):
        reference.measure()
        for k, measure in enumerate(measures):
            found = measure()
            best[k] = [max(pair, key=_speed) for pair in zip(best.get(k, found), found, strict=True)]
            if i == _ROUNDS - 1:
                for case in best[k]:
                    report(case)
    return [case for k in range(len(measures)) for case in best[k]]


def _speed(case: Case) -> float:
    return case.auctions_per_s


def auctionnet_cases(report: Callable[[Case], None]) -> list[Case]:
    """Measure a period of AuctionNet's size (NeurIPS 2024): 48 advertisers, 500,000 auctions, slot effects 1, 0.8 and 0.6."""
    traffic = bench_traffic(AUCTIONNET_AUCTIONS, AUCTIONNET_ADVERTISERS)
    rules = Rules((1.0, 0.8, 0.6), "gsp", reserve=0.01)
    source = TableSource(traffic, rules)
    cases = []
    for policies in (1, 8):
        cases += measured(source, rules, AUCTIONNET_AUCTIONS, policies, AUCTIONNET_ADVERTISERS, repeats=1)
        report(cases[-1])
    return cases


def measured(
    source: TrafficSource,
    rules: Rules,
    auctions: int,
    policies: int,
    candidates: int,
    threads: Sequence[int] = (1,),
    repeats: int = _REPEATS,
) -> list[Case]:
    """Measure a case for each number of threads: the shortest of several replays of the first hour."""
    theta = arithmetic.uniform(np.random.default_rng([0, policies]), 0.1, 1.0, (candidates, len(FEATURES), policies))

    def block(part: slice) -> None:
        own = theta[..., part]
        DayReplay(source, 0, rules, policies=own.shape[-1]).step(own)

    seconds = _best_seconds([partial(in_threads, policies, n, block) for n in threads], repeats)
    kind = (policies, len(rules.slot_effect), rules.pricing, rules.outcomes, candidates)
    return [
        Case(*kind, n, auctions, candidates * replayed, replayed)
        for n, replayed in zip(threads, (auctions * policies / taken for taken in seconds), strict=True)
    ]


def bench_traffic(auctions: int, candidates: int) -> Traffic:
    """Make a day of one hour in which all advertisers compete in every auction, with uniform rates and values."""
    rng = np.random.default_rng([0, auctions, candidates])
    rows = auctions * candidates
    pctr, pcvr = arithmetic.uniform(rng, 0.01, 0.1, rows), arithmetic.uniform(rng, 0.01, 0.1, rows)
    return Traffic(
        advertisers=tuple(f"advertiser-{i}" for i in range(candidates)),
        queries=("query",),
        day=np.zeros(auctions, dtype=np.int64),
        hour=np.zeros(auctions, dtype=np.int64),
        weight=np.ones(auctions, dtype=np.int64),
        query=np.zeros(auctions, dtype=np.int64),
        cell_start=np.arange(auctions + 1) * candidates,
        advertiser=np.tile(np.arange(candidates), auctions),
        pctr=pctr,
        pcvr=pcvr,
        item_price=arithmetic.uniform(rng, 10, 50, rows),
        keyword_bid=arithmetic.uniform(rng, 0.5, 2, rows),
        ctr=pctr,
        cvr=pcvr,
        market_ecpm=np.zeros(auctions),
    )


def as_json(reference_per_s: float, cases: list[Case], **more: object) -> dict[str, object]:
    """Return what `auctionsim bench --json` prints; `yardstick` is the old name of `reference_kernel`, until version 0.3."""
    speeds = {"reference_kernel": reference_per_s, "yardstick": reference_per_s}
    return {**speeds, "cases": [asdict(case) for case in cases], **more}


def _best_seconds(runs: Sequence[Callable[[], object]], repeats: int = _REPEATS) -> list[float]:
    """Return the shortest time of each run, in seconds, over rounds that take the runs in turn.

    A first round, which compiles and warms the caches, does not count. Other work on the machine only ever adds time, and what
    slows the machine for a while slows all runs.
    """
    seconds = [math.inf] * len(runs)
    for i in range(repeats + 1):
        for k, run in enumerate(runs):
            began = time.perf_counter()
            run()
            if i > 0:
                seconds[k] = min(seconds[k], time.perf_counter() - began)
    return seconds
