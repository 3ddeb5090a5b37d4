"""Bound what first prices earn from bidders without swap regret: the least revenue of all correlated equilibria.

If no bidder regrets its bids in time, with any rule that replaces each of its bids by another, the mean play is a correlated
equilibrium. With bids on a grid of 1/k and swap regret of at most epsilon, revenue is at least the second highest value less
terms of order 1/k and epsilon k^2 (Ipsen and Skoulakis, arXiv 2606.06085, the statement of its abstract).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

Array = NDArray[np.float64]


def least_revenue(values: tuple[float, float], k: int, epsilon: float = 0.0) -> float:
    """Return the least expected revenue of any joint play of two bidders whose swap regrets are at most epsilon.

    Args:
        values: The values of the two bidders, in (0, 1].
        k: The number of steps of the grid; bids are 0, 1/k, ... up to 1. Ties are shared.
        epsilon: The swap regret that each may have, >= 0, in value.
    """
    bids = np.arange(k + 1) / k
    own, other = np.meshgrid(bids, bids, indexing="ij")
    share = (own > other) + 0.5 * (own == other)
    n, rows, columns, entries, limits = k + 1, [], [], [], []
    joint = np.arange(n * n).reshape(n, n)
    first_row = 0
    for bidder, value in enumerate(values):
        # Payoff by own bid and other's bid; joint play by own bid and other's bid.
        payoff, play = share * (value - own), joint if bidder == 0 else joint.T
        regret = n * n + bidder * n + np.arange(n)
        for bid in range(n):
            gains = payoff - payoff[bid]
            row = first_row + np.repeat(np.arange(n), n)
            rows += [row, first_row + np.arange(n)]
            columns += [np.tile(play[bid], n), np.full(n, regret[bid])]
            entries += [gains.ravel(), -np.ones(n)]
            first_row += n
        limits += [np.zeros(n * n)]
        rows.append(np.full(n, first_row))
        columns.append(regret)
        entries.append(np.ones(n))
        limits.append(np.array([epsilon]))
        first_row += 1
    size = n * n + 2 * n
    table = coo_array((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(first_row, size))
    revenue = np.append(np.maximum(own, other).ravel(), np.zeros(2 * n))
    total = np.append(np.ones(n * n), np.zeros(2 * n))[np.newaxis]
    found = linprog(revenue, table.tocsr(), np.concatenate(limits), total, [1.0], bounds=(0, None), method="highs")
    return float(found.fun)
