"""Start a Ray of our own or join a cluster, and turn what goes wrong with it into one line.

A Ray of our own listens on the loopback only, whatever was imported or set before, under a token that no file holds; it has no
dashboard, sends no statistics, and keeps its files in a folder of this user's alone that goes with it.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from pathlib import Path
from typing import Any

from auctionsim.errors import RunError
from auctionsim.jobs.distributed.address import expect_ray, no_answer, no_ray, parse_address
from auctionsim.jobs.distributed.session_folder import session_folder
from auctionsim.machine.signals import kept

MOST_RETRIES = 5
"""Times that a task runs again whose worker or node was lost: a task that needs too much memory must end some time."""

_MARK = "_AUCTIONSIM_RAY"
"""Variable in the environment of all processes of a Ray of our own, with its folder."""

_COLLECT_SECONDS = 10.0
_LOOPBACK = "127.0.0.1"
_STARTS = 3
"""Attempts to start: a busy machine takes longer than the 30 s that Ray waits for itself."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
_log = logging.getLogger("auctionsim")


@contextmanager
def own_ray(n_workers: int, **options: Any) -> Iterator[Any]:
    """Start a Ray of our own on this machine, and yield the module; at the end nothing of it is left.

    Args:
        n_workers: The number of tasks to run at once, >= 1.
        options: Further arguments of Ray's own function.

    Raises:
        RunError: It does not start.
    """
    with session_folder() as folder:
        ray = _imported()
        for attempt in range(_STARTS):
            try:
                # Without "local" Ray would join whatever other Ray runs on the machine.
                with _variables(_own_variables(folder)):
                    _start(
                        ray, address="local", num_cpus=n_workers, include_dashboard=False, _node_ip_address=_LOOPBACK,
                        _temp_dir=str(folder), **options,
                    )  # fmt: skip
                break
            except Exception as error:
                _stop(ray, folder)
                if attempt + 1 == _STARTS:
                    raise RunError(f"ray: expected to start, got: {_first_line(error)} (--workers 0 needs no Ray)") from error
                _log.warning("auctionsim: ray did not start in time; tried again")
        try:
            yield ray
        finally:
            _stop(ray, folder)


@contextmanager
def joined_ray(address: str) -> Iterator[Any]:
    """Join a cluster that others started, and yield the module.

    Raises:
        InputError: The address cannot be one, or something else answers there.
        RunError: Nothing answers.
    """
    parsed = parse_address(address)
    if parsed is not None:
        expect_ray(parsed)
    ray = _imported()
    try:
        if parsed is None:
            # What Ray remembers of a cluster that has ended would take it minutes.
            found = parse_address(ray._private.services.canonicalize_bootstrap_address_or_die("auto"))
            assert found is not None
            expect_ray(found)
        _start(ray, address=address)
    except (ConnectionError, TimeoutError) as error:
        raise no_answer(address, _first_line(error)) from error
    except RunError as error:
        raise no_answer(address, str(error).rpartition(": ")[2]) from error
    except (ImportError, ValueError, RuntimeError) as error:
        raise no_ray(address, _first_line(error)) from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def one_line(ray: Any) -> Iterator[None]:
    """Raise what a task raised as if it had run here, and what Ray raises as an error of one line.

    Raises:
        RunError: A worker, a node or a part of Ray is lost.
    """
    failed = ray.exceptions
    try:
        yield
    except failed.RayTaskError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, failed.RayError):
            raise _lost(ray, cause) from error
        if isinstance(cause, BaseException):
            raise cause from error
        raise
    except (failed.RayError, ConnectionError) as error:
        raise _lost(ray, error) from error


def expect_alive(ray: Any) -> None:
    """Check that the servers of a Ray of our own run: without one of them a driver waits for a minute and then ends at once.

    Raises:
        RunError: One has ended.
    """
    for kind, processes in _servers(ray).items():
        if kind in ("raylet", "gcs_server") and any(one.process.poll() is not None for one in processes):
            raise RunError(f"ray: expected its servers to run to the end, but {kind} has ended (killed, or out of memory?)")


def _lost(ray: Any, error: BaseException) -> RunError:
    """Return the error of one line for what Ray lost."""
    failed = ray.exceptions
    reasons = (
        (failed.OutOfMemoryError, "a task's worker was killed for want of memory (try fewer --workers)"),
        (failed.WorkerCrashedError, f"a task's worker was killed {MOST_RETRIES + 1} times (too little memory for --workers?)"),
        (failed.ObjectStoreFullError, "the object store has no room for what tasks share"),
        (failed.OutOfDiskError, "the disk has no room for what tasks share"),
        ((failed.NodeDiedError, failed.LocalRayletDiedError), "the machine or its Ray was lost"),
    )
    reason = next((text for kind, text in reasons if isinstance(error, kind)), _first_line(error))
    return RunError(f"ray: {reason}")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


def _own_variables(folder: Path) -> dict[str, str]:
    """Return the variables that a Ray of our own is to read, its servers and workers included."""
    variables = {
        _MARK: str(folder),
        # The loopback for all servers. Its name speaks of other systems, but it works on Linux all the same.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_task_oom_retries": str(MOST_RETRIES),
        # Else Ray starts workers ahead and answers its driver once all of them are there: if one is killed meanwhile, never.
        "RAY_prestart_worker_first_driver": "0",
    }
    # Other users of the machine reach the loopback too: they need the token. Ray itself would write one into the home.
    if os.environ.get("RAY_AUTH_MODE") is None:
        variables |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return variables


@contextmanager
def _variables(wanted: dict[str, str]) -> Iterator[None]:
    """Set variables of the environment, and restore them at the end."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _imported() -> Any:
    """Import Ray with its statistics off.

    Raises:
        RunError: This process is connected to a Ray, which is its user's to close.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        raise RunError("ray: expected a process that is not connected to it, got one that is (call ray.shutdown() before)")
    return ray


def _start(ray: Any, **options: Any) -> None:
    """Connect to Ray with our settings: one thread a worker, messages of errors alone."""
    constants, is_own = ray._private.ray_constants, options["address"] == "local"
    # It would print what its servers say, for all to see, also where `log_to_driver` is off.
    ray._private.worker.print_to_stdstream = _debug
    # Read from the environment when Ray was imported, which may have been long before.
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = before and not is_own
    try:
        _read_token(ray)
        level = {"RAY_BACKEND_LOG_LEVEL": os.environ.get("RAY_BACKEND_LOG_LEVEL", "fatal")}
        with kept(), _variables(level), _quiet(), _own_path():
            ray.init(
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
                runtime_env={"env_vars": _ONE_THREAD},
                **options,
            )
        if is_own and ray._private.worker._global_node.node_ip_address != _LOOPBACK:
            raise RuntimeError(f"it would listen on {ray._private.worker._global_node.node_ip_address}")
    finally:
        constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _own_path() -> Iterator[None]:
    """Keep the current folder off the import path of workers where it is not on this process's.

    Ray puts the folder in which it is started first on the path of every worker. A module `polars` in it
    would stand in for the library there, and run.
    """
    here = os.path.abspath(os.path.curdir)
    if here in (os.path.abspath(entry) for entry in sys.path):
        yield
        return
    with chdir("/"):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the lines that Ray's compiled part writes to the error stream by itself from the screen: ours says it all."""
    try:
        kept = os.dup(2)
    except OSError:
        # The stream is closed, so there is nothing to keep clean.
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _debug(data: dict[str, Any], *_: Any, **__: Any) -> None:
    _log.debug("ray: %s", " ".join(data.get("lines", [])))


def _read_token(ray: Any) -> None:
    """Have Ray read the variables of its token again: it has kept those of its last session in this process."""
    ray._raylet.Config.initialize("")
    ray._raylet.AuthenticationTokenLoader.instance().reset_cache()


def _stop(ray: Any, folder: Path) -> None:
    """Stop a Ray of our own; no process of it is left, also where one of its servers could not end the others any more."""
    servers = [one.process for processes in _servers(ray).values() for one in processes]
    ray.shutdown()
    while left := list(_processes(folder)):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            # Those that others have started are for others to collect.
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
    for server in servers:
        # Ended by now: asked once, so that the system forgets it.
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=_COLLECT_SECONDS)


def _servers(ray: Any) -> dict[str, list[Any]]:
    """Return the servers of a Ray of our own by kind; none of a cluster that others started."""
    node = getattr(ray._private.worker, "_global_node", None)
    servers: dict[str, list[Any]] = getattr(node, "all_processes", {})
    return servers


def _processes(folder: Path) -> Iterator[int]:
    """Yield the processes that were started for a Ray in a folder: by the variable that they inherited, and no other has."""
    mark = f"\0{_MARK}={folder}\0".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            # Those of other users, and those that have ended, cannot be looked into.
            with suppress(OSError):
                if mark in b"\0" + (entry / "environ").read_bytes() + b"\0":
                    yield int(entry.name)
