"""What a step with coefficients on the device needs to know of them, and what is left of budgets, without asking the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from auctionsim.auction.budgets import EXHAUSTED_SHARE
from auctionsim.auction.cuda.kernels.arguments import SPENDABLE, Book
from auctionsim.auction.cuda.kernels.device import kernel, on_device, plus, times
from auctionsim.auction.kernel import ledger as cpu
from auctionsim.auction.kernel.arguments import N_FEATURES, ChargeBounds
from auctionsim.auction.kernel.rank import LEAST_COEFFICIENT, MOST_COEFFICIENT
from auctionsim.auction.outcome import COST

scale_of = on_device(cpu.scale_of)


@kernel
def write_scales(coefficients: Any, phi: Any, bounds: ChargeBounds, scales: Any, is_in_range: Any) -> None:
    """Write the units of charges that coefficients ask for, as `kernel.ledger.write_scales`, and who can be screened.

    A thread goes through all advertisers of a policy, since the highest and the second bid bound what the others pay.

    Args:
        coefficients: theta of the step, `[A, 4, P]`.
        phi: The day's largest bid features, `[4]`.
        bounds: Other bounds of a charge.
        scales: Written to: units of a unit of currency, `[A, P]`.
        is_in_range: Written to: see `DeviceBids.is_in_range`.
    """
    p = cuda.grid(1)
    n_advertisers, n_policies = scales.shape
    if p < n_policies:
        highest, second, n_out = 0.0, 0.0, 0
        for a in range(n_advertisers):
            bound = 0.0
            for f in range(N_FEATURES):
                theta = coefficients[a, f, p]
                if theta != 0.0 and not (LEAST_COEFFICIENT <= theta <= MOST_COEFFICIENT):
                    n_out += 1
                bound = plus(bound, times(abs(theta), phi[f]))
            bound = min(max(bound, bounds.bid_floor), bounds.bid_cap)
            scales[a, p] = bound
            second = highest if bound > highest else max(second, bound)
            highest = max(highest, bound)
        for a in range(n_advertisers):
            bound = scales[a, p]
            scales[a, p] = scale_of(bound, highest if bound < highest else second, bounds)
        is_in_range[p] = 1 if n_out == 0 else 0


@kernel
def write_money_left(budgets: Any, book: Book, left: Any) -> None:
    """Write what is left of every budget, currency `[A, P]`, as `kernel.ledger.money_left`."""
    p, begin = cuda.grid(2)
    n_advertisers, n_policies = left.shape
    if p < n_policies:
        for a in range(begin, n_advertisers, cuda.gridsize(2)[1]):
            amount = budgets[a, p]
            if amount < np.inf:
                cost = book.ledger[COST, a, p]
                amount = max(amount - cost / book.scale[a, p], 0.0)
                if cost >= book.ledger[SPENDABLE, a, p]:
                    amount = min(amount, budgets[a, p] * EXHAUSTED_SHARE)
            left[a, p] = amount
