"""Map over tasks: serially in this process, on a Ray of our own, or on a cluster. Only this room imports Ray.

Objects that many tasks need (a market and its traffic) are put once; tasks carry a handle. Results come back in the order of
the tasks, so nothing depends on scheduling.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from auctionsim.errors import InputError, shown
from auctionsim.jobs.distributed.sharing import Arrays, PutObject, Replication, object_of, put_arrays
from auctionsim.plugins import loaded_modules

_KNOCK_SECONDS = 10.0
_LONGEST_TEMPORARY = 107 - len("/ray/session_2026-11-26_20-33-28_086017_1234567/sockets/plasma_store")
_SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


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

    def each(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield results in order."""
        for index, task in enumerate(tasks):
            yield index, function(*task)


class RayPool:
    """Compute tasks on Ray; shared objects lie once per node in the object store, read-only.

    Args:
        ray: The Ray module, connected.
        at_once: The most tasks under way at a time; None for as many as Ray takes.
        is_cluster: Whether there may be several nodes.
    """

    def __init__(self, ray: Any, at_once: int | None = None, *, is_cluster: bool = False) -> None:
        self._ray = ray
        self._at_once = at_once
        self._is_cluster = is_cluster
        # A worker or a node killed from outside is replaced and its task run again: tasks are pure, so the result is the same.
        # Of a cluster Ray would fill one node before it turns to the next; to spread tasks costs a lease for each.
        strategy = "SPREAD" if is_cluster else "DEFAULT"
        self._call = ray.remote(num_cpus=1, max_retries=-1, scheduling_strategy=strategy)(_call)

    def put(self, shared: Any) -> Any:
        """Put the object in the object store."""
        self._send_loaded_modules()
        return PutObject(self._ray.put(shared))

    def put_arrays(self, arrays: Arrays, before: Any = None, replication: Replication | None = None) -> Any:
        """Put the arrays in the machine's memory; on a cluster let each worker replicate them."""
        return put_arrays(self._ray, arrays, before, replication if self._is_cluster else None)

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run one Ray task each; results are gathered by index."""
        if self._at_once is None:
            self._send_loaded_modules()
            results: list[Any] = self._ray.get([self._call.remote(function, *task) for task in tasks])
            return results
        found = dict(self.each(function, tasks))
        return [found[index] for index in range(len(tasks))]

    def each(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield results as Ray finishes them."""
        self._send_loaded_modules()
        todo = iter(range(len(tasks)))
        index_of: dict[Any, int] = {}
        while True:
            free = None if self._at_once is None else self._at_once - len(index_of)
            for index in islice(todo, free):
                index_of[self._call.remote(function, *tasks[index])] = index
            if not index_of:
                return
            ready, _ = self._ray.wait(list(index_of))
            for reference in ready:
                yield index_of.pop(reference), self._ray.get(reference)

    def _send_loaded_modules(self) -> None:
        """Have functions and classes of the user's own modules sent by value: a worker may not find these modules by name."""
        for module in loaded_modules():
            self._ray.cloudpickle.register_pickle_by_value(module)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*map(object_of, arguments))


def travelling_bytes(value: Any) -> int:
    """Return the bytes of a value as Ray sends it."""
    # Its own copy of this library would be Ray's import, which has to wait for the settings of `open_pool`.
    import cloudpickle

    return len(cloudpickle.dumps(value))


@contextmanager
def open_pool(workers: int | str, address: str | None = None) -> Iterator[Pool]:
    """Open a pool that is closed at the end.

    Args:
        workers: 0 for serial, n for n Ray workers on this machine, `auto` for one per core; with an address: how many tasks at
            once, `auto` for as many as the cluster takes.
        address: Address of a Ray cluster that runs already: `auto`, HOST:PORT or ray://HOST:PORT. None for a Ray of our own.

    Raises:
        InputError: Nothing answers at the address, or 0 workers are asked of a cluster.
    """
    if address is not None:
        if workers == 0:
            raise InputError("--address: expected >= 1 worker or auto beside it, got --workers 0, which is serial")
        with _joined(address) as ray:
            yield RayPool(ray, None if workers == "auto" else int(workers), is_cluster=True)
        return
    if workers == 0:
        yield SerialPool()
        return
    with _own(len(os.sched_getaffinity(0)) if workers == "auto" else int(workers)) as ray:
        yield RayPool(ray)


@contextmanager
def _own(n_workers: int, **options: Any) -> Iterator[Any]:
    """Start a Ray of our own on this machine."""
    # Read by Ray when it is imported: the loopback address for a Ray of our own, whose servers otherwise
    # listen on every interface (the switch's name speaks of other systems, but it works on Linux all the same).
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    # Without "local" Ray would join whatever other Ray runs on the machine.
    fixed: dict[str, Any] = {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    with short_folder() as folder:
        given = {} if folder is None else {"_temp_dir": str(folder)}
        with _connected(num_cpus=n_workers, **fixed, **given, **options) as ray:
            yield ray


@contextmanager
def short_folder() -> Iterator[Path | None]:
    """Yield a short folder for Ray's sockets where that of `RAY_TMPDIR` or `TMPDIR` is too long, as under Slurm; else None.

    The name of a socket has at most 107 bytes. Ray adds `/ray` and about 64 more, as in
    `/session_2026-11-26_20-33-28_086017_1234567/sockets/plasma_store`.

    Raises:
        InputError: The folder is too long, and no short one can be written to.
    """
    name = "RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"
    given = os.environ.get(name, tempfile.gettempdir())
    if len(os.fsencode(os.path.abspath(given))) <= _LONGEST_TEMPORARY:
        yield None
        return
    for parent in _SHORT_FOLDERS:
        try:
            made = Path(tempfile.mkdtemp(prefix="ray-", dir=parent))
        except OSError:
            continue
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return
    raise InputError(
        f"{name}: expected a path of length <= {_LONGEST_TEMPORARY} for Ray's sockets, as none of "
        f"{', '.join(_SHORT_FOLDERS)} can be written to, got {shown(given)}"
    )


@contextmanager
def _connected(**options: Any) -> Iterator[Any]:
    """Connect to Ray with our settings: one thread a worker, no usage statistics."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    ray.init(
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=False,
        runtime_env={"env_vars": _ONE_THREAD},
        **options,
    )
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _joined(address: str) -> Iterator[Any]:
    """Join a cluster that others started."""
    _expect_answer(address)
    with ExitStack() as stack:
        try:
            ray = stack.enter_context(_connected(address=address))
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            raise _no_cluster(address, str(error).strip().split("\n")[0]) from error
        yield ray


def _expect_answer(address: str) -> None:
    """Knock, since Ray itself would wait for minutes where nobody listens."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise _no_cluster(address, "no host and port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from error


def _no_cluster(address: str, reason: str) -> InputError:
    wanted = "a Ray cluster that answers (auto, HOST:PORT or ray://HOST:PORT)"
    return InputError(f"--address: expected {wanted}, got {shown(address)}: {reason}")
