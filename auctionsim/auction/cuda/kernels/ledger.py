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
from auctionsim.auction.cuda.kernels.device import device_function, kernel, plus, times
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


@kernel
def choose_units(scales: Any, budgets: Any, cost_before: Any, book: Book) -> None:
    """Choose the unit of every account's charges, as `kernel.ledger.choose_units`, and who has no budget left.

    `scales`, `budgets` and `cost_before`, which is written to, are `[A, P]`.
    """
    p, begin = cuda.grid(2)
    n_advertisers, n_policies = scales.shape
    if p < n_policies:
        for a in range(begin, n_advertisers, cuda.gridsize(2)[1]):
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


@kernel
def write_bids(coefficients: Any, book: Book, bids: DeviceBids) -> None:
    """Write coefficients `[A, 4, P]` in the orders in which they are read."""
    p, begin = cuda.grid(2)
    n_advertisers, n_policies = book.scale.shape
    if p < n_policies:
        for a in range(begin, n_advertisers, cuda.gridsize(2)[1]):
            for f in range(N_FEATURES):
                bids.theta[a, p, f] = coefficients[a, f, p]
            n_lanes = count_lanes(n_policies)
            n_features = bids.theta_f32.shape[0] // (n_advertisers * n_lanes)
            for f in range(n_features):
                value = coefficients[a, bids.first_feature + f, p]
                is_screened = book.ledger[IS_OUT, a, p] == 0 and bids.is_in_range[p] != 0
                single = np.float32(value) if is_screened else np.float32(np.nan)
                bids.theta_f32[(a * n_features + f) * n_lanes + p] = single


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
def collect_step(cost_before: Any, book: Book, step: Any, cumulative: Any) -> None:
    """Move the sums of a step out of the accounts, to `step` `[A, 5, P]`, and add them to `cumulative`."""
    p, begin = cuda.grid(2)
    n_advertisers, n_policies = book.scale.shape
    if p < n_policies:
        for a in range(begin, n_advertisers, cuda.gridsize(2)[1]):
            for k in range(_N_OUTCOMES):
                if k == COST:
                    amount = (book.ledger[COST, a, p] - cost_before[a, p]) / book.scale[a, p]
                    cost_before[a, p] = book.ledger[COST, a, p]
                else:
                    amount = book.ledger[k, a, p] / book.outcome_scale[k]
                    book.ledger[k, a, p] = 0
                step[a, k, p] = amount
                cumulative[a, k, p] = plus(cumulative[a, k, p], amount)
