"""Solve the game of `budgeted_pair` among bids of one multiplier each: an equilibrium on sampled days.

An agent chooses one multiplier for a whole day and bids the highest bid of the grid that is <= multiplier x value, as long as
it can pay it. The full game, in which bids depend on what is left, has no known solution; on a sample of days the game of
multipliers is a finite one, which is solved exactly (empirical game theory: Wellman, AAAI 2006). A learner's exploitability
within these strategies is a lower bound on its exploitability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.equilibria.finite_games import MixedProfile, mixed_equilibrium, mixed_profile, pure_equilibria
from auctionsim.games.budgeted_pair import BIDS, ROUNDS, SLOT_PRICE
from auctionsim.games.compiled import compiled
from auctionsim.streams import stream

Array = NDArray[np.float64]

MULTIPLIERS = np.array([0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0])
"""Multipliers to choose from: bids per unit of value."""


@dataclass(frozen=True)
class BudgetedPair:
    """One day of the game for two agents that bid by one multiplier each."""

    is_cooperative: bool = False
    """True if each agent wants the value that both win, False if the value it wins itself."""
    share: float = 0.5
    """Agent 0's share of the total budget, in (0, 1)."""
    budget_ratio: float = 1.0
    """The total budget is 100 / budget_ratio."""
    days: int = 200
    """Sampled days over which payoffs are means."""
    seed: int = 0
    """Seed of the days' values and ties."""

    @property
    def payoffs(self) -> Array:
        """Return the mean payoff of each agent at each pair of multipliers, `[2, multipliers, multipliers]`, in value a day."""
        rng = stream(self.seed, "budgeted-pair-equilibrium")
        values = rng.random((self.days, ROUNDS + 1, 2))
        values *= (ROUNDS + 1) / values.sum(axis=(1, 2), keepdims=True)
        ties = rng.random((self.days, ROUNDS))
        budgets = ROUNDS / self.budget_ratio * np.array([self.share, 1 - self.share])
        won = np.zeros((2, len(MULTIPLIERS), len(MULTIPLIERS)))
        _paced_days(values, ties, budgets, BIDS, MULTIPLIERS, won)
        won /= self.days
        return np.repeat(won.sum(axis=0, keepdims=True), 2, axis=0) if self.is_cooperative else won

    def equilibrium(self) -> MixedProfile:
        """Return an equilibrium of the sampled game: of those in pure strategies the one of most value, else a mixed one."""
        payoffs = self.payoffs
        pure = pure_equilibria(payoffs)
        if not len(pure):
            return mixed_equilibrium(payoffs)
        best = pure[int(np.argmax([payoffs[:, one, two].sum() for one, two in pure]))]
        one, two = (np.eye(len(MULTIPLIERS))[k] for k in best)
        return mixed_profile(payoffs, (one, two))

    def exploitability(self, strategies: tuple[Array, Array]) -> float:
        """Return the most value a day that an agent gains by one other multiplier on the sampled days, >= 0.

        Args:
            strategies: The probability of each multiplier of each agent.
        """
        return mixed_profile(self.payoffs, strategies).exploitability


@compiled
def _paced_days(values: Array, ties: Array, budgets: Array, bids: Array, multipliers: Array, won: Array) -> None:
    """Add up the value that each agent wins at each pair of multipliers.

    Args:
        values: The values, `[days, rounds + 1, 2]`; the last round's are not used.
        ties: Numbers in [0, 1) that decide ties, `[days, rounds]`.
        budgets: The daily budgets, `[2]`.
        bids: The bids to choose from, rising.
        multipliers: The multipliers, `[multipliers]`.
        won: The value won, `[2, multipliers, multipliers]`; added to.
    """
    left, bid = np.zeros(2), np.zeros(2)
    for one in range(len(multipliers)):
        for two in range(len(multipliers)):
            for day in range(values.shape[0]):
                left[0], left[1] = budgets[0], budgets[1]
                for t in range(ties.shape[1]):
                    for i in range(2):
                        wanted = values[day, t, i] * (multipliers[one] if i == 0 else multipliers[two])
                        k = 0
                        while k + 1 < len(bids) and bids[k + 1] <= wanted and bids[k + 1] <= left[i]:
                            k += 1
                        bid[i] = bids[k]
                    winner = int(ties[day, t] < 0.5) if bid[0] == bid[1] else int(bid[1] > bid[0])
                    if bid[winner] > SLOT_PRICE:
                        left[winner] = max(left[winner] - max(bid[1 - winner], SLOT_PRICE), 0.0)
                        won[winner, one, two] += values[day, t, winner]
