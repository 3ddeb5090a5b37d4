"""Count the threads that compiled code may run on at the same time."""

from __future__ import annotations


def usable_threads() -> int:
    """Return the number of cores, or what `NUMBA_NUM_THREADS` says; a Ray worker has one."""
    from numba import config

    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
