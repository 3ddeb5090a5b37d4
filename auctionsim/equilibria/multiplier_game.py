"""Let bidders choose pacing multipliers for themselves, from a grid: the game whose pure equilibria pacing equilibria are not.

Every bidder bids `multiplier x value` for every good. With utility as its goal it wants value less payments and must keep its
budget; with value as its goal it wants value and must keep its budget and spend no more than it gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import finite_vector, one_of
from auctionsim.equilibria.inputs import checked_budgets, checked_values
from auctionsim.errors import InputError

Array = NDArray[np.float64]

_TIED = 1e-12
"""Difference of payoffs below which two count as equal."""


@dataclass(frozen=True, eq=False)
class MultiplierGame:
    """Bidders with one multiplier each, for goods sold at the same time."""

    values: Array
    """Value of each good to each bidder, >= 0, `[bidders, goods]`."""
    budgets: Array
    """Budget of each bidder, > 0, `[bidders]`; infinity for none."""
    grid: Array
    """Multipliers to choose from, rising, `[multipliers]`."""
    pricing: Literal["first", "second"] = "first"
    goal: Literal["utility", "value"] = "utility"
    shares_ties: bool = True
    """True if equal highest bids share a good, False if the first of them wins it."""

    def __post_init__(self) -> None:
        """Check values, budgets, the grid and the words.

        Raises:
            InputError: One of them is of another shape or out of range.
        """
        values = checked_values("values", self.values)
        grid = finite_vector("grid", self.grid, "multipliers >= 0, rising")
        if (grid < 0).any() or (np.diff(grid) <= 0).any():
            raise InputError("grid: expected multipliers >= 0, rising, got others")
        one_of("pricing", self.pricing, ("first", "second"))
        one_of("goal", self.goal, ("utility", "value"))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "budgets", checked_budgets("budgets", self.budgets, len(values)))
        object.__setattr__(self, "grid", grid)

    def outcome(self, multipliers: Array) -> tuple[Array, Array]:
        """Return the share of each good that each bidder wins, `[bidders, goods]`, and the prices, `[goods]`."""
        bids = multipliers[:, np.newaxis] * self.values
        top = bids.max(axis=0)
        wins = (bids == top) & (bids > 0)
        if not self.shares_ties:
            wins &= np.arange(len(bids))[:, np.newaxis] == bids.argmax(axis=0)
        shares = wins / np.maximum(wins.sum(axis=0), 1)
        second = np.sort(bids, axis=0)[-2] if len(bids) > 1 else np.zeros(len(top))
        return shares, top if self.pricing == "first" else second

    def payoff(self, multipliers: Array, bidder: int) -> float:
        """Return what a bidder wants, in currency; -infinity where it breaks its constraints."""
        shares, prices = self.outcome(multipliers)
        paid = float(arithmetic.dot(shares[bidder], prices))
        won = float(arithmetic.dot(shares[bidder], self.values[bidder]))
        if paid > self.budgets[bidder] + _TIED or (self.goal == "value" and paid > won + _TIED):
            return -np.inf
        return won if self.goal == "value" else won - paid

    def payoffs(self, multipliers: Array, bidder: int) -> Array:
        """Return a bidder's payoff at every multiplier of the grid while the others keep theirs, `[multipliers]`."""
        profiles = np.repeat(multipliers[np.newaxis], len(self.grid), axis=0)
        profiles[:, bidder] = self.grid
        return np.array([self.payoff(profile, bidder) for profile in profiles])

    def best_multiplier(self, multipliers: Array, bidder: int) -> float:
        """Return a bidder's best multiplier of the grid, the highest of equally good ones."""
        payoffs = self.payoffs(multipliers, bidder)
        return float(self.grid[np.flatnonzero(payoffs >= payoffs.max() - _TIED)[-1]])

    def binding_multiplier(self, multipliers: Array, bidder: int) -> float:
        """Return the reply of a bidder that raises its bids until it spends what it gets.

        It keeps its multiplier if that keeps its constraints and it spends exactly what it gets; else it takes the highest
        multiplier of the grid that keeps them. So bids rise where money is left, whether or not that wins anything.
        """
        shares, prices = self.outcome(multipliers)
        paid = float(arithmetic.dot(shares[bidder], prices))
        won = float(arithmetic.dot(shares[bidder], self.values[bidder]))
        if abs(paid - won) <= _TIED and paid <= self.budgets[bidder] + _TIED:
            return float(multipliers[bidder])
        return float(self.grid[np.flatnonzero(np.isfinite(self.payoffs(multipliers, bidder)))[-1]])

    def exploitability(self, multipliers: Array) -> float:
        """Return the most that a bidder gains by another multiplier of the grid, >= 0; infinity if constraints are broken."""
        return max(
            float(self.payoffs(multipliers, bidder).max() - self.payoff(multipliers, bidder))
            for bidder in range(len(self.values))
        )
