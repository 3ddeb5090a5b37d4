"""Let bidders pace budgets by gradients in repeated auctions, and measure liquid welfare against the best allocation.

Bidder i bids `value / (1 + multiplier)` and moves its multiplier by `rate x (spend - budget per round)`, never below 0. Whether
or not the multipliers converge, expected liquid welfare, each bidder's value counted up to its budget, is at least half of the
best of any allocation that knows all values, in every auction whose prices lie in the core: first price, second price, GSP
(Gaitonde, Li, Light, Lucier and Slivkins, ITCS 2023, arXiv 2205.08674).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.equilibria.liquid_welfare import best_liquid_welfare
from auctionsim.games.compiled import compiled
from auctionsim.streams import stream

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PacedRounds:
    """Repeated auctions of slots between bidders who pace their budgets."""

    values: Array
    """Value per click of each bidder in each round, >= 0, `[rounds, bidders]`."""
    budgets: Array
    """Budget of each bidder for all rounds, > 0, `[bidders]`."""
    slot_effect: Array
    """Click rate of each slot, falling, `[slots]`."""
    is_first_price: bool = False
    """True if a click costs the own bid, False if it costs the bid below (GSP)."""

    def liquid_welfare(self, rate: float) -> float:
        """Return the sum of each bidder's value up to its budget, once everybody has paced through all rounds.

        Args:
            rate: The step of the gradients, > 0, in multipliers per unit of spend.
        """
        won = np.zeros(len(self.budgets))
        _pace(self.values, self.budgets, self.slot_effect, self.is_first_price, rate, won)
        return float(np.minimum(won, self.budgets).sum())

    @property
    def best(self) -> float:
        """Return the largest liquid welfare of any allocation of all slots of all rounds."""
        slots = np.repeat(self.slot_effect[np.newaxis], len(self.values), axis=0)
        return best_liquid_welfare(self.values, self.budgets, slots)


def random_rounds(seed: int, *, n_slots: int = 1, is_first_price: bool = False, rounds: int = 500) -> PacedRounds:
    """Draw a market with correlated values: each round's common level times each bidder's own.

    Args:
        seed: The market's seed.
        n_slots: The number of slots; each has 0.6 of the clicks of the one above.
        is_first_price: True for first prices, False for GSP, which is second price with one slot.
        rounds: The number of rounds.
    """
    rng = stream(seed, "gradient-pacing", n_slots, int(is_first_price))
    n = int(rng.integers(2, 7))
    common, own = rng.random((rounds, 1)), rng.random((rounds, n)) * rng.random(n)
    mix = rng.random()
    values = (mix * common + (1 - mix)) * own
    effect = np.cumprod(np.concatenate([[1.0], np.full(n_slots - 1, 0.6)]))
    budgets = values.sum(axis=0) * (0.02 + 0.6 * rng.random(n))
    return PacedRounds(values, budgets, effect, is_first_price)


@compiled
def _pace(values: Array, budgets: Array, slot_effect: Array, is_first_price: bool, rate: float, won: Array) -> None:
    """Add up the value that each bidder wins, `[bidders]`, while all pace; nobody bids more than it has left."""
    rounds, n = values.shape
    multiplier, left, bid, spend = np.zeros(n), budgets.copy(), np.zeros(n), np.zeros(n)
    for t in range(rounds):
        for i in range(n):
            bid[i] = min(values[t, i] / (1.0 + multiplier[i]), left[i])
            spend[i] = 0.0
        order = np.argsort(-bid)
        for s in range(min(len(slot_effect), n)):
            i = order[s]
            below = bid[order[s + 1]] if s + 1 < n else 0.0
            price = bid[i] if is_first_price else below
            if bid[i] > 0.0:
                spend[i] = price * slot_effect[s]
                won[i] += values[t, i] * slot_effect[s]
        for i in range(n):
            left[i] -= spend[i]
            multiplier[i] = max(0.0, multiplier[i] + rate * (spend[i] - budgets[i] / rounds))
