"""Compute whole iterations of a seed on one worker, some at a time, where there are seeds enough for all workers.

An iteration shared out among workers costs a call and an answer for each bundle of its tasks, and every worker waits for the
driver between two of them. A worker that asks, computes and tells by itself needs neither: five seeds of `calibrated` on two
workers take half of the time. A learner keeps nothing but its state, so it does not matter where it is asked and told, as long
as its bytes do not depend on the process.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from auctionsim.agents.learners.base import Arrays, is_finite, iterate
from auctionsim.agents.learners.fingerprint import SAME_EVERYWHERE
from auctionsim.agents.learners.registry import make_learner
from auctionsim.jobs.distributed.cluster import Pool, RayPool
from auctionsim.jobs.distributed.sharing import size_of
from auctionsim.market.market import Market
from auctionsim.scenario import Scenario

_SECONDS = 0.25
"""Seconds that a block is to take: long beside the call, some milliseconds, and short beside the patience of who interrupts."""
_MOST_BYTES = 1 << 24
"""The states of a block take no more."""


@dataclass(frozen=True)
class Step:
    """One iteration of one seed."""

    before: Arrays
    after: Arrays
    logged: Mapping[str, float]


@dataclass(frozen=True)
class Block:
    """Some iterations of one seed, one after the other; fewer than were asked for if one failed or diverged."""

    done: list[tuple[Arrays, Mapping[str, float]]]
    """The state after each, and what it logs."""
    seconds: float
    """Wall seconds that they took on their worker."""


def compute_block(market: Market, state: Arrays, iterations: int) -> Block:
    """Compute some iterations of a seed, from a state on.

    What fails is left out, and so is what would follow a state that is not finite: whoever asked computes that iteration in
    its own way, and tells of the error as there.

    Args:
        market: The market of the seed.
        state: The learner's state; it is left as it is.
        iterations: Number of iterations, >= 1.
    """
    began = time.perf_counter()
    done: list[tuple[Arrays, Mapping[str, float]]] = []
    # Whatever fails is told where it happens again, see above.
    with suppress(Exception), np.errstate(over="ignore", invalid="ignore"):
        learner = make_learner(market.scenario)
        while len(done) < iterations and is_finite(state):
            state, logged = iterate(learner, market, state)
            done.append((state, dict(logged)))
    return Block(done, time.perf_counter() - began)


class WholeIterations:
    """Blocks of iterations on the workers of a Ray of our own, one of each seed under way at a time.

    Args:
        pool: The pool.
        handles: The pool's handle of each seed's market.
    """

    def __init__(self, pool: RayPool, handles: Mapping[int, Any]) -> None:
        self._pool, self._handles, self._first = pool, handles, next(iter(handles))
        self._states_sent: dict[int, Any] = {}
        self._sent_blocks: dict[int, _Sent] = {}
        self._known: dict[int, deque[Step]] = {seed: deque() for seed in handles}
        self._size = 1

    def begin(self, seed: int, state: Arrays, more: int) -> None:
        """Have a worker compute the next iterations of a seed, unless the next from this state is known or under way.

        Args:
            seed: The seed.
            state: The state before them.
            more: Most iterations to compute, >= 1.
        """
        if not self.is_begun(seed, state):
            self._known[seed].clear()
            self._send(seed, state, more)

    def is_begun(self, seed: int, state: Arrays) -> bool:
        """Return whether the iteration of a seed that follows this state is known or under way."""
        known, sent = self._known[seed], self._sent_blocks.get(seed)
        return known[0].before is state if known else sent is not None and sent.state is state

    def next(self, seed: int, more: int) -> Step | None:
        """Return the next iteration of a seed that was begun, and begin what follows the last that is known.

        Args:
            seed: The seed.
            more: Number of iterations that will follow the one returned.

        Returns:
            The iteration; None if it failed on its worker.
        """
        known = self._known[seed]
        if not known:
            sent = self._sent_blocks.pop(seed)
            block: Block = self._pool.results(sent.references)[0][0]
            before = sent.state
            for after, logged in block.done:
                known.append(Step(before, after, logged))
                before = after
            if not known:
                return None
            if seed == self._first:
                # Once for all seeds, so that their blocks end at the same iteration.
                self._size = max(1, round(_SECONDS * len(known) / max(block.seconds, 1e-9)))
            if len(known) == sent.iterations and more >= len(known) and is_finite(before):
                self._send(seed, before, more - len(known) + 1)
        return known.popleft()

    def known(self) -> int:
        """Return how many further iterations of every seed are known already."""
        return min(map(len, self._known.values()))

    def _send(self, seed: int, state: Arrays, more: int) -> None:
        iterations = max(1, min(self._size, more, _MOST_BYTES // max(size_of(state), 1)))
        handle = self._states_sent[seed] = self._pool.put_arrays(state, self._states_sent.get(seed))
        references = self._pool.begin(compute_block, [[(self._handles[seed], handle, iterations)]])
        self._sent_blocks[seed] = _Sent(state, iterations, references)


def whole_iterations(pool: Pool, scenario: Scenario, handles: Mapping[int, Any]) -> WholeIterations | None:
    """Return the way to compute whole iterations on a pool; None where tasks are to be shared out among workers.

    Args:
        pool: The pool.
        scenario: The scenario, whose learner is as `make_learner` makes it.
        handles: The pool's handle of each seed's market.
    """
    if not isinstance(pool, RayPool) or pool.workers is None or len(handles) < pool.workers:
        return None
    is_same = scenario.learner.algorithm in SAME_EVERYWHERE and not scenario.learner.clears_on_device
    return WholeIterations(pool, handles) if is_same else None


@dataclass(frozen=True)
class _Sent:
    """A block under way."""

    state: Arrays
    iterations: int
    references: list[Any]
