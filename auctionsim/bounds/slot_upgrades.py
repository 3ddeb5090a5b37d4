"""Bound what one advertiser can win in slots of different price: a multiple-choice knapsack, filled by upgrades.

An opportunity has slots with an exposure each and a cost per exposure, of which at most one is bought. Going from a slot to a
better one brings more value for more money; the value per unit of money of that step is the upgrade's efficiency. Taking
upgrades by falling efficiency until the budget ends, the last in part, solves the program's relaxation, so no policy wins more
(Sinha and Zoltners 1979; the oracles of Chiappa et al., arXiv 2412.11434).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def slot_efficiencies(values: Array, exposures: Array, costs: Array) -> Array:
    """Return the value per unit of money of buying each slot alone, `[opportunities, slots]`.

    Args:
        values: The value of an exposure, `[opportunities]`.
        exposures: The exposure of each slot, > 0, `[slots]`.
        costs: The cost of an exposure in each slot, > 0, `[opportunities, slots]`.
    """
    return np.asarray(values[:, np.newaxis] * exposures / (costs * exposures))


def upgrade_efficiencies(values: Array, exposures: Array, costs: Array) -> Array:
    """Return the value per unit of money of moving from each slot to the one above, `[opportunities, slots - 1]`.

    Args:
        values: The value of an exposure, `[opportunities]`.
        exposures: The exposure of each slot, falling, `[slots]`.
        costs: The cost of an exposure in each slot, `[opportunities, slots]`.
    """
    gained = values[:, np.newaxis] * (exposures[:-1] - exposures[1:])
    paid = costs * exposures
    return np.asarray(gained / (paid[:, :-1] - paid[:, 1:]))


def knapsack_ceiling(values: Array, exposures: Array, costs: Array, budget: float) -> float:
    """Return the most value that a budget buys if the last upgrade may be bought in part: no policy wins more.

    Args:
        values: The value of an exposure, >= 0, `[opportunities]`.
        exposures: The exposure of each slot, falling, `[slots]`.
        costs: The cost of an exposure in each slot, >= 0, `[opportunities, slots]`.
        budget: The budget, >= 0.
    """
    steps = []
    for value, cost in zip(values, costs, strict=True):
        steps += _upgrades(cost * exposures, value * exposures)
    total, left = 0.0, budget
    for paid, gained in sorted(steps, key=lambda step: step[1] / step[0] if step[0] > 0 else np.inf, reverse=True):
        share = min(1.0, left / paid) if paid > 0 else 1.0
        total, left = total + share * gained, left - share * paid
        if share < 1:
            break
    return total


def _upgrades(paid: Array, gained: Array) -> list[tuple[float, float]]:
    """Return the steps of the upper hull from nothing through slots, cheapest first: money and value of each."""
    hull = [(0.0, 0.0)]
    for k in np.argsort(paid, kind="stable"):
        point = float(paid[k]), float(gained[k])
        if point[1] <= hull[-1][1]:
            continue
        # A slot below the line from the one before to this one is never worth stopping at.
        while len(hull) > 1 and _is_below(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(hull)]


def _is_below(before: tuple[float, float], middle: tuple[float, float], after: tuple[float, float]) -> bool:
    rise = (middle[1] - before[1]) * (after[0] - before[0])
    return rise <= (after[1] - before[1]) * (middle[0] - before[0])
