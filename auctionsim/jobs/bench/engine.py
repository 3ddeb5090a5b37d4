"""How fast the engine is on this machine, as shares of a yardstick measured in the same run on the same thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.day import DayReplay
from auctionsim.auction.kernel.pricing import PRICINGS
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import Feed, TableFeed
from auctionsim.auction.threads import in_threads
from auctionsim.traffic.table import Traffic

POLICIES = (1, 8, 32, 64)
SLOT_EFFECTS = ((1.0,), (1.0, 0.8, 0.6))
AUCTIONNET_AUCTIONS, AUCTIONNET_ADVERTISERS = 500_000, 48
_YARDSTICK_ELEMENTS = 4096
_REPEATS, _ROUNDS = 6, 4
_LONGER = 5


@dataclass(frozen=True)
class Case:
    """One measurement; bids a second count candidates times policies."""

    policies: int
    slots: int
    pricing: str
    outcomes: str
    candidates: int
    threads: int
    auctions: int
    candidate_bids_per_s: float
    auctions_per_s: float


class Yardstick:
    """Elements a second of `np.maximum` on two float32 arrays in the first-level cache: the best of all its measurements.

    It is measured in every round of cases, so that a slow moment of the machine does not flatter the engine.
    """

    def __init__(self) -> None:
        self.elements_per_s = 0.0
        self.measure()

    def measure(self) -> None:
        """Measure once more, a few milliseconds."""
        one = np.linspace(0, 1, _YARDSTICK_ELEMENTS, dtype=np.float32)
        other, out = one[::-1].copy(), np.empty_like(one)
        loops = 5000

        def run() -> None:
            for _ in range(loops):
                np.maximum(one, other, out=out)

        self.elements_per_s = max(self.elements_per_s, loops * _YARDSTICK_ELEMENTS / _best_seconds([run])[0])


def engine_cases(yardstick: Yardstick, auctions: int, candidates: int, report: Callable[[Case], None]) -> list[Case]:
    """Measure the engine for every number of policies, slots and pricing rule, and sampled outcomes.

    Args:
        yardstick: Measured again in every round.
        auctions: Auctions of the day that is replayed, all in one hour.
        candidates: Advertisers in each auction; there are no others.
        report: Told after every case.
    """
    traffic = bench_traffic(auctions, candidates)
    plan = [
        *((p, effect, pricing, "expected") for effect in SLOT_EFFECTS for pricing in PRICINGS for p in POLICIES),
        *((p, effect, "gsp", "sampled") for effect in SLOT_EFFECTS for p in POLICIES),
    ]

    def measure(policies: int, slot_effect: tuple[float, ...], pricing: str, outcomes: str) -> list[Case]:
        rules = Rules(slot_effect, pricing, reserve=0.01, outcomes=outcomes)
        return measured(TableFeed(traffic, rules), rules, auctions, policies, candidates)

    return _best_of_rounds(yardstick, [partial(measure, *point) for point in plan], report)


def thread_cases(yardstick: Yardstick, auctions: int, candidates: int, report: Callable[[Case], None]) -> list[Case]:
    """One thread and two, in turn, on the policies of the largest case: an hour long enough that its start does not count."""
    traffic = bench_traffic(_LONGER * auctions, candidates)

    def measure(slot_effect: tuple[float, ...]) -> list[Case]:
        rules = Rules(slot_effect, "gsp", reserve=0.01)
        return measured(TableFeed(traffic, rules), rules, _LONGER * auctions, POLICIES[-1], candidates, (1, 2))

    return _best_of_rounds(yardstick, [partial(measure, slot_effect) for slot_effect in SLOT_EFFECTS], report)


def _best_of_rounds(
    yardstick: Yardstick, measures: Sequence[Callable[[], list[Case]]], report: Callable[[Case], None]
) -> list[Case]:
    """The best of some rounds for every case: a slow moment of the machine lasts longer than the runs of one case."""
    best: dict[int, list[Case]] = {}
    for i in range(_ROUNDS):
        yardstick.measure()
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
    """A period of AuctionNet's size (NeurIPS 2024): 48 advertisers, 500,000 auctions, slots shown with 1, .8, .6."""
    traffic = bench_traffic(AUCTIONNET_AUCTIONS, AUCTIONNET_ADVERTISERS)
    rules = Rules((1.0, 0.8, 0.6), "gsp", reserve=0.01)
    feed = TableFeed(traffic, rules)
    cases = []
    for policies in (1, 8):
        cases += measured(feed, rules, AUCTIONNET_AUCTIONS, policies, AUCTIONNET_ADVERTISERS, repeats=1)
        report(cases[-1])
    return cases


def measured(
    feed: Feed,
    rules: Rules,
    auctions: int,
    policies: int,
    candidates: int,
    threads: Sequence[int] = (1,),
    repeats: int = _REPEATS,
) -> list[Case]:
    """A case for each number of threads: the shortest of several replays of the first hour."""
    theta = np.random.default_rng([0, policies]).uniform(0.1, 1.0, (candidates, len(FEATURES), policies))

    def block(part: slice) -> None:
        own = theta[..., part]
        DayReplay(feed, 0, rules, policies=own.shape[-1]).step(own)

    seconds = _best_seconds([partial(in_threads, policies, n, block) for n in threads], repeats)
    kind = (policies, len(rules.slot_effect), rules.pricing, rules.outcomes, candidates)
    return [
        Case(*kind, n, auctions, candidates * replayed, replayed)
        for n, replayed in zip(threads, (auctions * policies / taken for taken in seconds), strict=True)
    ]


def bench_traffic(auctions: int, candidates: int) -> Traffic:
    """A day of one hour in which all advertisers meet in every auction; uniform rates and values."""
    rng = np.random.default_rng([0, auctions, candidates])
    rows = auctions * candidates
    pctr, pcvr = rng.uniform(0.01, 0.1, rows), rng.uniform(0.01, 0.1, rows)
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
        item_price=rng.uniform(10, 50, rows),
        keyword_bid=rng.uniform(0.5, 2, rows),
        ctr=pctr,
        cvr=pcvr,
        market_ecpm=np.zeros(auctions),
    )


def as_json(yardstick_per_s: float, cases: list[Case], **more: object) -> dict[str, object]:
    """What `auctionsim bench --json` prints."""
    return {"yardstick": yardstick_per_s, "cases": [asdict(case) for case in cases], **more}


def _best_seconds(runs: Sequence[Callable[[], object]], repeats: int = _REPEATS) -> list[float]:
    """The shortest time of each of some runs, taken in turn, after a round that compiles and warms.

    What else the machine does only ever adds, and whatever slows it for a while slows all of them.
    """
    seconds = [math.inf] * len(runs)
    for i in range(repeats + 1):
        for k, run in enumerate(runs):
            began = time.perf_counter()
            run()
            if i > 0:
                seconds[k] = min(seconds[k], time.perf_counter() - began)
    return seconds
