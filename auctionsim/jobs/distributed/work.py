"""Keep workers busy while the driver thinks: tasks of several lines of work, begun ahead of when their results are asked for.

A line is, for example, the training of one seed. While the driver makes the next generation of one seed out of its results,
the workers compute the tasks of the others. Results are asked for line by line in a fixed order, so nothing depends on which
tasks end first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from auctionsim.jobs.distributed.cluster import Pool, RayPool

Tasks = Sequence[tuple[Any, ...]]

_BUNDLES_A_WORKER = 2
"""Bundles of all lines for each worker: with one, a worker that is done would wait for the longest bundle."""


class Work(Protocol):
    """Tasks of several lines, one batch of each at a time."""

    def begin(self, line: int, function: Callable[..., Any], tasks: Tasks) -> None:
        """Begin the tasks of a line; those that were begun before and not asked for are forgotten."""

    def results(self, line: int) -> list[Any]:
        """Return the results of a line's tasks, in order."""


class MappedWork:
    """Tasks that any pool computes by its `map`: all that were begun of a function, once the first of them are asked for.

    Args:
        pool: The pool.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._begun: dict[int, tuple[Callable[..., Any], Tasks]] = {}
        self._done: dict[int, list[Any]] = {}

    def begin(self, line: int, function: Callable[..., Any], tasks: Tasks) -> None:
        """Keep the tasks: see `Work.begin`."""
        self._done.pop(line, None)
        self._begun[line] = function, tasks

    def results(self, line: int) -> list[Any]:
        """Return the results of a line: see `Work.results`."""
        if line not in self._done:
            # A learner of the user's own may have another function for each line.
            function = self._begun[line][0]
            same = {one: tasks for one, (own, tasks) in self._begun.items() if own == function}
            found = iter(self._pool.map(function, [task for tasks in same.values() for task in tasks]))
            self._done |= {one: [next(found) for _ in tasks] for one, tasks in same.items()}
            self._begun = {one: begun for one, begun in self._begun.items() if one not in same}
        return self._done.pop(line)


class RayWork:
    """Tasks that Ray computes as soon as they are begun, some of them to a call.

    Args:
        pool: The pool.
        lines: Number of lines.
        workers: Number of workers, over which the tasks of all lines are to be spread evenly.
    """

    def __init__(self, pool: RayPool, lines: int, workers: int) -> None:
        self._pool, self._lines, self._bundles = pool, lines, _BUNDLES_A_WORKER * workers
        self._begun: dict[int, list[Any]] = {}

    def begin(self, line: int, function: Callable[..., Any], tasks: Tasks) -> None:
        """Send the tasks to the workers: see `Work.begin`."""
        # A call costs some three milliseconds beside its tasks, which are often as short.
        size = max(len(tasks) * self._lines // self._bundles, 1)
        bundles = [tasks[first : first + size] for first in range(0, len(tasks), size)]
        self._begun[line] = self._pool.begin(function, bundles)

    def results(self, line: int) -> list[Any]:
        """Wait for the results of a line: see `Work.results`."""
        return [result for bundle in self._pool.results(self._begun.pop(line)) for result in bundle]


def work_on(pool: Pool, lines: int) -> Work:
    """Return the way to compute the tasks of some lines on a pool."""
    if isinstance(pool, RayPool) and pool.workers is not None:
        return RayWork(pool, lines, pool.workers)
    return MappedWork(pool)
