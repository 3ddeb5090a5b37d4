"""Map over tasks: serially in this process, on a Ray of our own, or on a cluster. Only this room imports Ray.

Objects that many tasks need (a market and its traffic) are put once; tasks carry a handle. Results come back in the order of
the tasks, so nothing depends on scheduling.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

from auctionsim.errors import InputError
from auctionsim.extras import expect_library
from auctionsim.jobs.distributed.connection import MOST_RETRIES, expect_alive, joined_ray, one_line, own_ray
from auctionsim.jobs.distributed.sharing import Arrays, PutObject, Replication, object_of, put_arrays
from auctionsim.plugins import loaded_modules

WITHOUT_RAY = "0 workers need no extra, and the results are the same"
"""Hint of messages where Ray is not installed."""

_NODE_SECONDS = 30.0
"""Seconds to wait for the answer of every node of a cluster, whose processors may all be busy."""
_LOOK_SECONDS = 1.0
"""Seconds between two looks at whether Ray's servers still run, while tasks are under way."""
POOL_METHODS = ("put", "put_arrays", "map", "each", "on_each_node")
"""Methods of a pool."""


class Pool(Protocol):
    """A place where tasks are computed."""

    def put(self, shared: Any) -> Any:
        """Put an object where all tasks find it; return the handle that tasks name it by."""

    def put_arrays(self, arrays: Arrays, before: Any = None, replication: Replication | None = None) -> Any:
        """Put a generation's arrays where all tasks find them; return their handle.

        Args:
            arrays: The arrays.
            before: The handle to those of the generation before.
            replication: The way in which a worker computes these from those.
        """

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return `function(*task)` for every task, in order; handles among its arguments stand for what was put."""

    def each(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield the same as pairs of index and result, as they come."""

    def on_each_node(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Return the function's result on each machine of the pool, by its address; None of one that did not answer."""


class SerialPool:
    """Compute everything in this process; Ray must give the same bytes."""

    def put(self, shared: Any) -> Any:
        """Return the object as its own handle."""
        return shared

    def put_arrays(self, arrays: Arrays, before: Any = None, replication: Replication | None = None) -> Any:  # noqa: ARG002
        """Return the arrays as their own handle."""
        return arrays

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Compute all tasks in a loop."""
        return [function(*task) for task in tasks]

    def on_each_node(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: there is no machine but this one."""
        return {}

    def each(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield results in order."""
        for index, task in enumerate(tasks):
            yield index, function(*task)


class RayPool:
    """Compute tasks on Ray; shared objects lie once per node in the object store, read-only.

    Args:
        ray: The Ray module, connected.
        at_once: The most tasks under way at a time; None for as many as Ray takes.
        workers: Number of workers of a Ray of our own; None on a cluster.
    """

    def __init__(self, ray: Any, at_once: int | None = None, *, workers: int | None = None) -> None:
        self._ray = ray
        self._at_once = at_once
        self.workers = workers
        """Number of workers of a Ray of our own; None on a cluster, which may have several nodes."""
        self._is_cluster = is_cluster = workers is None
        # A worker or a node killed from outside is replaced and its task run again: tasks are pure, so the result is the same.
        # Of a cluster Ray would fill one node before it turns to the next; to spread tasks costs a lease for each.
        strategy = "SPREAD" if is_cluster else "DEFAULT"
        self._call = ray.remote(num_cpus=1, max_retries=MOST_RETRIES, scheduling_strategy=strategy)(_call)

    def put(self, shared: Any) -> Any:
        """Put the object in the object store."""
        self._send_loaded_modules()
        with one_line(self._ray):
            expect_alive(self._ray)
            return PutObject(self._ray.put(shared))

    def put_arrays(self, arrays: Arrays, before: Any = None, replication: Replication | None = None) -> Any:
        """Put the arrays in the machine's memory; on a cluster let each worker replicate them."""
        with one_line(self._ray):
            expect_alive(self._ray)
            return put_arrays(self._ray, arrays, before, replication if self._is_cluster else None)

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run one Ray task each; results are gathered by index.

        Raises:
            RunError: Ray lost a worker or a machine too often, or one of its own servers has ended.
        """
        if self._at_once is None:
            self._send_loaded_modules()
            with one_line(self._ray):
                references = [self._call.remote(function, *task) for task in tasks]
            return self.results(references)
        found = dict(self.each(function, tasks))
        return [found[index] for index in range(len(tasks))]

    def prepare(self) -> None:
        """Have the workers of a Ray of our own load what most tasks need, while this process still makes the tasks."""
        with one_line(self._ray):
            for _ in range(self.workers or 0):
                self._call.remote(_load_engine)

    def begin(self, function: Callable[..., Any], bundles: Sequence[Sequence[tuple[Any, ...]]]) -> list[Any]:
        """Begin one Ray task for each bundle of tasks; return the references for `results`: a list of results for each.

        Raises:
            RunError: One of Ray's own servers has ended.
        """
        self._send_loaded_modules()
        with one_line(self._ray):
            expect_alive(self._ray)
            return [self._call.remote(_call_each, function, bundle) for bundle in bundles]

    def each(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield results as Ray finishes them.

        Raises:
            RunError: Ray lost a worker or a machine too often, or one of its own servers has ended.
        """
        self._send_loaded_modules()
        todo = iter(range(len(tasks)))
        index_of: dict[Any, int] = {}
        while True:
            free = None if self._at_once is None else self._at_once - len(index_of)
            with one_line(self._ray):
                for index in islice(todo, free):
                    index_of[self._call.remote(function, *tasks[index])] = index
                if not index_of:
                    return
                ready = self._ready(list(index_of), 1)
                found = [(index_of.pop(reference), self._ray.get(reference)) for reference in ready]
            yield from found

    def on_each_node(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Run one task on each machine that is alive and takes tasks; None stands for one that is busy for too long.

        Nothing is returned of a Ray of our own, whose only machine is this one.

        Raises:
            RunError: Ray lost a machine meanwhile.
        """
        if self.workers is not None:
            return {}
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        with one_line(self._ray):
            nodes = {node["NodeID"]: node["NodeManagerAddress"] for node in self._ray.nodes() if _takes_tasks(node)}
            at = {
                self._call.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
                    function, *arguments
                ): f"{address} {node[:8]}"
                for node, address in nodes.items()
            }
            ready, _ = self._ray.wait(list(at), num_returns=len(at), timeout=_NODE_SECONDS)
            return {at[one]: self._ray.get(one) if one in ready else None for one in at}

    @property
    def ray(self) -> Any:
        """The Ray module, connected."""
        return self._ray

    @property
    def shares_files(self) -> bool:
        """Return whether tasks see the files of this machine, as they do unless there may be several nodes."""
        return not self._is_cluster

    def results(self, references: list[Any]) -> list[Any]:
        """Wait for results, with a look now and then at whether Ray's servers still run, and return them in order.

        Raises:
            RunError: Ray lost a worker or a machine too often, or one of its own servers has ended.
        """
        with one_line(self._ray):
            while len(self._ready(references, len(references))) < len(references):
                pass
            found: list[Any] = self._ray.get(references)
            return found

    def _ready(self, references: list[Any], count: int) -> list[Any]:
        """Return the references that are ready once `count` are, or after a while."""
        if not references:
            return []
        # Ray ends a driver that asks a raylet which is no more, on the spot and with its run's status as it was.
        expect_alive(self._ray)
        ready: list[Any] = self._ray.wait(references, num_returns=count, timeout=_LOOK_SECONDS)[0]
        return ready

    def _send_loaded_modules(self) -> None:
        """Have functions and classes of the user's own modules sent by value: a worker may not find these modules by name."""
        for module in loaded_modules():
            self._ray.cloudpickle.register_pickle_by_value(module)


def _takes_tasks(node: dict[str, Any]) -> bool:
    return bool(node["Alive"]) and node["Resources"].get("CPU", 0) >= 1


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*map(object_of, arguments))


def _load_engine() -> None:
    import auctionsim.auction.kernel.engine
    import auctionsim.market.simulate  # noqa: F401


def _call_each(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [_call(function, *task) for task in tasks]


def travelling_bytes(value: Any) -> int:
    """Return the bytes of a value as Ray sends it."""
    # Its own copy of this library would be Ray's import, which has to wait for the settings of `open_pool`.
    expect_library("cloudpickle", "bench --cluster")
    import cloudpickle

    return len(cloudpickle.dumps(value))


def local_workers(workers: int | str) -> int:
    """Return the number of workers on this machine: one per core for `auto`."""
    return len(os.sched_getaffinity(0)) if workers == "auto" else int(workers)


@contextmanager
def open_pool(workers: int | str, address: str | None = None) -> Iterator[Pool]:
    """Open a pool that is closed at the end.

    Args:
        workers: 0 for serial, n for n Ray workers on this machine, `auto` for one per core; with an address: how many tasks at
            once, `auto` for as many as the cluster takes.
        address: Address of a Ray cluster that runs already: `auto`, HOST:PORT or ray://HOST:PORT. None for a Ray of our own.

    Raises:
        InputError: The address cannot be one, or something else answers there, or 0 workers are asked of a cluster.
        MissingExtra: Workers or a cluster are asked for, and Ray is not installed.
        RunError: Nothing answers at the address, or a Ray of our own does not start.
    """
    if address is not None:
        if workers == 0:
            raise InputError("--address: expected >= 1 worker or auto beside it, got --workers 0, which is serial")
        expect_library("ray", f"address {address}")
        with joined_ray(address) as ray:
            yield RayPool(ray, None if workers == "auto" else int(workers))
        return
    if workers == 0:
        yield SerialPool()
        return
    expect_library("ray", f"workers = {workers}", WITHOUT_RAY)
    with own_ray(local_workers(workers)) as ray:
        pool = RayPool(ray, workers=local_workers(workers))
        pool.prepare()
        yield pool
