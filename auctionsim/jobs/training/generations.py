"""Run a learner's iterations on a pool: the markets of all seeds in step, and what tasks share sent to each worker once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from auctionsim.agents.learners.base import Arrays, Learner, ReplicatedLearner, is_finite
from auctionsim.checkpoints import expect_like
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import Pool
from auctionsim.jobs.distributed.sharing import Replication
from auctionsim.jobs.distributed.whole_iterations import WholeIterations
from auctionsim.jobs.distributed.work import work_on
from auctionsim.market.market import Market

LOGGED = ("revenue_ratio", "profit_ratio")
"""Numbers that every learner logs of an iteration."""


class Generations:
    """The iterations of a learner: ask, map over the pool, tell.

    Args:
        learner: The learner of all markets.
        markets: The market of each seed.
        pool: Pool in which tasks are computed.
        handles: The pool's handle of each market, where they were put there before.
        whole: The way in which workers compute whole iterations; None to share out the tasks of each.
    """

    def __init__(
        self,
        learner: Learner,
        markets: Mapping[int, Market],
        pool: Pool,
        handles: Mapping[int, Any] | None = None,
        whole: WholeIterations | None = None,
    ) -> None:
        self._learner, self._markets, self._pool = learner, markets, pool
        self._handles = handles or {seed: pool.put(market) for seed, market in markets.items()}
        self._work, self._whole = work_on(pool, len(markets)), whole
        self._shared: dict[int, Any] = {}
        self._updates: dict[int, Arrays] = {}
        self._begun: dict[int, Arrays] = {}
        self.driver_seconds = 0.0
        """Seconds that this process spent on asking and telling in the last iteration whose tasks were shared out."""
        self.seconds = 0.0
        """Wall seconds of the last iteration; of those that became known together, an equal share."""
        self._known_at: float | None = None

    def next(self, states: Mapping[int, Arrays], *, more: int = 0) -> tuple[dict[int, Arrays], dict[int, dict[str, float]]]:
        """Run one iteration of every seed; return the states after it and what is logged.

        Args:
            states: The state of each seed.
            more: Number of iterations that will follow, each from the states returned, which nobody changes meanwhile. Workers
                begin the next iteration of a seed while this process tells the learner of another one.

        Raises:
            InputError: The learner told a state of other arrays, or logged no revenue or profit.
        """
        whole = self._whole
        if whole is not None and (more or all(whole.is_begun(seed, states[seed]) for seed in self._markets)):
            return self._next_of_whole(whole, states, more)
        began, waited = time.perf_counter(), 0.0
        for seed in self._markets:
            if self._begun.get(seed) is not states[seed]:
                self._begin(seed, states[seed])
        after, logged = {}, {}
        # Seeds in order, whichever is done first: a learner is asked and told in the same order on any number of workers.
        for seed in self._markets:
            asked_at = time.perf_counter()
            results = self._work.results(seed)
            waited += time.perf_counter() - asked_at
            del self._begun[seed]
            after[seed], log = self._tell(seed, states[seed], results)
            logged[seed] = dict(log)
            # What diverged is told by whoever keeps the states, not by a task.
            if more and is_finite(after[seed]):
                # What fails here is of the next iteration, and this one is to be kept: it is asked for again there, and told.
                with suppress(Exception):
                    self._begin(seed, after[seed])
        self.seconds = time.perf_counter() - began
        self.driver_seconds = self.seconds - waited
        return after, logged

    def _next_of_whole(
        self, whole: WholeIterations, states: Mapping[int, Arrays], more: int
    ) -> tuple[dict[int, Arrays], dict[int, dict[str, float]]]:
        """Do as `next`, of iterations that workers compute whole."""
        began, is_known, after, logged = time.perf_counter(), whole.known() > 0, {}, {}
        for seed in self._markets:
            whole.begin(seed, states[seed], more + 1)
        for seed in self._markets:
            step = whole.next(seed, more)
            if step is None:
                # Computed here once more, it fails as it does on any pool.
                self._begin(seed, states[seed])
                del self._begun[seed]
                after[seed], log = self._tell(seed, states[seed], self._work.results(seed))
            else:
                after[seed], log = self._checked(seed, states[seed], step.after, step.logged)
            logged[seed] = dict(log)
        now = time.perf_counter()
        if not is_known:
            since = began if self._known_at is None else self._known_at
            self.seconds, self._known_at = (now - since) / (1 + whole.known()), now
        return after, logged

    def _begin(self, seed: int, state: Arrays) -> None:
        """Ask the learner for a seed's tasks, and begin them."""
        batch = self._learner.ask(self._markets[seed], state)
        shared = self._pool.put_arrays(batch.shared, self._shared.get(seed), self._replication(seed))
        self._shared[seed] = shared
        self._work.begin(seed, batch.run, [(self._handles[seed], shared, task) for task in batch.tasks])
        self._begun[seed] = state

    def _tell(self, seed: int, state: Arrays, results: Sequence[Any]) -> tuple[Arrays, Mapping[str, float]]:
        market = self._markets[seed]
        if isinstance(self._learner, ReplicatedLearner):
            after, logged, self._updates[seed] = self._learner.tell_with_update(market, state, results)
        else:
            after, logged = self._learner.tell(market, state, results)
        return self._checked(seed, state, after, logged)

    def _checked(
        self, seed: int, state: Arrays, after: Arrays, logged: Mapping[str, float]
    ) -> tuple[Arrays, Mapping[str, float]]:
        """Return a learner's state and log, after checking them."""
        market = self._markets[seed]
        # A learner of the user's own is told now, not when its checkpoint is read again.
        source = f"{market.scenario.source}: learner.algorithm: tell of {market.scenario.learner.algorithm}"
        expect_like(source, after, state)
        missing = [name for name in LOGGED if name not in logged]
        if missing:
            raise InputError(f"{source}: expected {' and '.join(LOGGED)} in the log, got no {missing[0]!r}")
        return after, logged

    def _replication(self, seed: int) -> Replication | None:
        """Return how a worker computes this iteration's arrays itself; None before the first one is told."""
        if seed not in self._updates or not isinstance(self._learner, ReplicatedLearner):
            return None
        return Replication(self._learner.apply_update, self._handles[seed], self._updates[seed])
