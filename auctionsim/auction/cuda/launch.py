"""Choose how many threads of the device run a kernel, and how they are grouped."""

from __future__ import annotations

from auctionsim.auction.cuda.kernels.device import IS_SIMULATED

Grid = tuple[tuple[int, ...], tuple[int, ...]]
"""Number of blocks, and threads of each, by axis."""

_THREADS = 1 if IS_SIMULATED else 256
"""Threads of a block. In the simulator, threads of one block get in each other's way when they call device functions."""
_WARP = 1 if IS_SIMULATED else 32
"""Threads that run in lockstep, which have neighbouring policies."""
_MOST_GROUP = 8
_MULTIPROCESSORS = 128
"""About as many as an H100 has, 132."""
_MOST_BLOCKS = 1 if IS_SIMULATED else 8192
"""Blocks along the second axis; a device takes up to 65,535. Threads go on to further buckets after their first."""


def over_rows(n_rows: int) -> Grid:
    """Return the grid for a thread a row."""
    return (-(-n_rows // _THREADS),), (_THREADS,)


def over_policies_and(count: int, n_policies: int) -> Grid:
    """Return the grid for all policies x `count` advertisers or buckets; the policy is the first axis."""
    width = 1
    while width < min(n_policies, _WARP):
        width *= 2
    height = max(_THREADS // width, 1)
    return (-(-n_policies // width), min(-(-count // height), _MOST_BLOCKS)), (width, height)


def over_buckets_and(count: int, n_policies: int, policies_a_thread: int) -> Grid:
    """Return the grid for `count` buckets x all policies, some of which each thread takes; the policy is the slower axis."""
    (n_blocks, height), threads = over_policies_and(count, -(-n_policies // policies_a_thread))
    return (height, n_blocks), threads


def over_groups(n_policies: int) -> tuple[Grid, int]:
    """Return the grid for a block for each group of neighbouring policies, and how many these are.

    Words of 8 neighbours are read at once; but every multiprocessor is to have a block.
    """
    group = 1
    while group < _MOST_GROUP and 2 * group * _MULTIPROCESSORS <= n_policies:
        group *= 2
    return ((-(-n_policies // group),), (_THREADS,)), group
