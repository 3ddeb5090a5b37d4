"""Rank the buckets of a window side by side; single precision proposes, double precision decides (`auction/kernel/rank.py`).

`screen` finds the best candidates of a bucket for some policies a thread, so that what it reads of a candidate serves all of
them; `decide` computes their exact scores, and ranks a bucket exactly where their order is not certain.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda

from auctionsim.auction.cuda.kernels.arguments import EXTERNAL, NOBODY, Book, DeviceBids, DeviceRows, DeviceRules, Window
from auctionsim.auction.cuda.kernels.device import bits_of, device_function, four_of, kernel, on_device, single_of, times
from auctionsim.auction.cuda.kernels.ranking import make_insert, make_rank
from auctionsim.auction.cuda.kernels.records import make_record
from auctionsim.auction.cuda.kernels.scores import exact_bid
from auctionsim.auction.kernel import rank as cpu
from auctionsim.auction.kernel.arguments import N_FEATURES, QUALITY
from auctionsim.auction.kernel.prices import FIRST
from auctionsim.auction.kernel.rank import CERTAIN_UNITS, LEAST_SCORE, LENIENT, MOST_INDEX_BITS, MOST_SCORE, STRICT
from auctionsim.auction.kernel.ties import CLEAR_RATIO

count_index_bits = on_device(cpu.count_index_bits)
SCREEN_COLUMNS = 8
"""Columns of `DeviceRows.screen`: features x quality, `LEAST`, `ADVERTISER`, and two unused."""
LEAST, ADVERTISER = N_FEATURES, N_FEATURES + 1
WIDTH = 4
"""Policies that a thread screens: what it reads of a candidate serves all of them, and their coefficients are read at once."""
_NO_CODE = np.float32(-1.0)
_COLUMNS = np.uint64(SCREEN_COLUMNS)


def lanes_of(n_policies: int) -> int:
    """Return the policies of `DeviceBids.theta_f32`, a whole number of threads."""
    return (n_policies + WIDTH - 1) // WIDTH * WIDTH


count_lanes = device_function(lanes_of)


@device_function
def is_screened(p: int, n_policies: int, bids: DeviceBids) -> bool:
    """Return whether screening finds the best candidates of a policy."""
    return bids.can_screen and bids.theta_f32[bids.theta_f32.shape[0] - count_lanes(n_policies) + p] != 0.0


@kernel
def write_screen(n_rows: int, reserve: float, advertiser: Any, features: Any, screen: Any) -> None:
    """Write what screening reads of each row."""
    row = cuda.grid(1)
    if row < n_rows:
        quality = features[row, QUALITY]
        for f in range(N_FEATURES):
            screen[row * SCREEN_COLUMNS + f] = features[row, f] * quality
        screen[row * SCREEN_COLUMNS + LEAST] = quality * reserve * LENIENT
        screen[row * SCREEN_COLUMNS + ADVERTISER] = single_of(advertiser[row])


@cache
def make_screened(n_slots: int, n_features: int) -> Any:
    """Return the device function that finds the best candidates of a bucket for `WIDTH` policies side by side.

    It is `screened(bucket, p, n_lanes, rows, bids, codes)`, p a multiple of `WIDTH`, writes the largest codes of each policy in
    falling order to `codes` `[WIDTH * (n_slots + 2)]`, -1 for nobody, and returns how many bits of a code hold the index.

    Indices are unsigned and arrays have one axis: numba would otherwise ask of every index whether it counts from the end, and
    that took longer than the arithmetic.
    """
    n_codes = n_slots + 2

    @device_function
    def screened(bucket: int, p: int, n_lanes: int, rows: DeviceRows, bids: DeviceBids, codes: Any) -> int:
        first, last = rows.start[bucket], rows.start[bucket + 1]
        index_bits = count_index_bits(last - first)
        mask = -1 << index_bits
        for k in range(n_codes * WIDTH):
            codes[k] = _NO_CODE
        lane, step = np.uint64(p), np.uint64(n_lanes)
        stride, own, end = step * np.uint64(n_features), np.uint64(first) * _COLUMNS, np.uint64(last) * _COLUMNS
        position = 0
        while own < end:
            figures = four_of(rows.screen, own)
            least, who, _, _ = four_of(rows.screen, own + np.uint64(LEAST))
            at = np.uint64(np.uint32(bits_of(who))) * stride + lane
            # An index that is known only here is looked up by branches.
            first_figure = figures[0] if n_features > 1 else rows.screen[own + np.uint64(bids.first_feature)]
            score_0, score_1, score_2, score_3 = four_of(bids.theta_f32, at)
            score_0 *= first_figure
            score_1 *= first_figure
            score_2 *= first_figure
            score_3 *= first_figure
            for f in range(1, n_features):
                at += step
                theta_0, theta_1, theta_2, theta_3 = four_of(bids.theta_f32, at)
                score_0 += theta_0 * figures[f]
                score_1 += theta_1 * figures[f]
                score_2 += theta_2 * figures[f]
                score_3 += theta_3 * figures[f]
            scores = score_0, score_1, score_2, score_3
            for w in range(WIDTH):
                code: Any = _NO_CODE
                if scores[w] >= least:
                    code = single_of((bits_of(scores[w]) & mask) | position)
                for level in range(n_codes):
                    present = codes[w * n_codes + level]
                    codes[w * n_codes + level] = max(present, code)
                    code = min(present, code)
            own += _COLUMNS
            position += 1
        return index_bits

    return screened


@cache
def make_screen(n_slots: int, n_features: int) -> Any:
    """Return the kernel `screen(first, n_buckets, rows, bids, codes)`, whose threads take `WIDTH` policies each.

    Its grid is `launch.over_buckets_and`: all multiprocessors take the same policies at a time, whose coefficients stay in the
    first-level cache.
    """
    screened, n_codes = make_screened(n_slots, n_features), n_slots + 2
    size = n_codes * WIDTH

    @kernel
    def screen(first: int, n_buckets: int, rows: DeviceRows, bids: DeviceBids, window_codes: Any) -> None:
        n_policies, height = window_codes.shape[2], cuda.blockDim.y
        n_lanes = count_lanes(n_policies)
        p = (cuda.blockIdx.y * cuda.blockDim.x + cuda.threadIdx.x) * WIDTH
        begin = cuda.blockIdx.x * height + cuda.threadIdx.y
        codes = cuda.local.array(size, np.float32)
        if p < n_policies:
            for number in range(begin, n_buckets, cuda.gridDim.x * height):
                screened(first + number, p, n_lanes, rows, bids, codes)
                for w in range(WIDTH):
                    if p + w < n_policies:
                        for level in range(n_codes):
                            window_codes[level, number, p + w] = codes[w * n_codes + level]

    return screen


@cache
def make_rank_found(n_slots: int) -> Any:
    """Return the device function that computes exact scores of candidates found, and tells whether their order is certain.

    It is `rank_found(bucket, p, index_bits, rows, bids, rules, codes, scores, positions)`.
    """
    depth, insert = n_slots + 1, make_insert(n_slots + 1)

    @device_function
    def rank_found(
        bucket: int, p: int, index_bits: int, rows: DeviceRows, bids: DeviceBids, rules: DeviceRules, codes: Any, scores: Any,
        positions: Any,
    ) -> bool:  # fmt: skip
        first, external_score = rows.start[bucket], rows.external_score[bucket]
        index_mask = (1 << index_bits) - 1
        is_certain = index_bits <= MOST_INDEX_BITS
        for level in range(depth):
            scores[level], positions[level] = -1.0, NOBODY
            if codes[level] >= 0 and is_certain:
                bits, next_bits = bits_of(codes[level]), bits_of(codes[level + 1])
                # The code of nobody is a negative integer, far below all others.
                is_above = (bits >> index_bits) - (next_bits >> index_bits) >= CERTAIN_UNITS
                position = bits & index_mask
                is_certain = is_above and LEAST_SCORE <= bits <= MOST_SCORE
                quality = rows.features[first + position, QUALITY]
                found = single_of(bits - position)
                if (
                    level == 0
                    and rules.pricing != FIRST
                    and external_score <= 0.0
                    and found >= quality * rules.reserve * STRICT
                ):
                    # Nobody pays the best score; it need not be exact.
                    score: Any = np.float64(found)
                else:
                    bid = exact_bid(first + position, p, rows, bids)
                    score = times(quality, bid)
                    # An external score that is above by the last bits only may be a tie, which the candidate wins.
                    is_tie = score < external_score <= score * CLEAR_RATIO
                    is_certain = is_certain and bid >= rules.reserve and not is_tie
                scores[level], positions[level] = score, position
        insert(external_score, EXTERNAL, scores, positions)
        return is_certain

    return rank_found


@cache
def make_decide(n_slots: int) -> Any:
    """Return the kernel that ranks what was screened, or everything exactly where it was not.

    It is `decide(first, n_buckets, index, rows, rules, bids, book, window, keys)`.
    """
    depth, n_codes = n_slots + 1, n_slots + 2
    rank_found, rank, record = make_rank_found(n_slots), make_rank(n_slots), make_record(n_slots)

    @kernel
    def decide(
        first: int, n_buckets: int, index: int, rows: DeviceRows, rules: DeviceRules, bids: DeviceBids, book: Book,
        window: Window, keys: Any,
    ) -> None:  # fmt: skip
        p, begin = cuda.grid(2)
        codes = cuda.local.array(n_codes, np.float32)
        scores = cuda.local.array(depth, np.float64)
        positions = cuda.local.array(depth, np.int32)
        if p < window.progress.shape[1]:
            has_codes = is_screened(p, window.progress.shape[1], bids)
            for number in range(begin, n_buckets, cuda.gridsize(2)[1]):
                bucket = first + number
                has_ties, is_certain = False, False
                if has_codes:
                    for level in range(n_codes):
                        codes[level] = window.codes[level, number, p]
                    index_bits = count_index_bits(rows.start[bucket + 1] - rows.start[bucket])
                    is_certain = rank_found(bucket, p, index_bits, rows, bids, rules, codes, scores, positions)
                if not is_certain:
                    has_ties = rank(bucket, p, rows, bids, rules, book, scores, positions)
                record(bucket, number, index + number, p, scores, positions, has_ties, rows, rules, book, window, keys[p])

    return decide
