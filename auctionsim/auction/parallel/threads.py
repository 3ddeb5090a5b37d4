"""Replay blocks of policies on threads, which run at the same time: the kernel releases Python's global lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np

from auctionsim.compiled_code.threads import usable_threads

Part = TypeVar("Part")

__all__ = ["in_threads", "usable_threads"]


def in_threads(n_policies: int, threads: int, run: Callable[[slice], Part]) -> list[Part]:
    """Call `run(block)` for contiguous blocks of policies, each on a thread of its own.

    Args:
        n_policies: Number of policies that the blocks share.
        threads: Number of blocks, but no more than there are policies.
        run: Called with each block.

    Returns:
        What `run` returned, in the order of the blocks.

    Raises:
        ValueError: `threads` is below 1.
    """
    if threads < 1:
        raise ValueError(f"threads: expected a whole number >= 1, got {threads}")
    edges = np.linspace(0, n_policies, min(threads, n_policies) + 1).astype(int).tolist()
    blocks = [slice(first, last) for first, last in pairwise(edges)]
    if len(blocks) == 1:
        return [run(blocks[0])]
    with ThreadPoolExecutor(len(blocks)) as pool:
        return list(pool.map(run, blocks))
