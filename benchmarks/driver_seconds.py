"""Measure what the driver of a generation does alone, and how far workers can speed training up.

`python benchmarks/driver_seconds.py [--scenario NAME ...] [--workers N ...]`

Everything is processor time, so other work on the machine counts little, and more workers than cores can be simulated. For each
scenario, a generation of its learner:

- its tasks in this process, one by one: their number, their sum, the longest;
- the driver's seconds of a generation on Ray with 1, 2, 4, ... workers: asking, sending, receiving and telling, all threads;
- the seconds of a generation on n cores that follow: the driver's, then the measured tasks, each given to the first worker
  that is free.
"""

from __future__ import annotations

import argparse
import heapq
import time
from collections.abc import Callable, Sequence
from typing import Any

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Learner
from auctionsim.agents.learners.registry import make_learner
from auctionsim.jobs.distributed.cluster import Pool, SerialPool, open_pool
from auctionsim.jobs.training.generations import Generations
from auctionsim.market.market import Market
from auctionsim.scenario.file import load_scenario

SCENARIOS = ("three-arms", "calibrated", "large")
WORKERS = (1, 2, 4, 8, 16)
HEAD = (
    "scenario", "workers", "tasks", "tasks' sum, ms", "longest, ms", "driver, ms", "driver's share", "generation, ms",
    "times as fast",
)  # fmt: skip


class TimedPool(SerialPool):
    """Compute tasks in this process and keep the processor seconds of each."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Compute all tasks in a loop, each timed."""
        self.seconds, found = [], []
        for task in tasks:
            began = time.process_time()
            found.append(function(*task))
            self.seconds.append(time.process_time() - began)
        return found


def driver_seconds(learner: Learner, market: Market, pool: Pool, generations: int) -> float:
    """Return this process's processor seconds per generation, after two that warm up the workers."""
    loop, states = Generations(learner, {0: market}, pool), {0: learner.start(market)}
    for _ in range(2):
        states, _ = loop.next(states)
    began = time.process_time()
    for _ in range(generations):
        states, _ = loop.next(states)
    return (time.process_time() - began) / generations


def on_cores(tasks: Sequence[float], workers: int) -> float:
    """Return when the last task ends if each goes, in order, to the first worker that is free."""
    ends = [0.0] * workers
    for seconds in tasks:
        heapq.heappush(ends, heapq.heappop(ends) + seconds)
    return max(ends)


def main() -> None:
    """Read the command line, and print a row of a Markdown table for each scenario and number of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", nargs="+", default=SCENARIOS)
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS)
    parser.add_argument("--generations", type=int, default=10)
    given = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for name in given.scenario:
        scenario = load_scenario(name)
        market, learner = build_market(scenario), make_learner(scenario)
        timed = TimedPool()
        alone = driver_seconds(learner, market, timed, given.generations)
        tasks = timed.seconds
        for workers in given.workers:
            with open_pool(workers) as pool:
                driver = driver_seconds(learner, market, pool, given.generations)
            whole = driver + on_cores(tasks, workers)
            figures = (
                name, workers, len(tasks), f"{1e3 * sum(tasks):.1f}", f"{1e3 * max(tasks):.1f}", f"{1e3 * driver:.1f}",
                f"{driver / whole:.0%}", f"{1e3 * whole:.1f}", f"{alone / whole:.1f}",
            )  # fmt: skip
            print(f"| {' | '.join(map(str, figures))} |", flush=True)


if __name__ == "__main__":
    main()
