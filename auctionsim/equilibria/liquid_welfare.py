"""Bound liquid welfare: the sum over bidders of what they win, each counted up to its budget."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

Array = NDArray[np.float64]


def best_liquid_welfare(values: Array, budgets: Array, slots: Array | None = None) -> float:
    """Return the largest liquid welfare of any allocation, randomized ones included, by a linear program.

    Args:
        values: The value of each bidder in each auction, >= 0, `[auctions, bidders]`.
        budgets: The budget of each bidder, > 0, `[bidders]`; infinity for none.
        slots: The click rate of each slot of each auction, falling, `[auctions, slots]`; one slot of 1 each if None. A bidder
            gets one slot of an auction.
    """
    rounds, n = values.shape
    slots = np.ones((rounds, 1)) if slots is None else slots
    k = slots.shape[1]
    # Variables: share of auction t's slot s that bidder i gets, [t, i, s], then the liquid value of each bidder.
    size = rounds * n * k
    index = np.arange(size)
    t, i, s = np.unravel_index(index, (rounds, n, k))
    gained = values[t, i] * slots[t, s]
    parts = [(t * k + s, index, np.ones(size)), (rounds * k + t * n + i, index, np.ones(size))]
    first = rounds * k + rounds * n
    parts += [(first + i, index, -gained), (first + np.arange(n), size + np.arange(n), np.ones(n))]
    row, column, entry = (np.concatenate([part[j] for part in parts]) for j in range(3))
    rows = coo_array((entry, (row, column)), shape=(first + n, size + n)).tocsr()
    costs = np.append(np.zeros(size), -np.ones(n))
    limits = np.append(np.ones(first), np.zeros(n))
    most = np.append(np.ones(size), np.where(np.isfinite(budgets), budgets, np.inf))
    found = linprog(costs, rows, limits, bounds=np.stack([np.zeros(size + n), most], axis=1), method="highs")
    return float(-found.fun)
