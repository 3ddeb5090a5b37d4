"""Generations of a learner on a pool: the markets of all seeds in step, each worker given what its tasks share once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from auctionsim.agents.learners.base import Arrays, Learner, Replicated
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.jobs.distributed.sharing import Follow
from auctionsim.market.market import Market


class Generations:
    """Ask, map, tell.

    Args:
        learner: Of all markets.
        markets: By seed.
        pool: Where tasks are computed.
    """

    def __init__(self, learner: Learner, markets: Mapping[int, Market], pool: Pool) -> None:
        self._learner, self._markets, self._pool = learner, markets, pool
        self._handles = {seed: pool.put(market) for seed, market in markets.items()}
        self._shared: dict[int, Any] = {}
        self._scalars: dict[int, Arrays] = {}
        self.driver_seconds = 0.0
        """Of the last generation, what this process spent on asking and telling."""

    def next(self, states: Mapping[int, Arrays]) -> tuple[dict[int, Arrays], dict[int, dict[str, float]]]:
        """One iteration of every seed: states after it, and what is logged. The tasks of all seeds share one map."""
        began = time.perf_counter()
        work = {seed: self._learner.ask(market, states[seed]) for seed, market in self._markets.items()}
        self._shared = {
            seed: self._pool.put_arrays(asked.shared, self._shared.get(seed), self._follow(seed))
            for seed, asked in work.items()
        }
        tasks = [(self._handles[seed], self._shared[seed], task) for seed, asked in work.items() for task in asked.tasks]
        asked_at = time.perf_counter()
        results = self._pool.map(next(iter(work.values())).run, tasks)
        mapped_at = time.perf_counter()
        after, logged, first = {}, {}, 0
        for seed, asked in work.items():
            own = results[first : first + len(asked.tasks)]
            first += len(asked.tasks)
            after[seed], log = self._told(seed, states[seed], own)
            logged[seed] = dict(log)
        self.driver_seconds = asked_at - began + time.perf_counter() - mapped_at
        return after, logged

    def _told(self, seed: int, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:
        if not isinstance(self._learner, Replicated):
            return self._learner.tell(self._markets[seed], state, results)
        after, logged, self._scalars[seed] = self._learner.told(self._markets[seed], state, results)
        return after, logged

    def _follow(self, seed: int) -> Follow | None:
        """How a worker comes to this generation's arrays; unknown before the first one is told."""
        if seed not in self._scalars or not isinstance(self._learner, Replicated):
            return None
        return Follow(self._learner.advance, self._handles[seed], self._scalars[seed])
