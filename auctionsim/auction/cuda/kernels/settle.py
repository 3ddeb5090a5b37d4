"""Settle one bucket in order for one policy, auction by auction where budgets run out; as `auction/kernel/settle.py` does."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda

from auctionsim.auction.cuda.kernels.arguments import IS_OUT, LIMIT, SPENDABLE, Book, DeviceBids, DeviceRows, DeviceRules
from auctionsim.auction.cuda.kernels.credit import COUNTED, NOT_COUNTED
from auctionsim.auction.cuda.kernels.device import device_function
from auctionsim.auction.cuda.kernels.draws import drawn_in_units, is_clicked, is_converted
from auctionsim.auction.cuda.kernels.ranking import make_rank
from auctionsim.auction.cuda.kernels.scores import charge_in_units, outcome_in_units
from auctionsim.auction.cuda.kernels.screening import count_lanes
from auctionsim.auction.outcome import CLICKS, CONVERSIONS, COST, IMPRESSIONS


@cache
def make_settle(n_slots: int, *, has_credit: bool) -> Any:
    """Return the device function `settle(bucket, at, index, p, rows, bids, rules, book, window, key)`.

    It ranks a bucket, which has a place `at` in the window and an index in the hour, and settles it; with credit it keeps in
    the window what the winners gain.
    """
    rank, depth, gains = make_rank(n_slots), n_slots + 1, COUNTED if has_credit else NOT_COUNTED
    begin_gain, gain_expected, gain_clicked, gain_converted = gains

    @device_function
    def withdraw(first: int, p: int, positions: Any, rows: DeviceRows, bids: DeviceBids, book: Book) -> bool:
        """Withdraw every shown advertiser whose budget is exhausted; return whether any was."""
        is_withdrawn = False
        for slot in range(n_slots):
            if positions[slot] >= 0:
                who = np.int64(rows.advertiser[first + positions[slot]])
                if book.ledger[COST, who, p] >= book.ledger[SPENDABLE, who, p]:
                    book.ledger[IS_OUT, who, p] = 1
                    n_advertisers, n_policies = book.scale.shape
                    n_lanes = count_lanes(n_policies)
                    n_features = bids.theta_f32.shape[0] // (n_advertisers * n_lanes)
                    for f in range(n_features):
                        bids.theta_f32[(who * n_features + f) * n_lanes + p] = np.float32(np.nan)
                    is_withdrawn = True
        return is_withdrawn

    @device_function
    def count_payable(
        first: int, weight: int, p: int, positions: Any, scores: Any, rows: DeviceRows, rules: DeviceRules, book: Book
    ) -> int:
        """Return how many of `weight` identical auctions nobody's budget can run out before the end of; 0 if it can at once."""
        payable = weight
        for slot in range(n_slots):
            if positions[slot] >= 0:
                row = first + positions[slot]
                who = rows.advertiser[row]
                charge = charge_in_units(row, slot, n_slots, book.scale[who, p], scores, rows, rules)
                # What counts as exhausted is left out: `kernel.settle.settle_with_budgets` has an example.
                limit, spendable = book.ledger[LIMIT, who, p], book.ledger[SPENDABLE, who, p]
                left = limit - book.ledger[COST, who, p] + (limit - spendable)
                if payable * charge > left:
                    payable = left // charge
        return payable

    @device_function
    def settle_expected(
        first: int, n_auctions: int, at: int, p: int, positions: Any, scores: Any, rows: DeviceRows, rules: DeviceRules,
        book: Book, window: Any,
    ) -> None:  # fmt: skip
        """Settle identical auctions in expectation, no charge above what remains of the winner's budget."""
        for slot in range(n_slots):
            if positions[slot] >= 0:
                row = first + positions[slot]
                who = rows.advertiser[row]
                charge = n_auctions * charge_in_units(row, slot, n_slots, book.scale[who, p], scores, rows, rules)
                charge = min(charge, book.ledger[LIMIT, who, p] - book.ledger[COST, who, p])
                book.ledger[COST, who, p] += charge
                gain_expected(n_auctions, charge, row, slot, who, at, p, rows, rules, book, window)
                book.ledger[IMPRESSIONS, who, p] += n_auctions
                for k in range(CLICKS, COST):
                    book.ledger[k, who, p] += n_auctions * outcome_in_units(row, slot, k, book.outcome_scale[k], rows, rules)

    @device_function
    def settle_drawn(
        first: int, number: int, index: int, key: Any, at: int, p: int, positions: Any, scores: Any, rows: DeviceRows,
        rules: DeviceRules, book: Book, window: Any,
    ) -> None:  # fmt: skip
        """Settle auction `number` of a bucket, drawing whether each click and conversion happens."""
        for slot in range(n_slots):
            position = positions[slot]
            if position >= 0:
                row = first + position
                who = rows.advertiser[row]
                book.ledger[IMPRESSIONS, who, p] += 1
                if is_clicked(row, slot, index, number, position, key, rows, rules):
                    charge = charge_in_units(row, slot, n_slots, book.scale[who, p], scores, rows, rules)
                    charge = min(charge, book.ledger[LIMIT, who, p] - book.ledger[COST, who, p])
                    book.ledger[COST, who, p] += charge
                    gain_clicked(charge, who, at, p, book, window)
                    book.ledger[CLICKS, who, p] += drawn_in_units(row, CLICKS, 1, book, rows)
                    if is_converted(row, index, number, position, key, rows):
                        for k in range(CONVERSIONS, COST):
                            book.ledger[k, who, p] += drawn_in_units(row, k, 1, book, rows)
                        gain_converted(row, at, p, rows, window)

    @device_function
    def settle(
        bucket: int, at: int, index: int, p: int, rows: DeviceRows, bids: DeviceBids, rules: DeviceRules, book: Book,
        window: Any, key: Any,
    ) -> None:  # fmt: skip
        scores = cuda.local.array(depth, np.float64)
        positions = cuda.local.array(depth, np.int32)
        first, weight = rows.start[bucket], rows.weight[bucket]
        rank(bucket, p, rows, bids, rules, book, scores, positions)
        begin_gain(at, p, window)
        done = 0
        while done < weight:
            is_shown = False
            for slot in range(n_slots):
                is_shown = is_shown or positions[slot] >= 0
            if not is_shown:
                break
            if rules.is_sampled:
                n_auctions = 1
                settle_drawn(first, done, index, key, at, p, positions, scores, rows, rules, book, window)
            else:
                n_auctions = max(count_payable(first, weight - done, p, positions, scores, rows, rules, book), 1)
                settle_expected(first, n_auctions, at, p, positions, scores, rows, rules, book, window)
            done += n_auctions
            if withdraw(first, p, positions, rows, bids, book) and done < weight:
                rank(bucket, p, rows, bids, rules, book, scores, positions)

    return settle
