"""Let bidders learn by multiplicative weights in repeated first-price auctions of one object with whole bids.

Each bidder knows its own value and chooses among 0, 1, ... value - 1, with a probability that grows with what each bid would
have earned so far against the bids that the others made: `exp(rate x total payoff)`. Such learners are mean-based. With three
or more bidders of the highest value their bids converge to the value less 1, with two in the mean over time at least, with one
perhaps not (Deng, Hu, Lin and Zheng, WWW 2022, arXiv 2110.03906).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.arithmetic.scalars import exp
from auctionsim.equilibria.finite_games import pure_equilibria, pure_exploitability
from auctionsim.equilibria.outcome import Equilibrium
from auctionsim.games.compiled import compiled
from auctionsim.streams import stream

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class WholeBids:
    """First-price auction of one object whose values everybody knows; bids are whole numbers, ties are drawn."""

    values: tuple[int, ...]
    """Value of each bidder, whole numbers >= 1, highest first."""

    @property
    def payoffs(self) -> Array:
        """Return the expected payoff of each bidder at each profile of bids below its value, `[bidders, bids, ...]`."""
        bids = np.stack(np.meshgrid(*(np.arange(value) for value in self.values), indexing="ij"))
        wins = bids == bids.max(axis=0)
        margin = np.array(self.values).reshape(-1, *(1,) * len(self.values)) - bids
        return np.asarray(wins / wins.sum(axis=0) * margin)

    def equilibria(self) -> Whole:
        """Return the bids of all equilibria in pure strategies, `[equilibria, bidders]`."""
        return pure_equilibria(self.payoffs)

    def equilibrium(self) -> Equilibrium:
        """Return the equilibrium in pure strategies with the highest price, the first of equal ones."""
        found = self.equilibria()
        bids = found[int(found.max(axis=1).argmax())]
        return Equilibrium(bids.astype(np.float64), self.payoffs[(slice(None), *bids)], self.exploitability(bids))

    def exploitability(self, bids: Whole) -> float:
        """Return the most that a bidder gains in expectation by another bid below its value, >= 0.

        Args:
            bids: The bid of each bidder, whole numbers below its value, `[bidders]`.
        """
        return pure_exploitability(self.payoffs, tuple(int(bid) for bid in bids))


def learn(game: WholeBids, seed: int, rounds: int = 20_000, rate: float = 0.1) -> Whole:
    """Return the bids of every round, `[rounds, bidders]`.

    Args:
        game: The values.
        seed: The seed of bids and ties.
        rounds: The number of rounds.
        rate: The growth of a bid's weight per unit of payoff, > 0.
    """
    rng = stream(seed, "multiplicative-weights", *game.values)
    values = np.array(game.values, dtype=np.int64)
    bids = np.zeros((rounds, len(values)), dtype=np.int64)
    _learn(rng.random((rounds, len(values))), values, rate, np.zeros((len(values), int(values.max()))), bids)
    return bids


@compiled
def _learn(draws: Array, values: Whole, rate: float, totals: Array, bids: Whole) -> None:
    """Write the bids of every round.

    Args:
        draws: Numbers in [0, 1) that choose the bids, `[rounds, bidders]`.
        values: The values, `[bidders]`.
        rate: The growth of a bid's weight per unit of payoff.
        totals: The total payoff that each bid would have earned, `[bidders, bids]`; added to.
        bids: The bids, `[rounds, bidders]`; written to.
    """
    n = len(values)
    for t in range(bids.shape[0]):
        for i in range(n):
            most = totals[i, : values[i]].max()
            weight = 0.0
            for k in range(values[i]):
                weight += exp(rate * (totals[i, k] - most))
            left = draws[t, i] * weight
            chosen = 0
            for k in range(values[i]):
                if left >= 0.0:
                    chosen = k
                left -= exp(rate * (totals[i, k] - most))
            bids[t, i] = chosen
        for i in range(n):
            highest, equal = -1, 0
            for other in range(n):
                if other != i and bids[t, other] > highest:
                    highest, equal = bids[t, other], 1
                elif other != i and bids[t, other] == highest:
                    equal += 1
            for k in range(values[i]):
                if k > highest:
                    totals[i, k] += values[i] - k
                elif k == highest:
                    totals[i, k] += (values[i] - k) / (equal + 1)
