"""Threads over policies. The engine lets go of the interpreter, so that blocks are replayed at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numba import config

Part = TypeVar("Part")


def in_threads(n_policies: int, threads: int, run: Callable[[slice], Part]) -> list[Part]:
    """`run(block)` for contiguous blocks of policies, each on a thread of its own; results in order."""
    if threads < 1:
        raise ValueError(f"threads: expected a whole number at least 1, got {threads}")
    edges = np.linspace(0, n_policies, min(threads, n_policies) + 1).astype(int).tolist()
    blocks = [slice(first, last) for first, last in pairwise(edges)]
    if len(blocks) == 1:
        return [run(blocks[0])]
    with ThreadPoolExecutor(len(blocks)) as pool:
        return list(pool.map(run, blocks))


def usable_threads() -> int:
    """As many as there are cores, or as `NUMBA_NUM_THREADS` says: Ray's workers have one."""
    return int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
