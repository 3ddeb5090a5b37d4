"""Settle a window as a fixed point, in rounds: find who runs out first, settle up to there, rank again what that touches.

A window is cut into blocks of buckets, and the charges of each block were summed for every advertiser and policy. A round:

1. Find, from these sums, the first block in which a policy's budgets notice. All before it is right as it is.
2. Charge the blocks before it.
3. Go through that block in order until a bucket in which somebody runs out, and settle this one auction by auction.
4. In some blocks after it, rank again what somebody mattered to who has run out; sums follow. The next round ends with them.

A round ends with a bucket in which a budget ends, or with some blocks more settled. Accounts are integers: what comes out is
the sequential result to the bit.

Policies have nothing to do with each other. So a block of threads takes a few of them through all their rounds, in one kernel.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda

from auctionsim.auction.cuda.kernels.arguments import (
    DONE,
    IS_OUT,
    NEXT,
    RANKED_AGAIN,
    RIGHT,
    ROUNDS,
    SETTLED,
    SPENDABLE,
    STOP,
    Book,
    DeviceBids,
    DeviceRows,
    DeviceRules,
    Window,
)
from auctionsim.auction.cuda.kernels.device import device_function, kernel
from auctionsim.auction.cuda.kernels.ranking import make_rank
from auctionsim.auction.cuda.kernels.records import AT_ONCE as _AT_ONCE
from auctionsim.auction.cuda.kernels.records import make_count, make_find_wrong, make_record
from auctionsim.auction.cuda.kernels.screening import WIDTH, count_lanes, is_screened, make_rank_found, make_screened
from auctionsim.auction.cuda.kernels.settle import make_settle
from auctionsim.auction.kernel.ledger import NO_LIMIT
from auctionsim.auction.outcome import COST

_WARP = 32
_BLOCKS_AT_ONCE = 16
"""Blocks in which rankings are made right at a time: most of those after the next budget's end would be wrong again."""
_MOST_REGISTERS = 128
"""Two blocks of 256 threads have room on a multiprocessor."""


@device_function
def count_right_blocks(p: int, window: Window) -> int:
    """Return the block up to which a policy's rankings are right."""
    return (window.progress[RIGHT, p] + window.block_size - 1) // window.block_size


@device_function
def find(a: int, p: int, book: Book, window: Window) -> None:
    """Find the first block in which an advertiser runs out, and keep it if nobody runs out earlier."""
    spendable = book.ledger[SPENDABLE, a, p]
    if spendable < NO_LIMIT and book.ledger[IS_OUT, a, p] == 0:
        cost, begin, end = book.ledger[COST, a, p], window.progress[DONE, p], count_right_blocks(p, window)
        while begin < end:
            # Several at a time, so that reads do not wait for each other.
            total = 0
            for k in range(_AT_ONCE):
                if begin + k < end:
                    total += window.block_cost[begin + k, a, p]
            if cost + total >= spendable:
                for k in range(_AT_ONCE):
                    cost += window.block_cost[begin + k, a, p]
                    if cost >= spendable:
                        cuda.atomic.min(window.progress, (STOP, p), begin + k)
                        return
            cost += total
            begin += _AT_ONCE


@device_function
def advance(a: int, p: int, book: Book, window: Window) -> None:
    """Charge the blocks in which nobody runs out."""
    total = 0
    begin, end = window.progress[DONE, p], window.progress[STOP, p]
    while begin < end:
        for k in range(_AT_ONCE):
            if begin + k < end:
                total += window.block_cost[begin + k, a, p]
        begin += _AT_ONCE
    book.ledger[COST, a, p] += total


@cache
def make_walk(n_slots: int, *, has_credit: bool) -> Any:
    """Return the device function that goes through a block in order until somebody runs out, and settles that bucket.

    It is `walk(first, n_buckets, index, p, rows, rules, bids, book, window, key, positions)`; it tells if buckets are left.
    """
    settle, count, size = make_settle(n_slots, has_credit=has_credit), make_count(n_slots), n_slots * _AT_ONCE

    @device_function
    def read(number: int, end: int, first: int, p: int, rows: DeviceRows, window: Window, who: Any, cost: Any) -> None:
        """Read the winners of some buckets and what they are charged; several at once, so that reads do not wait."""
        for k in range(_AT_ONCE):
            for slot in range(n_slots):
                who[k * n_slots + slot] = -1
                if number + k < end:
                    position = window.positions[slot, number + k, p]
                    if position >= 0:
                        who[k * n_slots + slot] = rows.advertiser[rows.start[first + number + k] + position]
                        cost[k * n_slots + slot] = window.cost[slot, number + k, p]

    @device_function
    def charge(block: int, k: int, p: int, who: Any, cost: Any, book: Book, window: Window) -> bool:
        """Take bucket k out of its block, and charge it to the winners if all can pay; return whether they can."""
        can_pay = True
        for slot in range(n_slots):
            a = who[k * n_slots + slot]
            if a >= 0:
                left = book.ledger[SPENDABLE, a, p] - book.ledger[COST, a, p]
                can_pay = can_pay and cost[k * n_slots + slot] < left
        for slot in range(n_slots):
            a = who[k * n_slots + slot]
            if a >= 0:
                window.block_cost[block, a, p] -= cost[k * n_slots + slot]
                if can_pay:
                    book.ledger[COST, a, p] += cost[k * n_slots + slot]
        return can_pay

    @device_function
    def walk(
        first: int, n_buckets: int, index: int, p: int, rows: DeviceRows, rules: DeviceRules, bids: DeviceBids, book: Book,
        window: Window, key: Any, positions: Any,
    ) -> bool:  # fmt: skip
        who, cost = cuda.local.array(size, np.int32), cuda.local.array(size, np.int64)
        stop = window.progress[STOP, p]
        window.progress[ROUNDS, p] += 1
        if stop == count_right_blocks(p, window):
            window.progress[DONE, p], window.progress[NEXT, p] = stop, window.progress[RIGHT, p]
            return window.progress[RIGHT, p] < n_buckets
        number, end = max(window.progress[NEXT, p], stop * window.block_size), min((stop + 1) * window.block_size, n_buckets)
        last = -1
        while number < end and last < 0:
            read(number, end, first, p, rows, window, who, cost)
            for k in range(_AT_ONCE):
                if last < 0 and number + k < end and not charge(stop, k, p, who, cost, book, window):
                    last = number + k
            number += _AT_ONCE
        number = end
        if last >= 0:
            for slot in range(n_slots):
                positions[slot] = window.positions[slot, last, p]
            count(-1, first + last, index + last, p, positions, rows, rules, book, key)
            settle(first + last, last, index + last, p, rows, bids, rules, book, window, key)
            window.positions[n_slots + 1, last, p] = SETTLED
            number = last + 1
            window.progress[RIGHT, p] = number
        window.progress[NEXT, p] = number
        window.progress[DONE, p] = stop if number < end else stop + 1
        return number < n_buckets

    return walk


@cache
def make_repair(n_slots: int, n_features: int) -> Any:
    """Return the device function that ranks a bucket again, since somebody has run out who mattered to its ranking.

    It is `repair(bucket, number, index, p, rows, rules, bids, book, window, key, codes, scores, positions)`.
    """
    rank, record, count = make_rank(n_slots), make_record(n_slots), make_count(n_slots)
    screened, rank_found = make_screened(n_slots, n_features), make_rank_found(n_slots)
    n_codes = n_slots + 2

    @device_function
    def repair(
        bucket: int, number: int, index: int, p: int, rows: DeviceRows, rules: DeviceRules, bids: DeviceBids, book: Book,
        window: Window, key: Any, codes: Any, scores: Any, positions: Any,
    ) -> None:  # fmt: skip
        for slot in range(n_slots):
            positions[slot] = window.positions[slot, number, p]
            if positions[slot] >= 0:
                charged = number // window.block_size, rows.advertiser[rows.start[bucket] + positions[slot]], p
                cuda.atomic.add(window.block_cost, charged, -window.cost[slot, number, p])
        count(-1, bucket, index, p, positions, rows, rules, book, key)
        cuda.atomic.add(window.progress, (RANKED_AGAIN, p), 1)
        has_ties, is_certain = False, False
        if is_screened(p, window.progress.shape[1], bids):
            n_lanes = count_lanes(window.progress.shape[1])
            index_bits = screened(bucket, p // WIDTH * WIDTH, n_lanes, rows, bids, codes)
            # An index known only here would send the codes to memory.
            for w in range(1, WIDTH):
                if p % WIDTH == w:
                    for level in range(n_codes):
                        codes[level] = codes[w * n_codes + level]
            is_certain = rank_found(bucket, p, index_bits, rows, bids, rules, codes, scores, positions)
        if not is_certain:
            has_ties = rank(bucket, p, rows, bids, rules, book, scores, positions)
        record(bucket, number, index, p, scores, positions, has_ties, rows, rules, book, window, key)

    return repair


@cache
def make_settle_window(n_slots: int, n_features: int, *, has_credit: bool) -> Any:
    """Return the kernel that settles a ranked window; its grid is `launch.over_groups`.

    It is `settle_window(group, first, n_buckets, index, rows, rules, bids, book, window, keys)`. With credit the window is a
    `CreditWindow`, and has what the winners gain of the buckets that are settled in order.
    """
    depth, size = n_slots + 1, (n_slots + 2) * WIDTH
    walk, find_wrong = make_walk(n_slots, has_credit=has_credit), make_find_wrong(n_slots)
    repair = make_repair(n_slots, n_features)

    def settle_window(
        group: int, first: int, n_buckets: int, index: int, rows: DeviceRows, rules: DeviceRules, bids: DeviceBids, book: Book,
        window: Window, keys: Any,
    ) -> None:  # fmt: skip
        codes = cuda.local.array(size, np.float32)
        scores = cuda.local.array(depth, np.float64)
        positions = cuda.local.array(depth, np.int32)
        are_wrong = cuda.local.array(_AT_ONCE, np.int64)
        # On two lines, by which the simulator tells them apart.
        n_pending = cuda.shared.array(1, np.int32)
        n_todo = cuda.shared.array(1, np.int32)
        n_advertisers, n_policies = book.scale.shape
        thread, begin, stride = cuda.threadIdx.x, cuda.threadIdx.x // group, max(cuda.blockDim.x // group, 1)
        p = cuda.blockIdx.x * group + thread % group
        while True:
            if p < n_policies:
                for a in range(begin, n_advertisers, stride):
                    find(a, p, book, window)
            if thread == 0:
                n_pending[0], n_todo[0] = 0, 0
            cuda.syncthreads()
            if p < n_policies:
                for a in range(begin, n_advertisers, stride):
                    advance(a, p, book, window)
            cuda.syncthreads()
            # Threads of a warp run in lockstep, and policies take different ways: a warp for each.
            if thread % _WARP == 0:
                for number in range(thread // _WARP, group, max(cuda.blockDim.x // _WARP, 1)):
                    own = cuda.blockIdx.x * group + number
                    if own < n_policies and walk(
                        first, n_buckets, index, own, rows, rules, bids, book, window, keys[own], positions
                    ):
                        cuda.atomic.add(n_pending, 0, 1)
            cuda.syncthreads()
            if n_pending[0] == 0:
                break
            # Listed first: threads of a warp wait for each other, and few of them have a ranking to make again.
            right, end = 0, 0
            if p < n_policies:
                right = window.progress[RIGHT, p]
                end = min((right // window.block_size + _BLOCKS_AT_ONCE) * window.block_size, n_buckets)
                for number in range(right + begin, end, stride * _AT_ONCE):
                    find_wrong(number, stride, end, first, p, rows, book, window, are_wrong)
                    for k in range(_AT_ONCE):
                        if are_wrong[k] != 0:
                            at = cuda.atomic.add(n_todo, 0, 1)
                            window.todo[cuda.blockIdx.x, at] = (number + k * stride) * group + thread % group
            cuda.syncthreads()
            if p < n_policies and begin == 0:
                window.progress[RIGHT, p] = end
                window.progress[STOP, p] = count_right_blocks(p, window)
            for k in range(thread, n_todo[0], cuda.blockDim.x):
                number, own = (
                    window.todo[cuda.blockIdx.x, k] // group,
                    p - thread % group + window.todo[cuda.blockIdx.x, k] % group,
                )
                repair(
                    first + number,
                    number,
                    index + number,
                    own,
                    rows,
                    rules,
                    bids,
                    book,
                    window,
                    keys[own],
                    codes,
                    scores,
                    positions,
                )
            cuda.syncthreads()

    return kernel(settle_window, _MOST_REGISTERS)
