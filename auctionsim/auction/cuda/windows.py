"""Clear consecutive buckets on the device, window by window: rank all at once, settle in rounds, count."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from auctionsim.auction.cuda.kernels import foresight
from auctionsim.auction.cuda.kernels.arguments import (
    PROGRESS_ROWS,
    RANKED_AGAIN,
    ROUNDS,
    Book,
    CreditWindow,
    DeviceBids,
    DeviceRules,
    Window,
)
from auctionsim.auction.cuda.kernels.credit import add_credit, make_gain
from auctionsim.auction.cuda.kernels.ledger import begin_window
from auctionsim.auction.cuda.kernels.rounds import make_settle_window
from auctionsim.auction.cuda.kernels.screening import WIDTH, make_decide, make_screen
from auctionsim.auction.cuda.launch import over_buckets_and, over_groups, over_policies_and
from auctionsim.auction.cuda.memory import WindowMemory
from auctionsim.auction.cuda.traffic import DeviceChunk
from auctionsim.auction.outcome import Effort

_BLOCK = 128
"""Buckets of a block of a window: one thread goes through it in order where somebody runs out."""
_MOST_RECORDS = 2**25
"""Rankings of a window x slots; each takes 30 bytes and more."""
_MOST_BLOCK_BYTES = 2**29
"""Bytes of the sums of all blocks of a window."""
_FEWEST_BLOCKS = 8
_FIRST_SHARE = 4
"""The first window of a day is this part of the largest, as nothing is known of it."""


class Windows:
    """Clears windows of buckets.

    Args:
        shape: Numbers of advertisers and of policies.
        n_slots: Number of slots.
        memory: Memory of windows on the device.
        has_credit: Whether local credit is summed.
    """

    def __init__(self, shape: tuple[int, int], n_slots: int, memory: WindowMemory, *, has_credit: bool = False) -> None:
        n_advertisers, n_policies = shape
        self._shape, self._n_slots, self._has_credit = shape, n_slots, has_credit
        self._memory, self._capacity = memory, 0
        most_blocks = max(_MOST_BLOCK_BYTES // (8 * n_advertisers * n_policies), _FEWEST_BLOCKS)
        self._most = max(min(_MOST_RECORDS // (n_policies * n_slots), most_blocks * _BLOCK), _FEWEST_BLOCKS * _BLOCK)
        self._made: tuple[int, Window | CreditWindow] | None = None
        """A window, and the version of the memory that it is in."""
        self._before = cuda.device_array((2, *shape), np.int64)
        self._shares = cuda.to_device(np.zeros(foresight.N_SIZES))
        self._is_first = True
        self._progress = cuda.to_device(np.zeros((PROGRESS_ROWS, n_policies), np.int64))
        self._effort = Effort()

    def effort(self) -> Effort:
        """Return the work beyond that of clearing in order."""
        progress = self._progress.copy_to_host()
        self._effort.rounds, self._effort.ranked_again = int(progress[ROUNDS].max()), int(progress[RANKED_AGAIN].sum())
        return self._effort

    def replay(
        self,
        chunk: DeviceChunk,
        rules: DeviceRules,
        bids: DeviceBids,
        book: Book,
        keys: Any,
        n_features: int,
        credit: Any = None,
    ) -> None:
        """Clear a chunk.

        Args:
            chunk: The buckets.
            rules: The auction's rules.
            bids: The step's coefficients.
            book: Sums and budgets, updated.
            keys: The hour's RNG key for each policy, `[P]`.
            n_features: Features of `bids.theta_f32`.
            credit: Local credit, currency `[A, 2, P]`, added to; None where it is not summed.
        """
        begin = 0
        while begin < chunk.n_buckets:
            left = chunk.n_buckets - begin
            # What fits into the smallest window needs no choice, for which the host would wait for the device.
            n = left if left <= _FEWEST_BLOCKS * _BLOCK else min(self._next_size(), left)
            self._clear(chunk, begin, n, rules, bids, book, keys, n_features, credit)
            begin += n

    def _next_size(self) -> int:
        """Return the buckets of the next window: so many that few rankings will have to be made again."""
        if self._is_first:
            self._is_first = False
            return max(self._most // _FIRST_SHARE, _FEWEST_BLOCKS * _BLOCK)
        return foresight.choose(self._shares.copy_to_host(), self._most, _FEWEST_BLOCKS * _BLOCK)

    def _clear(
        self, chunk: DeviceChunk, first: int, n: int, rules: DeviceRules, bids: DeviceBids, book: Book, keys: Any,
        n_features: int, credit: Any,
    ) -> None:  # fmt: skip
        """Clear the window of `n` buckets from `first` on."""
        n_advertisers, n_policies = self._shape
        window = self._window_of(min(self._most, chunk.n_buckets))
        everybody, records = over_policies_and(n_advertisers, n_policies), over_policies_and(n, n_policies)
        arguments = (first, n, chunk.first_index + first, chunk.rows, rules, bids, book, window, keys)
        n_blocks = -(-n // _BLOCK)
        begin_window[everybody](n_blocks, n, book, window, self._before, self._shares)
        if bids.can_screen:
            screen = make_screen(self._n_slots, n_features)
            screen[over_buckets_and(n, n_policies, WIDTH)](first, n, chunk.rows, bids, window.codes)
        make_decide(self._n_slots)[records](*arguments)
        grid, group = over_groups(n_policies)
        make_settle_window(self._n_slots, n_features, has_credit=self._has_credit)[grid](group, *arguments)
        if self._has_credit:
            make_gain(self._n_slots)[records](first, n, chunk.first_index + first, chunk.rows, rules, book, window, keys)
            add_credit[everybody](first, n, chunk.candidacies, window, credit)
        if self._capacity > _FEWEST_BLOCKS * _BLOCK:
            foresight.foresee[everybody](n, self._most, self._before, book, self._shares)
        self._effort.windows += 1
        self._effort.ranked += n * n_policies

    def _window_of(self, n: int) -> Window | CreditWindow:
        """Return memory for windows of up to `n` buckets."""
        if self._made is None or self._capacity < n or self._made[0] != self._memory.version:
            self._made, self._capacity = None, max(n, self._capacity)
            window = self._window_in_memory(self._capacity)
            self._made = self._memory.version, window
        return self._made[1]

    def _window_in_memory(self, n: int) -> Window | CreditWindow:
        """Return a window of `n` buckets in the shared memory."""
        n_advertisers, n_policies = self._shape
        _, group = over_groups(n_policies)
        array = self._memory.array
        window = Window(
            positions=array("positions", (self._n_slots + 2, n, n_policies), np.int32),
            cost=array("cost", (self._n_slots, n, n_policies), np.int64),
            codes=array("codes", (self._n_slots + 2, n, n_policies), np.float32),
            block_cost=array("block_cost", (-(-n // _BLOCK), n_advertisers, n_policies), np.int64),
            progress=self._progress,
            todo=array("todo", (-(-n_policies // group), group * n), np.int32),
            block_size=_BLOCK,
        )
        if not self._has_credit:
            return window
        return CreditWindow(*window, gained=array("gained", (2, n, n_policies), np.float64))
