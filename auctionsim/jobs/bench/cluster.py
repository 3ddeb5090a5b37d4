"""Measure a generation on workers: speed-up over one process, the driver's share, and bytes between driver and workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Learner, ReplicatedLearner
from auctionsim.agents.learners.registry import make_learner
from auctionsim.jobs.distributed.cluster import Pool, SerialPool, travelling_bytes
from auctionsim.jobs.distributed.sharing import size_of
from auctionsim.jobs.training.generations import Generations
from auctionsim.market.market import Market
from auctionsim.scenario.file import load_scenario

_GENERATIONS = 3
_SCENARIO = ("large", ("traffic.train_days=[0]", "learner.population=192"))
"""Its generation takes a second or more in one process."""
_POLICIES = {"formula": (), "contextual, 16 units": (16,), "contextual, 64 units": (64,)}


@dataclass(frozen=True)
class Generation:
    """Duration of a generation, the shortest of several."""

    seconds: float
    driver_seconds: float
    """Part of it that the driver spends on `ask` and `tell`."""


def generation(learner: Learner, market: Market, pool: Pool) -> Generation:
    """Measure a generation, after one that warms up the workers."""
    generations, states, found = Generations(learner, {0: market}, pool), {0: learner.start(market)}, []
    for _ in range(_GENERATIONS + 1):
        began = time.perf_counter()
        states, _ = generations.next(states)
        found.append(Generation(time.perf_counter() - began, generations.driver_seconds))
    return min(found[1:], key=lambda one: one.seconds)


def cluster_figures(pool: Pool, workers: int) -> dict[str, Any]:
    """Measure a generation in this process and on the pool in turn, so that both see the machine in the same state."""
    name, overrides = _SCENARIO
    scenario = load_scenario(name, overrides=overrides)
    market, learner = build_market(scenario), make_learner(scenario)
    alone, together = generation(learner, market, SerialPool()), generation(learner, market, pool)
    return {
        "workers": workers,
        "advertisers": len(market.advertisers),
        "auctions": market.source.auctions_on(scenario.traffic.train_days[0]),
        "members": scenario.learner.population,
        "serial": asdict(alone),
        "pool": asdict(together),
        "speed_up": alone.seconds / together.seconds,
        "driver_share": together.driver_seconds / together.seconds,
        "bytes": [{"policy": policy, **figures} for policy, figures in _bytes_by_policy()],
    }


def _bytes_by_policy() -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the bytes of a generation by size of policy: of its tasks, of what a node gets once, and of the results."""
    for policy, hidden in _POLICIES.items():
        overrides = (
            "traffic.train_days=[0]", "traffic.auctions_per_day=2000", f"learner.policy={policy.split(',')[0]}",
            "learner.start=keyword-bid",
            *(f"learner.hidden={units}" for units in hidden),
        )  # fmt: skip
        scenario = load_scenario("large", overrides=overrides)
        market, learner = build_market(scenario), make_learner(scenario)
        state = learner.start(market)
        work = learner.ask(market, state)
        results = work.results(market)
        assert isinstance(learner, ReplicatedLearner)
        _, _, update = learner.tell_with_update(market, state, results)
        yield (
            policy,
            {
                "parameters": int(state["mean"].size),
                "tasks": sum(travelling_bytes(task) for task in work.tasks),
                "state": size_of(work.shared),
                "scalars": size_of(update),
                "to_driver": sum(travelling_bytes(result) for result in results),
            },
        )


def soak(pool: Pool, minutes: float, report: Callable[[float, float, float], None]) -> list[tuple[float, float, float]]:
    """Run generations for some minutes, and return every half minute: seconds, generations per second, MB of all processes."""
    scenario = load_scenario("three-arms", overrides=("traffic.auctions_per_day=20000",))
    market, learner = build_market(scenario), make_learner(scenario)
    generations, states, rows = Generations(learner, {0: market}, pool), {0: learner.start(market)}, []
    began = last = time.monotonic()
    done = 0
    while time.monotonic() - began < 60 * minutes:
        states, _ = generations.next(states)
        # The learning-rate schedule ends with the scenario's training; this test goes on.
        states = {0: {**states[0], "iteration": states[0]["iteration"] * 0}}
        done += 1
        now = time.monotonic()
        if now - last >= _SOAK_EVERY:
            rows.append((now - began, done / (now - last), memory_of_family() / 2**20))
            report(*rows[-1])
            last, done = now, 0
    return rows


_SOAK_EVERY = 30.0


def memory_of_family() -> int:
    """Return the bytes that this process and its descendants hold (proportional set size)."""
    return sum(_proportional_size(pid) for pid in _family("self"))


def _family(pid: str) -> Iterator[str]:
    yield pid
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = tasks.read_text().split()
        except OSError:
            # It ended meanwhile.
            continue
        for child in children:
            yield from _family(child)


def _proportional_size(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * int(next((line.split()[1] for line in lines if line.startswith("Pss:")), "0"))
