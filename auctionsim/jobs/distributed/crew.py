"""Workers that keep what they made from one call to the next: objects in this process, or actors of Ray.

A task of a pool may run anywhere. A crew has one object a worker, and says which worker a call goes to, so that it finds there
what an earlier call left. A worker that dies is replaced by a new object, which has nothing: every call must carry what it
takes to make it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from auctionsim.jobs.distributed.cluster import Pool, RayPool
from auctionsim.jobs.distributed.connection import MOST_RETRIES, one_line
from auctionsim.jobs.distributed.sharing import object_of


class Crew(Protocol):
    """Workers of one kind."""

    def call(self, method: str, tasks: Sequence[tuple[int, tuple[Any, ...]]]) -> list[Any]:
        """Call a method of the workers with these numbers, side by side, and return the results in order."""

    def close(self) -> None:
        """Dismiss the workers."""


def crew_of(pool: Pool, make: Callable[..., Any], arguments: tuple[Any, ...], count: int) -> Crew:
    """Make `count` workers `make(*arguments)` in a pool; handles of what was put there stand for the objects."""
    return _RayCrew(pool, make, arguments, count) if isinstance(pool, RayPool) else _SerialCrew(make, arguments, count)


class _SerialCrew:
    """Objects in this process, called one after the other."""

    def __init__(self, make: Callable[..., Any], arguments: tuple[Any, ...], count: int) -> None:
        self._workers = [make(*arguments) for _ in range(count)]

    def call(self, method: str, tasks: Sequence[tuple[int, tuple[Any, ...]]]) -> list[Any]:
        return [getattr(self._workers[number], method)(*arguments) for number, arguments in tasks]

    def close(self) -> None:
        self._workers.clear()


class _Keeper:
    """An actor that keeps one object."""

    def __init__(self, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._kept = make(*map(object_of, arguments))

    def call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        return getattr(self._kept, method)(*map(object_of, arguments))


class _RayCrew:
    """Actors of Ray; one that dies is started again, and its call made again, a few times."""

    def __init__(self, pool: RayPool, make: Callable[..., Any], arguments: tuple[Any, ...], count: int) -> None:
        self._pool, self._ray = pool, pool.ray
        # A worker that is started again asks for what was put: as long as nobody drops it, it is there.
        self._arguments = arguments
        with one_line(self._ray):
            keeper = self._ray.remote(num_cpus=1, max_restarts=MOST_RETRIES, max_task_retries=MOST_RETRIES)(_Keeper)
            self._workers = [keeper.remote(make, arguments) for _ in range(count)]

    def call(self, method: str, tasks: Sequence[tuple[int, tuple[Any, ...]]]) -> list[Any]:
        with one_line(self._ray):
            return self._pool.results([self._workers[number].call.remote(method, arguments) for number, arguments in tasks])

    def close(self) -> None:
        for worker in self._workers:
            self._ray.kill(worker)
        self._workers.clear()
