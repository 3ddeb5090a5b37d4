"""Two Q-learners in auctions between first and second price (Banchio and Skrzypacz 2022, arXiv 2202.05947).

Both bidders value the object at 1 and bid one of 19 bids. The higher bid wins, ties by lot; the winner pays
`(2 - a) x own bid + (a - 1) x rival's bid`: a = 1 is the first-price auction, a = 2 the second-price auction. The learners
see nothing but their own payoff: Q(bid) moves by `rate` towards payoff + discount x max Q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.games.compiled import compiled, inlined
from auctionsim.streams import stream

BIDS = np.arange(1, 20) / 20
"""0.05, 0.10, ... 0.95; the object is worth 1."""
NASH_REVENUE = 0.95
"""Highest static Nash revenue. In the first-price auction (0.90, 0.90) is a weak equilibrium too."""
COLLUSIVE_BELOW = 0.9 - 1e-9
"""Revenue below every static Nash equilibrium of the first-price auction."""

_SETTLED = 1000


@dataclass(frozen=True)
class Settings:
    """Figures of the paper, second-hand: of the paper itself only the abstract was at hand."""

    rate: float = 0.05
    discount: float = 0.99
    exploration: float = 0.025
    """Chance of a random bid in the first period; it falls as exp(-decay x period)."""
    decay: float = 0.0002
    periods: int = 1_000_000
    start_spread: float = 0.1
    """Q starts at 1 / (1 - discount), above any attainable value, times 1 + a uniform draw up to this: every bid is tried.
    With 0 all bids start alike, and the two learners sweep through them in step."""


@dataclass(frozen=True)
class Ending:
    """How a session ended."""

    revenue: float
    """Price that the two greedy bids bring."""
    bids: tuple[float, float]
    has_settled: bool
    """Whether the greedy bids of the last 1000 periods are the same."""

    @property
    def is_collusive(self) -> bool:
        """Whether revenue is below every static Nash equilibrium."""
        return self.revenue < COLLUSIVE_BELOW


def play(a: float, seed: int, session: int, settings: Settings | None = None) -> Ending:
    """One session.

    Args:
        a: Weight of the rival's bid in the price plus 1, from 1 to 2.
        seed: Of the study.
        session: Its number; sessions are independent of each other.
        settings: The learners' figures; the paper's where None.
    """
    settings = settings or Settings()
    rng = stream(seed, "price-family", round(a * 1000), session)
    q = (1 + settings.start_spread * rng.random((2, len(BIDS)))) / (1 - settings.discount)
    one, two, changed = _learn(
        rng, q, BIDS, a, settings.rate, settings.discount, settings.exploration, settings.decay, settings.periods
    )
    bids = float(BIDS[one]), float(BIDS[two])
    revenue = (2 - a) * max(bids) + (a - 1) * min(bids)
    return Ending(revenue, bids, settings.periods - changed >= _SETTLED)


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
) -> tuple[int, int, int]:
    """Learn on `q`, `[2, bids]`, written to. Returns the greedy bids' indices and the period they last changed in."""
    n_bids = len(bids)
    greedy = np.zeros(2, dtype=np.int64)
    runner_up = np.zeros(2)
    bid = np.zeros(2, dtype=np.int64)
    for i in range(2):
        greedy[i], runner_up[i] = _two_best(q[i])
    epsilon, shrink = exploration, np.exp(-decay)
    changed = 0
    for period in range(periods):
        for i in range(2):
            bid[i] = greedy[i]
            if epsilon > 1e-12 and rng.random() < epsilon:
                bid[i] = int(rng.random() * n_bids)
        epsilon *= shrink
        winner = int(rng.random() < 0.5) if bid[0] == bid[1] else int(bid[1] > bid[0])
        price = (2 - a) * bids[bid[winner]] + (a - 1) * bids[bid[1 - winner]]
        for i in range(2):
            payoff = 1.0 - price if i == winner else 0.0
            k = bid[i]
            q[i, k] += rate * (payoff + discount * q[i, greedy[i]] - q[i, k])
            # The greedy bid stays greedy while it is above the second best: no need to look at all bids.
            if k != greedy[i] or q[i, k] <= runner_up[i]:
                best, runner_up[i] = _two_best(q[i])
                if best != greedy[i]:
                    greedy[i] = best
                    changed = period
    return greedy[0], greedy[1], changed


@inlined
def _two_best(values: NDArray[np.float64]) -> tuple[int, float]:
    """Index of the largest value, and the second largest value; of equal ones the first."""
    best, second = 0, -np.inf
    for k in range(1, len(values)):
        if values[k] > values[best]:
            second = values[best]
            best = k
        elif values[k] > second:
            second = values[k]
    return best, second
