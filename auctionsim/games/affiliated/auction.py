"""Sell one object to the highest of a few bids on a grid, for bidders with affiliated values.

Each bidder has a signal in [0, 1] and values the object at `(1 - eta / 2)` of its own signal and `eta / 2` of the mean of the
others'. With eta = 0 values are private. Bids are those of a grid of eleven from 0 to 1; ties are broken by chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.games.compiled import compiled

Array = NDArray[np.float64]

BIDS = 11
"""Bids of the grid, and bins of signals."""
LAST = 1000
"""Rounds at the end over which revenue is a mean."""


@compiled
def sell(rng: np.random.Generator, bids: Array, reserve: float, is_first_price: bool) -> tuple[int, float]:
    """Return who wins, -1 for nobody, and at what price.

    Args:
        rng: The generator that breaks ties.
        bids: The bid of each bidder, `[bidders]`.
        reserve: The lowest bid that takes part, and the lowest price.
        is_first_price: True for first prices, False for second prices.
    """
    highest, second, ties = -1.0, reserve, 0
    for bid in bids:
        if bid < reserve:
            continue
        if bid > highest:
            if ties > 0:
                second = highest
            highest, ties = bid, 1
        elif bid == highest:
            second = bid
            ties += 1
        elif bid > second:
            second = bid
    if ties == 0:
        return -1, 0.0
    chosen = int(rng.random() * ties) if ties > 1 else 0
    winner = -1
    for i in range(len(bids)):
        if bids[i] == highest:
            if chosen == 0:
                winner = i
                break
            chosen -= 1
    return winner, highest if is_first_price else second


@compiled
def value_of(signals: Array, bidder: int, eta: float) -> float:
    """Return a bidder's value from all signals, `[bidders]`."""
    others = 0.0
    for j in range(len(signals)):
        others += signals[j] if j != bidder else 0.0
    return (1.0 - 0.5 * eta) * signals[bidder] + 0.5 * eta * others / (len(signals) - 1)
