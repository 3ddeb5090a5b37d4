"""Rank the candidates of one bucket exactly for one policy, ties included."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from auctionsim.auction.cuda.kernels.arguments import EXTERNAL, IS_OUT, NOBODY, Book, DeviceBids, DeviceRows, DeviceRules
from auctionsim.auction.cuda.kernels.device import device_function, times
from auctionsim.auction.cuda.kernels.scores import clipped, exact_bid, tie_key
from auctionsim.auction.kernel.arguments import QUALITY
from auctionsim.auction.kernel.ties import CLEAR_RATIO


@cache
def make_insert(depth: int) -> Any:
    """Return a device function that inserts a score and its row into lists of `depth` in falling order, below equal ones."""

    @device_function
    def insert(score: float, row: int, scores: Any, rows: Any) -> None:
        is_placed = False
        for level in range(depth):
            # Once something is placed, everything below it moves down, equal scores included.
            if is_placed or score > scores[level]:
                is_placed = True
                next_score, next_row = scores[level], rows[level]
                scores[level], rows[level] = score, row
                score, row = next_score, next_row

    return insert


@cache
def make_rank(n_slots: int) -> Any:
    """Return the device function `rank(bucket, p, rows, bids, rules, book, scores, positions)` for a number of slots.

    It writes the largest rank scores in falling order to `scores` `[n_slots + 1]`, -1 where no candidate is eligible, and to
    `positions` `[n_slots + 1]` whose they are, like `Window.positions`; and returns whether scores tie or almost do, so that
    `positions` below the last slot do not tell all who matter.
    """
    depth, insert = n_slots + 1, make_insert(n_slots + 1)

    @device_function
    def rank(
        bucket: int,
        p: int,
        rows: DeviceRows,
        bids: DeviceBids,
        rules: DeviceRules,
        book: Book,
        scores: Any,
        positions: Any,
    ) -> bool:
        first, last = rows.start[bucket], rows.start[bucket + 1]
        for level in range(depth):
            scores[level], positions[level] = -1.0, NOBODY
        for row in range(first, last):
            if book.ledger[IS_OUT, rows.advertiser[row], p] == 0:
                bid = clipped(exact_bid(row, p, rows, bids), rules)
                if bid >= rules.reserve:
                    insert(times(rows.features[row, QUALITY], bid), row - first, scores, positions)
        external_score = rows.external_score[bucket]
        insert(external_score, EXTERNAL, scores, positions)
        for level in range(n_slots):
            if scores[level] <= 0.0:
                return False
            if not scores[level] > scores[level + 1] * CLEAR_RATIO:
                rank_ties(first, last, p, n_slots, external_score, rows, bids, rules, book, positions)
                return True
        return False

    return rank


@device_function
def rank_ties(
    first: int,
    last: int,
    p: int,
    n_slots: int,
    external_score: float,
    rows: DeviceRows,
    bids: DeviceBids,
    rules: DeviceRules,
    book: Book,
    positions: Any,
) -> None:
    """Write the winners by the rule of ties, `kernel.ties.rank_ties`: ties to the lower row, the external competitor last."""
    external_key = tie_key(external_score)
    above_key, above_row = np.inf, -1
    is_external_placed = external_score <= 0.0
    for slot in range(n_slots):
        best_key, best_row = -1.0, -1
        for row in range(first, last):
            if book.ledger[IS_OUT, rows.advertiser[row], p] == 0:
                bid = clipped(exact_bid(row, p, rows, bids), rules)
                if bid >= rules.reserve:
                    key = tie_key(times(rows.features[row, QUALITY], bid))
                    if key > best_key and (key < above_key or (key == above_key and row > above_row)):
                        best_key, best_row = key, row
        if not is_external_placed and external_key > best_key:
            best_key, is_external_placed = external_key, True
            positions[slot] = EXTERNAL
            # All rows of its key are above it.
            above_key, above_row = best_key, last
        else:
            positions[slot] = best_row - first if best_row >= 0 else NOBODY
            above_key, above_row = best_key, best_row
