"""Solve first-price throttling equilibria: everybody bids its values, and takes part in auctions by chance to keep a budget.

In a throttling equilibrium every bidder spends no more than its budget in expectation, and takes part always unless it
spends all of it. Under first prices it exists and is unique, and its liquid welfare is at least half of the best (Chen, Kroer
and Kumar, Throttling Equilibria in Auction Markets, arXiv 2107.10923). More participation of others only makes goods cheaper,
so replies rise with what they answer. Iterating from below and from above then encloses the equilibrium: the distance of the
two ends is a proof of the precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.equilibria.inputs import checked_market

Array = NDArray[np.float64]

_ROUNDS = 20_000
_NEAR = 1e-12
"""Distance of the two ends at which iteration stops."""


@dataclass(frozen=True, eq=False)
class Throttling:
    """A first-price throttling equilibrium."""

    participation: Array
    """Probability of taking part in an auction, in (0, 1], `[bidders]`."""
    spend: Array
    """Expected payment of each bidder, `[bidders]`, in currency."""
    won: Array
    """Expected value of what each bidder wins, `[bidders]`, in currency: its payments, since it bids its values."""
    gap: float
    """Largest distance of a probability from the equilibrium's, >= 0."""

    @property
    def revenue(self) -> float:
        """Return the sum of all expected payments, in currency."""
        return float(self.spend.sum())


def throttling_equilibrium(values: Any, budgets: Any) -> Throttling:
    """Return the throttling equilibrium of first-price auctions, one of each good, in which everybody bids its value.

    Args:
        values: The value of each good to each bidder, finite and >= 0, `[bidders, goods]`, in currency.
        budgets: The budget of each bidder, > 0, `[bidders]`, in currency; infinity for none.

    Raises:
        InputError: Values or budgets are of another shape or out of range.
    """
    values, budgets = checked_market(values, budgets)
    order = np.argsort(-values, axis=0, kind="stable")
    low, high = np.zeros(len(values)), np.ones(len(values))
    for _ in range(_ROUNDS):
        low, high = (participation_reply(values, budgets, end, order) for end in (low, high))
        if float((high - low).max()) <= _NEAR:
            break
    # The lower end spends no more than its budgets, whatever the distance.
    spend = low * expected_prices(values, low, order)
    return Throttling(low, spend, spend.copy(), max(0.0, float((high - low).max())))


def participation_reply(values: Array, budgets: Array, participation: Array, order: Any = None) -> Array:
    """Return the highest participation of each bidder that keeps its budget while the others' stays, in (0, 1], `[bidders]`."""
    full = expected_prices(values, participation, order)
    return np.where(full > budgets, budgets / np.maximum(full, 1e-300), 1.0)


def expected_prices(values: Array, participation: Array, order: Any = None) -> Array:
    """Return what each bidder would pay in expectation if it took part always, `[bidders]`, in currency.

    Args:
        values: The bids, `[bidders, goods]`.
        participation: The probability of taking part, `[bidders]`.
        order: The bidders of each good by falling bids, `[bidders, goods]`; found if None. Ties go to the first bidder.
    """
    order = np.argsort(-values, axis=0, kind="stable") if order is None else order
    absent = np.cumprod(1 - participation[order], axis=0)
    ahead = np.vstack([np.ones(values.shape[1]), absent[:-1]])
    chance = np.empty(values.shape)
    np.put_along_axis(chance, order, ahead, axis=0)
    return np.asarray(arithmetic.dot(values, chance))
