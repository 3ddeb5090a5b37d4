"""Replay blocks of policies on threads, which run at the same time: the kernel releases Python's global lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np

from auctionsim.compiled_code.threads import threads_for, usable_threads
from auctionsim.errors import InputError

Part = TypeVar("Part")

MOST_DAY_THREADS = 64
"""Threads that share the auctions of a day; each takes memory of its own, and more only divide windows further."""
POLICIES_OF_A_THREAD = 16
"""Policies from which on a thread is better given some of them than some of the auctions."""

__all__ = ["MOST_DAY_THREADS", "POLICIES_OF_A_THREAD", "in_threads", "threads_for", "usable_threads"]


def in_threads(n_policies: int, threads: int, run: Callable[[slice], Part]) -> list[Part]:
    """Call `run(block)` for contiguous blocks of policies, each on a thread of its own.

    Args:
        n_policies: Number of policies that the blocks share.
        threads: Number of blocks, but no more than there are policies.
        run: Called with each block.

    Returns:
        What `run` returned, in the order of the blocks.

    Raises:
        InputError: `threads` is below 1.
    """
    if threads < 1:
        raise InputError(f"threads: expected a whole number >= 1, got {threads}")
    edges = np.linspace(0, n_policies, min(threads, n_policies) + 1).astype(int).tolist()
    blocks = [slice(first, last) for first, last in pairwise(edges)]
    if len(blocks) == 1:
        return [run(blocks[0])]
    with ThreadPoolExecutor(len(blocks)) as pool:
        return list(pool.map(run, blocks))
