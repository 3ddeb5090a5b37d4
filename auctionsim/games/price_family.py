"""Simulate two Q-learners in auctions between first and second price (Banchio and Skrzypacz 2022, arXiv 2202.05947).

Both bidders value the object at 1 and choose one of 19 bids. The higher bid wins, ties at random; the winner pays
`(2 - a) x own bid + (a - 1) x rival's bid`: a = 1 is the first-price auction, a = 2 the second-price auction. A learner
observes its own payoff only: Q(bid) moves by `rate` towards payoff + discount x max Q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.arguments import finite_vector
from auctionsim.arithmetic.scalars import exp
from auctionsim.equilibria.finite_games import pure_equilibria, pure_exploitability
from auctionsim.equilibria.outcome import Equilibrium
from auctionsim.errors import InputError, shown
from auctionsim.games.compiled import compiled, inlined
from auctionsim.streams import stream

BIDS = np.arange(1, 20) / 20
"""The bids 0.05, 0.10, ... 0.95; the object is worth 1."""
NASH_REVENUE = 0.95
"""The highest static Nash revenue. In the first-price auction (0.90, 0.90) is a weak equilibrium too."""
COLLUSIVE_BELOW = 0.9 - 1e-9
"""Revenue below this is below every static Nash equilibrium of the first-price auction."""

_SETTLED = 1000


@dataclass(frozen=True)
class PriceFamily:
    """One period of the game: two bidders who value the object at 1, and a price between first and second."""

    a: float
    """Price rule: 1 plus the weight of the rival's bid in the price, from 1 (first price) to 2 (second price)."""

    @property
    def payoffs(self) -> NDArray[np.float64]:
        """Return the expected payoff of each bidder at each pair of bids, `[2, bids, bids]`; ties are won by half."""
        own, rival = BIDS[:, np.newaxis], BIDS[np.newaxis]
        wins = (own > rival) + 0.5 * (own == rival)
        first = wins * (1 - (2 - self.a) * own - (self.a - 1) * rival)
        return np.stack([first, first.T])

    def equilibria(self) -> NDArray[np.float64]:
        """Return the bids of all equilibria in pure strategies, `[equilibria, 2]`."""
        return np.asarray(BIDS[pure_equilibria(self.payoffs)])

    def equilibrium(self) -> Equilibrium:
        """Return the equilibrium in pure strategies with the highest revenue, the first of equal ones."""
        bids = self.equilibria()
        revenue = (2 - self.a) * bids.max(axis=1) + (self.a - 1) * bids.min(axis=1)
        # Rounding must not choose among equal revenues.
        best = bids[int(np.argmax(np.round(revenue, 9)))]
        one, two = np.searchsorted(BIDS, best - 1e-9)
        return Equilibrium(best, self.payoffs[:, one, two], self.exploitability(best))

    def exploitability(self, bids: NDArray[np.float64]) -> float:
        """Return the most that a bidder gains by another bid of the grid, >= 0.

        Args:
            bids: The bid of each bidder, of the grid `BIDS`, `[2]`.

        Raises:
            InputError: They are not two bids of the grid.
        """
        own = finite_vector("bids", bids, "one of the grid for each bidder")
        if len(own) != 2 or np.abs(own[:, np.newaxis] - BIDS).min(axis=1).max() > 1e-9:
            raise InputError(f"bids: expected two of {BIDS[0]:g}, {BIDS[1]:g}, ... {BIDS[-1]:g}, got {shown(bids)}")
        one, two = (int(k) for k in np.searchsorted(BIDS, own - 1e-9))
        return pure_exploitability(self.payoffs, (one, two))


@dataclass(frozen=True)
class Settings:
    """The learners' constants, as independent accounts of the paper report them; only its abstract was available."""

    rate: float = 0.05
    """Learning rate of Q, in (0, 1]."""
    discount: float = 0.99
    exploration: float = 0.025
    """Probability of a random bid in the first period; it falls as exp(-decay x period)."""
    decay: float = 0.0002
    periods: int = 1_000_000
    start_spread: float = 0.1
    """Q starts at 1 / (1 - discount), above any attainable value, times `start_level` + a uniform draw up to this, so that
    every bid is tried. With 0 all bids start equal, and the two learners go through them in step."""
    start_level: float = 1.0
    shares_ties: bool = False
    """True if equal bids share the object and its price; else one of them wins at random."""
    stop_when_settled: bool = False
    """True if learning stops as soon as the greedy bids have not changed for 1000 periods."""


@dataclass(frozen=True)
class Ending:
    """The result of a session: the greedy bids that it ended with."""

    revenue: float
    """The price that the two greedy bids lead to, in units of the object's value."""
    bids: tuple[float, float]
    has_settled: bool
    """True if the greedy bids did not change in the last 1000 periods."""

    @property
    def is_collusive(self) -> bool:
        """Return True if revenue is below every static Nash equilibrium."""
        return self.revenue < COLLUSIVE_BELOW


def simulate_session(a: float, seed: int, session: int, settings: Settings | None = None) -> Ending:
    """Simulate one session of learning.

    Args:
        a: The price rule: 1 plus the weight of the rival's bid in the price, from 1 (first price) to 2 (second price).
        seed: The seed of the study.
        session: The session's number, >= 0; sessions are independent of each other.
        settings: The learners' constants; the paper's if None.
    """
    settings = settings or Settings()
    rng = stream(seed, "price-family", round(a * 1000), session)
    q = (settings.start_level + settings.start_spread * rng.random((2, len(BIDS)))) / (1 - settings.discount)
    one, two, stable = _learn(
        rng, q, BIDS, a, settings.rate, settings.discount, settings.exploration, settings.decay, settings.periods,
        settings.shares_ties, _SETTLED if settings.stop_when_settled else settings.periods + 1,
    )  # fmt: skip
    bids = float(BIDS[one]), float(BIDS[two])
    revenue = (2 - a) * max(bids) + (a - 1) * min(bids)
    return Ending(revenue, bids, stable >= _SETTLED)


@compiled
def _learn(
    rng: np.random.Generator,
    q: NDArray[np.float64],
    bids: NDArray[np.float64],
    a: float,
    rate: float,
    discount: float,
    exploration: float,
    decay: float,
    periods: int,
    shares_ties: bool,
    settled_for: int,
) -> tuple[int, int, int]:
    """Learn in place on `q` `[2, bids]`; return the indices of the greedy bids and the periods since they last changed."""
    n_bids = len(bids)
    greedy = np.zeros(2, dtype=np.int64)
    runner_up = np.zeros(2)
    bid = np.zeros(2, dtype=np.int64)
    for i in range(2):
        greedy[i], runner_up[i] = _two_best(q[i])
    epsilon, shrink = exploration, exp(-decay)
    changed, period = 0, 0
    while period < periods and period - changed < settled_for:
        for i in range(2):
            bid[i] = greedy[i]
            if epsilon > 1e-12 and rng.random() < epsilon:
                bid[i] = int(rng.random() * n_bids)
        epsilon *= shrink
        winner = int(rng.random() < 0.5) if bid[0] == bid[1] else int(bid[1] > bid[0])
        price = (2 - a) * bids[bid[winner]] + (a - 1) * bids[bid[1 - winner]]
        for i in range(2):
            payoff = 1.0 - price if i == winner else 0.0
            if shares_ties and bid[0] == bid[1]:
                payoff = (1.0 - price) / 2
            k = bid[i]
            q[i, k] += rate * (payoff + discount * q[i, greedy[i]] - q[i, k])
            # The greedy bid stays greedy while it is above the second best, so most periods need no search: with Q of
            # (5, 3, 2), a greedy bid updated to 4 > 3 is still the best.
            if k != greedy[i] or q[i, k] <= runner_up[i]:
                best, runner_up[i] = _two_best(q[i])
                if best != greedy[i]:
                    greedy[i] = best
                    changed = period
        period += 1
    return greedy[0], greedy[1], period - changed


@inlined
def _two_best(values: NDArray[np.float64]) -> tuple[int, float]:
    """Return the index of the largest value, the first of equal ones, and the second largest value."""
    best, second = 0, -np.inf
    for k in range(1, len(values)):
        if values[k] > values[best]:
            second = values[best]
            best = k
        elif values[k] > second:
            second = values[k]
    return best, second
