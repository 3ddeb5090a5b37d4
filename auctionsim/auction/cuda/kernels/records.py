"""Keep the ranking of a bucket in the window, and what it charges."""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import cuda

from auctionsim.auction.cuda.kernels.arguments import IS_OUT, Book, DeviceRows, DeviceRules, Window
from auctionsim.auction.cuda.kernels.device import device_function
from auctionsim.auction.cuda.kernels.draws import count_clicks, count_conversions, drawn_in_units
from auctionsim.auction.cuda.kernels.scores import charge_in_units, outcome_in_units
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, IMPRESSIONS

AT_ONCE = 8
"""Buckets that a thread reads at once."""


@cache
def make_count(n_slots: int) -> Any:
    """Return the device function that adds a bucket's outcomes but for the cost to the winners' sums, or takes them out.

    It is `count(sign, bucket, index, p, positions, rows, rules, book, key)`, with the bucket's index in the hour.
    """

    @device_function
    def count(
        sign: int, bucket: int, index: int, p: int, positions: Any, rows: DeviceRows, rules: DeviceRules, book: Book, key: Any
    ) -> None:
        weight = rows.weight[bucket]
        for slot in range(n_slots):
            position = positions[slot]
            if position >= 0:
                row = rows.start[bucket] + position
                who = rows.advertiser[row]
                cuda.atomic.add(book.ledger, (IMPRESSIONS, who, p), sign * weight)
                if rules.is_sampled:
                    clicks = count_clicks(row, slot, index, weight, position, key, rows, rules)
                    found = count_conversions(row, slot, index, weight, position, key, rows, rules)
                    cuda.atomic.add(book.ledger, (CLICKS, who, p), sign * drawn_in_units(row, CLICKS, clicks, book, rows))
                    for k in range(CONVERSIONS, COST):
                        cuda.atomic.add(book.ledger, (k, who, p), sign * drawn_in_units(row, k, found, book, rows))
                else:
                    for k in range(CLICKS, COST):
                        amount = outcome_in_units(row, slot, k, book.outcome_scale[k], rows, rules)
                        cuda.atomic.add(book.ledger, (k, who, p), sign * weight * amount)

    return count


@cache
def make_record(n_slots: int) -> Any:
    """Return the device function that keeps a ranking in the window, counts its outcomes, and adds its charges to its block's.

    It is `record(bucket, number, index, p, scores, positions, has_ties, rows, rules, book, window, key)`, with the bucket's
    number in the window and its index in the hour.
    """
    count = make_count(n_slots)

    @device_function
    def record(
        bucket: int, number: int, index: int, p: int, scores: Any, positions: Any, has_ties: bool, rows: DeviceRows,
        rules: DeviceRules, book: Book, window: Window, key: Any,
    ) -> None:  # fmt: skip
        weight, block = rows.weight[bucket], number // window.block_size
        for level in range(n_slots + 1):
            window.positions[level, number, p] = positions[level]
        window.positions[n_slots + 1, number, p] = 1 if has_ties else 0
        for slot in range(n_slots):
            position = positions[slot]
            if position >= 0:
                row = rows.start[bucket] + position
                who = rows.advertiser[row]
                cost = charge_in_units(row, slot, n_slots, book.scale[who, p], scores, rows, rules)
                if rules.is_sampled:
                    cost *= count_clicks(row, slot, index, weight, position, key, rows, rules)
                else:
                    cost *= weight
                window.cost[slot, number, p] = cost
                cuda.atomic.add(window.block_cost, (block, who, p), cost)
        count(1, bucket, index, p, positions, rows, rules, book, key)

    return record


@cache
def make_find_wrong(n_slots: int) -> Any:
    """Return the device function that finds rankings to which somebody mattered who has no budget left.

    It is `find_wrong(number, stride, n_buckets, first, p, rows, book, window, are_wrong)`, for `AT_ONCE` buckets of a window,
    `stride` apart, and writes 1 for each of them and 0 for others.
    """
    depth = n_slots + 1

    @device_function
    def has_lost_candidate(bucket: int, p: int, rows: DeviceRows, book: Book) -> bool:
        for row in range(rows.start[bucket], rows.start[bucket + 1]):
            if book.ledger[IS_OUT, rows.advertiser[row], p] != 0:
                return True
        return False

    @device_function
    def find_wrong(
        number: int, stride: int, n_buckets: int, first: int, p: int, rows: DeviceRows, book: Book, window: Window,
        are_wrong: Any,
    ) -> None:  # fmt: skip
        # Reads of all buckets are on their way before the first is needed: there is no branch between them. Where a position is
        # empty, the advertiser of the bucket's first row is read and does not count.
        for k in range(AT_ONCE):
            own = min(number + k * stride, n_buckets - 1)
            is_wrong = 0
            for level in range(depth):
                position = window.positions[level, own, p]
                who = rows.advertiser[rows.start[first + own] + max(position, 0)]
                is_wrong |= book.ledger[IS_OUT, who, p] if position >= 0 else 0
            are_wrong[k] = is_wrong if number + k * stride < n_buckets else 0
        for k in range(AT_ONCE):
            own = number + k * stride
            if own < n_buckets and are_wrong[k] == 0 and window.positions[depth, own, p] != 0:
                are_wrong[k] = 1 if has_lost_candidate(first + own, p, rows, book) else 0

    return find_wrong
