"""A map over tasks: serial in this process, or on Ray. The only module that starts Ray.

Objects that every task needs (a market and its traffic) are put once; tasks carry a handle. Results come back in the order
of the tasks, so nothing depends on scheduling.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


class Pool(Protocol):
    """Where tasks are computed."""

    def put(self, shared: Any) -> Any:
        """Share an object with all tasks; returns the handle that tasks name it by."""

    def map(self, function: Callable[[Any, Any], Any], tasks: Sequence[tuple[Any, Any]]) -> list[Any]:
        """`function(shared, item)` for every `(handle, item)`, in order."""

    def each(self, function: Callable[[Any, Any], Any], tasks: Sequence[tuple[Any, Any]]) -> Iterator[tuple[int, Any]]:
        """The same as pairs of index and result, as they come."""


class SerialPool:
    """Everything in this process: the reference that Ray must equal."""

    def put(self, shared: Any) -> Any:
        """The object is its own handle."""
        return shared

    def map(self, function: Callable[[Any, Any], Any], tasks: Sequence[tuple[Any, Any]]) -> list[Any]:
        """A plain loop."""
        return [function(shared, item) for shared, item in tasks]

    def each(self, function: Callable[[Any, Any], Any], tasks: Sequence[tuple[Any, Any]]) -> Iterator[tuple[int, Any]]:
        """In order."""
        for index, (shared, item) in enumerate(tasks):
            yield index, function(shared, item)


class RayPool:
    """Ray tasks; shared objects lie once per node in the object store, read-only."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        # A worker killed from outside is replaced and its task run again: tasks are pure, so the result is the same.
        self._call = ray.remote(num_cpus=1, max_retries=-1)(_call)

    def put(self, shared: Any) -> Any:
        """Put the object in the object store."""
        return self._ray.put(shared)

    def map(self, function: Callable[[Any, Any], Any], tasks: Sequence[tuple[Any, Any]]) -> list[Any]:
        """One Ray task each; results are gathered by index."""
        results: list[Any] = self._ray.get([self._call.remote(function, shared, item) for shared, item in tasks])
        return results

    def each(self, function: Callable[[Any, Any], Any], tasks: Sequence[tuple[Any, Any]]) -> Iterator[tuple[int, Any]]:
        """As Ray finishes them."""
        index_of = {self._call.remote(function, shared, item): index for index, (shared, item) in enumerate(tasks)}
        waiting = list(index_of)
        while waiting:
            ready, waiting = self._ray.wait(waiting)
            for reference in ready:
                yield index_of.pop(reference), self._ray.get(reference)


def _call(function: Callable[[Any, Any], Any], shared: Any, item: Any) -> Any:
    return function(shared, item)


@contextmanager
def open_pool(workers: int | str) -> Iterator[Pool]:
    """A pool that is closed at the end.

    Args:
        workers: 0 for serial, n for n Ray workers on this machine, `auto` for one per core.
    """
    if workers == 0:
        yield SerialPool()
        return
    n_workers = len(os.sched_getaffinity(0)) if workers == "auto" else int(workers)
    # Read by Ray when it is imported: no usage statistics; the loopback address for a Ray of our own, whose servers otherwise
    # listen on every interface (the switch's name speaks of other systems, but it works on Linux all the same).
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    ray.init(
        num_cpus=n_workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=False,
        _node_ip_address="127.0.0.1",
        runtime_env={"env_vars": _ONE_THREAD},
    )
    try:
        yield RayPool(ray)
    finally:
        ray.shutdown()
