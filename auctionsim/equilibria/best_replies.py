"""Find the best of a range of strategies by a grid that narrows around the best so far."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FIRST, _LATER, _ZOOMS = 2001, 101, 6


def best_reply(payoff: Callable[[Array], Array], low: float, high: float) -> tuple[float, float]:
    """Return the best strategy in [low, high] and its payoff.

    The payoff has to have one peak between neighbors of the first grid, 2,001 points; later grids lie around the best point.

    Args:
        payoff: The payoff of each of several strategies, `[n]` to `[n]`.
        low: The lowest strategy.
        high: The highest strategy.
    """
    best, most = low, -np.inf
    left, right, points = low, high, _FIRST
    for _ in range(_ZOOMS):
        grid = np.linspace(left, right, points)
        payoffs = payoff(grid)
        k = int(payoffs.argmax())
        if payoffs[k] > most:
            best, most = float(grid[k]), float(payoffs[k])
        left, right, points = float(grid[max(k - 1, 0)]), float(grid[min(k + 1, len(grid) - 1)]), _LATER
    return best, most
