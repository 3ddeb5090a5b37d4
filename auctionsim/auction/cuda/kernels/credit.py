"""Sum local credit on the device: to every candidate of an auction what its winners gain and pay, in the CPU's order.

Credit is a sum of doubles, which depends on the order of its terms. So a window first keeps for every bucket what its winners
gain; then each advertiser, under each policy, goes through the buckets in which it is a candidate, in order.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from auctionsim.auction.cuda.kernels.arguments import PAID, PROFIT, SETTLED, Book, CreditWindow, DeviceRows, DeviceRules
from auctionsim.auction.cuda.kernels.device import device_function, kernel, plus, times
from auctionsim.auction.cuda.kernels.draws import count_clicks, is_clicked, is_converted
from auctionsim.auction.cuda.kernels.scores import gmv_of
from auctionsim.auction.kernel.arguments import ITEM_PRICE

_AT_ONCE = 8
"""Buckets whose gains a thread reads at once, so that reads do not wait for each other."""


class Candidacies(NamedTuple):
    """The buckets of a chunk in which each advertiser is a candidate, on the device."""

    start: Any
    """First entry of each advertiser in `bucket`, and their number at the end, `[A + 1]`, int64."""
    bucket: Any
    """Buckets, advertiser by advertiser and in order, one entry for each candidate, `[rows]`, int32."""


class Gains(NamedTuple):
    """Device functions by which settling a bucket in order adds up what its winners gain; they do nothing without credit."""

    begin: Any
    """`begin(number, p, window)`: no auction of bucket `number` of the window is settled yet."""
    expected: Any
    """`expected(n_auctions, cost, row, slot, who, number, p, rows, rules, book, window)`: identical auctions that cost the
    winner of a slot `cost` units in all."""
    clicked: Any
    """`clicked(cost, who, number, p, book, window)`: a click that cost `cost` units."""
    converted: Any
    """`converted(row, number, p, rows, window)`: a click that converted."""


@device_function
def _begin(number: int, p: int, window: CreditWindow) -> None:
    window.gained[PROFIT, number, p], window.gained[PAID, number, p] = 0.0, 0.0


@device_function
def _add(profit: float, spent: float, number: int, p: int, window: CreditWindow) -> None:
    window.gained[PROFIT, number, p] = plus(window.gained[PROFIT, number, p], profit)
    window.gained[PAID, number, p] = plus(window.gained[PAID, number, p], spent)


@device_function
def _expected(
    n_auctions: int, cost: int, row: int, slot: int, who: int, number: int, p: int, rows: DeviceRows, rules: DeviceRules,
    book: Book, window: CreditWindow,
) -> None:  # fmt: skip
    spent = cost / book.scale[who, p]
    _add(plus(times(float(n_auctions), gmv_of(row, slot, rows, rules)), -spent), spent, number, p, window)


@device_function
def _clicked(cost: int, who: int, number: int, p: int, book: Book, window: CreditWindow) -> None:
    spent = cost / book.scale[who, p]
    _add(-spent, spent, number, p, window)


@device_function
def _converted(row: int, number: int, p: int, rows: DeviceRows, window: CreditWindow) -> None:
    _add(rows.features[row, ITEM_PRICE], 0.0, number, p, window)


@device_function
def _begin_nothing(number: int, p: int, window: Any) -> None:
    pass


@device_function
def _nothing_expected(
    n_auctions: int, cost: int, row: int, slot: int, who: int, number: int, p: int, rows: DeviceRows, rules: DeviceRules,
    book: Book, window: Any,
) -> None:  # fmt: skip
    pass


@device_function
def _nothing_clicked(cost: int, who: int, number: int, p: int, book: Book, window: Any) -> None:
    pass


@device_function
def _nothing_converted(row: int, number: int, p: int, rows: DeviceRows, window: Any) -> None:
    pass


COUNTED = Gains(_begin, _expected, _clicked, _converted)
NOT_COUNTED = Gains(_begin_nothing, _nothing_expected, _nothing_clicked, _nothing_converted)


@cache
def make_gain(n_slots: int) -> Any:
    """Return the kernel that writes what the winners gain of all buckets of a settled window, but those settled in order.

    It is `gain(first, n_buckets, index, rows, rules, book, window, keys)`; its grid is that of the window's rankings.
    """

    @device_function
    def gain_expected(bucket: int, number: int, p: int, rows: DeviceRows, rules: DeviceRules, book: Book, window: Any) -> None:
        for slot in range(n_slots):
            position = window.positions[slot, number, p]
            if position >= 0:
                row = rows.start[bucket] + position
                cost, who = window.cost[slot, number, p], rows.advertiser[row]
                _expected(rows.weight[bucket], cost, row, slot, who, number, p, rows, rules, book, window)

    @device_function
    def gain_drawn(
        bucket: int, number: int, index: int, p: int, rows: DeviceRows, rules: DeviceRules, book: Book, window: Any, key: Any
    ) -> None:
        """Draw the outcomes once more, auction by auction, as the CPU adds them up in that order."""
        costs = cuda.local.array(n_slots, np.int64)
        weight = rows.weight[bucket]
        for slot in range(n_slots):
            position = window.positions[slot, number, p]
            if position >= 0:
                row = rows.start[bucket] + position
                # All clicks were paid in full, so the cost of all is a multiple of that of one.
                clicks = count_clicks(row, slot, index, weight, position, key, rows, rules)
                costs[slot] = window.cost[slot, number, p] // max(clicks, 1)
        for auction in range(weight):
            for slot in range(n_slots):
                position = window.positions[slot, number, p]
                if position >= 0:
                    row = rows.start[bucket] + position
                    if is_clicked(row, slot, index, auction, position, key, rows, rules):
                        _clicked(costs[slot], rows.advertiser[row], number, p, book, window)
                        if is_converted(row, index, auction, position, key, rows):
                            _converted(row, number, p, rows, window)

    def gain(
        first: int,
        n_buckets: int,
        index: int,
        rows: DeviceRows,
        rules: DeviceRules,
        book: Book,
        window: CreditWindow,
        keys: Any,
    ) -> None:
        p, begin = cuda.grid(2)
        if p < book.scale.shape[1]:
            for number in range(begin, n_buckets, cuda.gridsize(2)[1]):
                if window.positions[n_slots + 1, number, p] != SETTLED:
                    _begin(number, p, window)
                    if rules.is_sampled:
                        gain_drawn(first + number, number, index + number, p, rows, rules, book, window, keys[p])
                    else:
                        gain_expected(first + number, number, p, rows, rules, book, window)

    return kernel(gain)


@kernel
def add_credit(first: int, n_buckets: int, candidacies: Candidacies, window: CreditWindow, credit: Any) -> None:
    """Add a window's gains to the credit of every candidate, `[A, 2, P]`; a thread for each advertiser and policy."""
    p, begin = cuda.grid(2)
    if p < credit.shape[2]:
        profits = cuda.local.array(_AT_ONCE, np.float64)
        costs = cuda.local.array(_AT_ONCE, np.float64)
        for a in range(begin, credit.shape[0], cuda.gridsize(2)[1]):
            at, end = candidacies.start[a], candidacies.start[a + 1]
            # The first of the advertiser's buckets that is none before the window.
            last = end
            while at < last:
                middle = (at + last) // 2
                if candidacies.bucket[middle] < first:
                    at = middle + 1
                else:
                    last = middle
            profit, cost = credit[a, PROFIT, p], credit[a, PAID, p]
            is_over = at >= end or candidacies.bucket[at] >= first + n_buckets
            while not is_over:
                for k in range(_AT_ONCE):
                    # Beyond the window nothing is read that counts.
                    own = candidacies.bucket[min(at + k, end - 1)] - first
                    number = min(own, n_buckets - 1)
                    profits[k], costs[k] = window.gained[PROFIT, number, p], window.gained[PAID, number, p]
                for k in range(_AT_ONCE):
                    if at + k < end and candidacies.bucket[at + k] < first + n_buckets:
                        profit, cost = plus(profit, profits[k]), plus(cost, costs[k])
                at += _AT_ONCE
                is_over = at >= end or candidacies.bucket[at] >= first + n_buckets
            credit[a, PROFIT, p], credit[a, PAID, p] = profit, cost
