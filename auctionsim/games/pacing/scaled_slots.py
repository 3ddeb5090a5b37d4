"""Let value-maximizers scale all their bids until they spend what they get, in auctions of several slots at three prices.

Each of them bids `scale x value` for every query, with one scale >= 1, and raises it while it gets more than it spends. With
first prices it stays at 1. Revenue falls from first price over GSP to VCG (survey of Aggarwal et al., arXiv 2408.07685).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.streams import stream

Array = NDArray[np.float64]

PRICINGS = ("first", "gsp", "vcg")
_STEP, _LARGEST = 0.1, 100.0


def random_queries(seed: int, bidders: int = 5, queries: int = 200) -> Array:
    """Draw lognormal values per click, `[queries, bidders]`."""
    return np.asarray(arithmetic.exp(arithmetic.normal(stream(seed, "scaled-slots"), (queries, bidders))))


def settled_revenue(values: Array, slot_effect: Array, pricing: str, rounds: int = 200) -> tuple[float, float]:
    """Return revenue and welfare once scales have settled: means over the last quarter of the rounds.

    Args:
        values: The value per click of each query to each bidder, >= 0, `[queries, bidders]`, with more bidders than slots.
        slot_effect: The click rate of each slot, falling, `[slots]`.
        pricing: One of `PRICINGS`, price per click.
        rounds: The number of rounds.
    """
    scale, seen = np.ones(values.shape[1]), []
    slots = len(slot_effect)
    steps = np.append(slot_effect[:-1] - slot_effect[1:], slot_effect[-1])
    for _ in range(rounds):
        bids = scale * values
        order = np.argsort(-bids, axis=1, kind="stable")[:, : slots + 1]
        top = np.take_along_axis(bids, order, axis=1)
        if pricing == "first":
            pays = top[:, :slots] * slot_effect
        elif pricing == "gsp":
            pays = top[:, 1:] * slot_effect
        else:
            # What the others lose: each slot below, and the first place without one, moves down by a step.
            pays = np.cumsum((top[:, 1:] * steps)[:, ::-1], axis=1)[:, ::-1]
        gets = np.take_along_axis(values, order[:, :slots], axis=1) * slot_effect
        won, paid = (np.bincount(order[:, :slots].ravel(), array.ravel(), minlength=len(scale)) for array in (gets, pays))
        seen.append((float(paid.sum()), float(won.sum())))
        slack = (won - paid) / np.maximum(won, 1e-12)
        scale = np.clip(scale * np.asarray(arithmetic.exp(_STEP * slack)), 1.0, _LARGEST)
    revenue, welfare = np.mean(seen[-rounds // 4 :], axis=0)
    return float(revenue), float(welfare)
