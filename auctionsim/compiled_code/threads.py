"""Count the threads that compiled code may run on at the same time."""

from __future__ import annotations

_ROWS_FOR_THREADS = 1_000_000


def usable_threads() -> int:
    """Return the number of cores, or what `NUMBA_NUM_THREADS` says; a Ray worker has one."""
    from numba import config

    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def threads_for(n_rows: int) -> int:
    """Return the threads that pay for work on so many candidates: all that are usable, or one, which is done before they start.

    Args:
        n_rows: Number of candidates, all auctions together.
    """
    return usable_threads() if n_rows >= _ROWS_FOR_THREADS else 1
