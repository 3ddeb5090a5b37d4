"""Begin and end a step on the device: units of charges, coefficients, and sums in currency and counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda

from auctionsim.auction.budgets import EXHAUSTED_SHARE
from auctionsim.auction.cuda.kernels.arguments import (
    DONE,
    IS_OUT,
    LIMIT,
    NEXT,
    RIGHT,
    SPENDABLE,
    STOP,
    Book,
    DeviceBids,
    Window,
)
from auctionsim.auction.cuda.kernels.device import device_function, kernel, times
from auctionsim.auction.cuda.kernels.screening import count_lanes
from auctionsim.auction.kernel.arguments import N_FEATURES
from auctionsim.auction.kernel.ledger import NO_LIMIT
from auctionsim.auction.outcome import COST, IMPRESSIONS, OUTCOMES

_N_OUTCOMES = len(OUTCOMES)


@device_function
def units_of_budget(budget: float, scale: float) -> Any:
    """Return a budget in units, and the cost from which on it counts as exhausted; `kernel.ledger`."""
    limit = math.floor(times(budget, scale)) if budget < np.inf else np.inf
    if limit < NO_LIMIT:
        return np.int64(limit), np.int64(limit) - np.int64(math.floor(times(times(budget, EXHAUSTED_SHARE), scale)))
    return np.int64(NO_LIMIT), np.int64(NO_LIMIT)


@device_function
def choose_unit(a: int, p: int, scales: Any, budgets: Any, cost_before: Any, book: Book) -> None:
    """Choose the unit of one account's charges: see `begin_step`."""
    old, new = book.scale[a, p], scales[a, p]
    if old == 0.0 or new < old:
        limit, spendable = units_of_budget(budgets[a, p], new)
        cost = book.ledger[COST, a, p]
        if old > 0.0:
            is_exhausted = cost >= book.ledger[SPENDABLE, a, p]
            cost = np.int64(round(times(float(cost), new / old)))
            if is_exhausted:
                # Rounding must not bring anybody back.
                cost = max(cost, spendable)
        book.ledger[COST, a, p], book.ledger[LIMIT, a, p], book.ledger[SPENDABLE, a, p] = cost, limit, spendable
        book.scale[a, p] = new
    cost_before[a, p] = book.ledger[COST, a, p]
    book.ledger[IS_OUT, a, p] = 1 if book.ledger[COST, a, p] >= book.ledger[SPENDABLE, a, p] else 0


@device_function
def write_bid(a: int, p: int, coefficients: Any, book: Book, bids: DeviceBids) -> None:
    """Write the coefficients of one advertiser under one policy: see `write_bids`."""
    n_advertisers, n_policies = book.scale.shape
    for f in range(N_FEATURES):
        bids.theta[a, p, f] = coefficients[a, f, p]
    n_lanes = count_lanes(n_policies)
    n_features = (bids.theta_f32.shape[0] // n_lanes - 1) // n_advertisers
    for f in range(n_features):
        value = coefficients[a, bids.first_feature + f, p]
        single = np.float32(value) if book.ledger[IS_OUT, a, p] == 0 else np.float32(np.nan)
        bids.theta_f32[(a * n_features + f) * n_lanes + p] = single


@kernel
def begin_step(scales: Any, budgets: Any, cost_before: Any, coefficients: Any, book: Book, bids: DeviceBids) -> None:
    """Choose the unit of every account's charges, as `kernel.ledger.choose_units`, and write bids for whoever has budget left.

    Args:
        scales: Units of a unit of currency that the step asks for, `[A, P]`.
        budgets: Budgets of the day, currency, `[A, P]`.
        cost_before: Written to: the cost so far of every account, in units, `[A, P]`.
        coefficients: theta of the step, `[A, 4, P]`.
        book: Sums and budgets, updated.
        bids: Written to.
    """
    p, begin = cuda.grid(2)
    n_advertisers, n_policies = scales.shape
    if p < n_policies:
        for a in range(begin, n_advertisers, cuda.gridsize(2)[1]):
            choose_unit(a, p, scales, budgets, cost_before, book)
            write_bid(a, p, coefficients, book, bids)


@kernel
def write_bids(coefficients: Any, book: Book, bids: DeviceBids) -> None:
    """Write coefficients `[A, 4, P]` in the orders in which they are read."""
    p, begin = cuda.grid(2)
    n_advertisers, n_policies = book.scale.shape
    if p < n_policies:
        for a in range(begin, n_advertisers, cuda.gridsize(2)[1]):
            write_bid(a, p, coefficients, book, bids)


@kernel
def begin_window(n_blocks: int, n_buckets: int, book: Book, window: Window, before: Any, shares: Any) -> None:
    """Set what a window sums to 0, and how far it is settled; keep impressions and cost `before` it, `[2, A, P]`."""
    p, begin = cuda.grid(2)
    if p == 0 and begin == 0:
        for k in range(shares.shape[0]):
            shares[k] = 0.0
    n_advertisers, n_policies = book.scale.shape
    if p < n_policies:
        for a in range(begin, n_advertisers, cuda.gridsize(2)[1]):
            for block in range(n_blocks):
                window.block_cost[block, a, p] = 0
            before[0, a, p], before[1, a, p] = book.ledger[IMPRESSIONS, a, p], book.ledger[COST, a, p]
        if begin == 0:
            window.progress[DONE, p] = 0
            window.progress[NEXT, p] = 0
            window.progress[STOP, p] = n_blocks
            window.progress[RIGHT, p] = n_buckets


@kernel
def collect_step(cost_before: Any, budgets: Any, book: Book, step: Any, left: Any) -> None:
    """Move the sums of a step out of the accounts, and write what is left of every budget, as `kernel.ledger.money_left`.

    Args:
        cost_before: Cost of the day before the step, in units, `[A, P]`, updated.
        budgets: Budgets of the day, currency, `[A, P]`, infinite for none.
        book: Sums and budgets; the sums of the step become 0.
        step: Written to: the sums of `OUTCOMES`, `[A, 5, P]`.
        left: Written to: currency, `[A, P]`.
    """
    p, begin = cuda.grid(2)
    n_advertisers, n_policies = book.scale.shape
    if p < n_policies:
        for a in range(begin, n_advertisers, cuda.gridsize(2)[1]):
            cost = book.ledger[COST, a, p]
            for k in range(_N_OUTCOMES):
                if k == COST:
                    step[a, k, p] = (cost - cost_before[a, p]) / book.scale[a, p]
                else:
                    step[a, k, p] = book.ledger[k, a, p] / book.outcome_scale[k]
                    book.ledger[k, a, p] = 0
            cost_before[a, p] = cost
            amount = budgets[a, p]
            if amount < np.inf:
                amount = max(amount - cost / book.scale[a, p], 0.0)
                if cost >= book.ledger[SPENDABLE, a, p]:
                    amount = min(amount, times(budgets[a, p], EXHAUSTED_SHARE))
            left[a, p] = amount
