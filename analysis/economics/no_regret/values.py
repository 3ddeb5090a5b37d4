"""Infer values from bids: the values under which a bidder's regret is no larger than some epsilon.

A bidder that does not regret its bids much reveals its value without being in equilibrium (Nekipelov, Syrgkanis and Tardos, EC
2015). Had it always bid b, it would have had dP(b) more clicks per auction at dC(b) more cost. With regret <= epsilon per
auction a value v satisfies `v dP(b) <= dC(b) + epsilon` for every b. Each b bounds v from above or from below, so that the
values are an interval. The smallest epsilon with any value at all is the least regret that the log is consistent with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim.arguments.arrays import finite_vector, number_between
from auctionsim.errors import InputError, unknown

Array = NDArray[np.float64]

_NOTHING = 1e-12
"""Change of the click rate that counts as none."""


@dataclass(frozen=True, eq=False)
class Alternatives:
    """What fixed bids would have changed, against the bids of a log; means per auction."""

    bids: Array
    """Fixed bids, rising, `[bids]`."""
    clicks: Array
    """Change of the clicks per auction, `[bids]`."""
    cost: Array
    """Change of the cost per auction, `[bids]`, in currency."""


@dataclass(frozen=True)
class ConsistentValues:
    """The values that are consistent with a bound on regret."""

    low: float
    """Smallest value, >= 0."""
    high: float
    """Largest value; infinity if no alternative bounds it."""
    epsilon: float
    """Bound on regret, in currency per auction."""
    is_empty: bool
    """True if no value is consistent: whoever bid like this had more regret, whatever its value."""


def alternatives_of(
    bids: Any, rivals: Any, fixed: Any, pricing: Literal["first", "second"] = "second", reserve: float = 0.0
) -> Alternatives:
    """Return what fixed bids would have changed in a log of auctions of one slot.

    Args:
        bids: The bidder's bid in each auction, >= 0, `[auctions]`.
        rivals: The highest rival bid in each auction, >= 0, `[auctions]`; ties are won by half.
        fixed: The fixed bids to compare with, `[bids]`.
        pricing: `first` or `second` price.
        reserve: The lowest price, >= 0.

    Raises:
        InputError: An argument is of another shape or kind.
    """
    own, rival = (finite_vector(name, given, "one per auction") for name, given in (("bids", bids), ("rivals", rivals)))
    tried = np.sort(finite_vector("fixed", fixed, "one per alternative"))
    if own.shape != rival.shape:
        raise InputError(f"rivals: expected {len(own)} bids, one per auction, got {len(rival)}")
    if pricing not in ("first", "second"):
        raise unknown("pricing", pricing, ("first", "second"), what="unknown pricing")
    reserve = number_between("reserve", reserve, 0)

    def result(bid: Array) -> tuple[float, float]:
        share = np.where(bid < reserve, 0.0, (bid > rival) + 0.5 * (bid == rival))
        price = bid if pricing == "first" else np.maximum(rival, reserve)
        return float(share.mean()), float((share * price).mean())

    now = result(own)
    changed = np.array([result(np.full(len(own), bid)) for bid in tried]) - np.array(now)
    return Alternatives(tried, changed[:, 0], changed[:, 1])


def consistent_values(alternatives: Alternatives, epsilon: float) -> ConsistentValues:
    """Return the values under which no alternative would have gained more than epsilon per auction.

    Args:
        alternatives: The changes that fixed bids would have made.
        epsilon: The bound on regret, >= 0, in currency per auction.
    """
    epsilon = number_between("epsilon", epsilon, 0)
    limit = alternatives.cost + epsilon
    more, fewer = alternatives.clicks > _NOTHING, alternatives.clicks < -_NOTHING
    high = float((limit[more] / alternatives.clicks[more]).min()) if more.any() else np.inf
    low = max(0.0, float((limit[fewer] / alternatives.clicks[fewer]).max())) if fewer.any() else 0.0
    # An alternative with the same clicks that is cheaper by more than epsilon is better whatever the value.
    same = ~(more | fewer)
    is_empty = low > high or bool((limit[same] < 0).any())
    return ConsistentValues(low, high, epsilon, is_empty)


def least_regret(alternatives: Alternatives) -> ConsistentValues:
    """Return the smallest epsilon with which any value is consistent, to 1e-9 of the largest cost, and its values.

    The values that are consistent grow with epsilon, so bisection finds it.
    """
    high = float(np.abs(alternatives.cost).max()) + _NOTHING
    step = high * 1e-9
    low = 0.0
    if not consistent_values(alternatives, 0.0).is_empty:
        return consistent_values(alternatives, 0.0)
    while consistent_values(alternatives, high).is_empty:
        low, high = high, 2 * high
    while high - low > step:
        middle = (low + high) / 2
        low, high = (middle, high) if consistent_values(alternatives, middle).is_empty else (low, middle)
    return consistent_values(alternatives, high)


def regret_at(alternatives: Alternatives, value: float) -> float:
    """Return the regret per auction of a bidder with a value, >= 0, in currency: the most that an alternative gains.

    Args:
        alternatives: The changes that fixed bids would have made.
        value: The value of a click, >= 0.
    """
    return max(0.0, float((value * alternatives.clicks - alternatives.cost).max()))
