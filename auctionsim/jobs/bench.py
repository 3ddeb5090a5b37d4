"""How fast the engine is on this machine, as shares of a yardstick measured in the same run on the same thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.bids import FEATURES, feature_columns
from auctionsim.market.engine import PRICINGS
from auctionsim.market.replay import DayReplay, in_threads
from auctionsim.market.rules import Rules
from auctionsim.market.traffic import Traffic

POLICIES = (1, 8, 32, 64)
SLOT_EFFECTS = ((1.0,), (1.0, 0.8, 0.6))
_YARDSTICK_ELEMENTS = 4096
_REPEATS = 5


@dataclass(frozen=True)
class Case:
    """One measurement; bids a second count candidates times policies."""

    policies: int
    slots: int
    pricing: str
    outcomes: str
    candidates: int
    threads: int
    candidate_bids_per_s: float
    auctions_per_s: float


def yardstick() -> float:
    """Elements a second of `np.maximum` on two float32 arrays that fit into the first-level cache."""
    one = np.linspace(0, 1, _YARDSTICK_ELEMENTS, dtype=np.float32)
    other, out = one[::-1].copy(), np.empty_like(one)
    loops = 5000

    def run() -> None:
        for _ in range(loops):
            np.maximum(one, other, out=out)

    return loops * _YARDSTICK_ELEMENTS / _best_seconds(run)


def engine_cases(auctions: int, candidates: int, report: Callable[[Case], None]) -> list[Case]:
    """Measure the engine for every number of policies, slots and pricing rule, sampled outcomes, and two threads.

    Args:
        auctions: Auctions of the day that is replayed, all in one hour.
        candidates: Advertisers in each auction; there are no others.
        report: Told after every case.
    """
    traffic = bench_traffic(auctions, candidates)
    phi = feature_columns(traffic)
    cases = []
    plan = [
        *((p, effect, pricing, "expected", 1) for effect in SLOT_EFFECTS for pricing in PRICINGS for p in POLICIES),
        *((p, effect, "gsp", "sampled", 1) for effect in SLOT_EFFECTS for p in POLICIES),
        (POLICIES[-1], SLOT_EFFECTS[0], "gsp", "expected", 2),
    ]
    for policies, slot_effect, pricing, outcomes, threads in plan:
        rules = Rules(slot_effect, pricing, reserve=0.01, outcomes=outcomes)
        theta = np.random.default_rng([0, policies]).uniform(0.1, 1.0, (candidates, len(FEATURES), policies))
        seconds = _best_seconds(partial(_replay_hour, traffic, phi, rules, theta, threads))
        replayed = auctions * policies / seconds
        case = Case(policies, len(slot_effect), pricing, outcomes, candidates, threads, replayed * candidates, replayed)
        cases.append(case)
        report(case)
    return cases


def _replay_hour(traffic: Traffic, phi: NDArray[np.float64], rules: Rules, theta: NDArray[np.float64], threads: int) -> None:
    def run(block: slice) -> None:
        own = theta[..., block]
        DayReplay(traffic, 0, phi, policies=own.shape[-1], rules=rules).step(own)

    in_threads(theta.shape[-1], threads, run)


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
        manual_bid=rng.uniform(0.5, 2, rows),
        ctr=pctr,
        cvr=pcvr,
        market_ecpm=np.zeros(auctions),
    )


def as_json(yardstick_per_s: float, cases: list[Case]) -> dict[str, object]:
    """What `auctionsim bench --json` prints."""
    return {"yardstick": yardstick_per_s, "cases": [asdict(case) for case in cases]}


def _best_seconds(run: Callable[[], None]) -> float:
    """The shortest of several runs, after one that compiles and warms: what else the machine does only ever adds."""
    run()
    seconds = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
