"""Let bidders pace budgets that are refilled after every episode, by a dual multiplier or a proportional-integral controller.

Each bidder has a level of value drawn once, uniform in [0.5, 1.5]; in each round its value is lognormal with that level and
deviation sigma. Its budget of an episode is a share of its expected value of all rounds. One object is sold in each round, at
first or second price with a reserve, and nobody bids more than is left of its budget. Multipliers are carried over to the next
episode. The design is that of the pacing experiments of Rawat (arXiv 2306.09437, 2026), restated from the text:

- `dual`: mu begins at 1 and moves by `mu exp((payment - budget / rounds) / sqrt(rounds))` after every round. Value maximizers
  bid `value / mu`, utility maximizers `value / (1 + mu)`.
- `pi`: the bid is `lambda value`. After every round `lambda` moves by `gain (0.3 e + 0.05 sum of e)` within [0.01, 1.5]. Here e
  is what an even pace would have spent by then, less what was spent; the sum begins anew with each episode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arithmetic.scalars import exp
from auctionsim.equilibria.liquid_welfare import best_liquid_welfare
from auctionsim.games.compiled import compiled
from auctionsim.streams import stream

Array = NDArray[np.float64]
Rule = Literal["dual, value", "dual, utility", "pi"]
_RULES: tuple[Rule, ...] = ("dual, value", "dual, utility", "pi")

EPISODES, ROUNDS = 100, 1000
FIRST_EPISODES = 10
"""Episodes at the beginning that means leave out."""
_MU_LOW, _MU_HIGH = 1e-4, 100.0
_LAMBDA_LOW, _LAMBDA_HIGH = 0.01, 1.5
_PROPORTIONAL, _INTEGRAL = 0.3, 0.05


@dataclass(frozen=True, eq=False)
class RefilledBudgets:
    """Values of all rounds, and budgets that are refilled after every episode."""

    values: Array
    """Value of each bidder in each round, > 0, `[episodes, rounds, bidders]`."""
    budgets: Array
    """Budget of each bidder for an episode, > 0, `[bidders]`."""

    def play(self, rule: Rule, *, is_first_price: bool, reserve: float = 0.0, gain: float = 1.0) -> Episodes:
        """Let all bidders pace by one rule through all episodes.

        Args:
            rule: The rule, as the module describes it.
            is_first_price: True for first prices, False for second prices.
            reserve: The lowest bid that takes part and the lowest price, >= 0, in value.
            gain: The factor on the controller's gains, > 0; of no effect on `dual`.
        """
        episodes, _, n = self.values.shape
        won, paid = np.zeros((episodes, n)), np.zeros((episodes, n))
        _play(self.values, self.budgets, _RULES.index(rule), is_first_price, reserve, gain, won, paid)
        return Episodes(self, won, paid)


@dataclass(frozen=True, eq=False)
class Episodes:
    """What bidders won and paid in each episode."""

    market: RefilledBudgets
    won: Array
    """Value won, `[episodes, bidders]`."""
    paid: Array
    """Payments, `[episodes, bidders]`."""

    @property
    def revenue(self) -> float:
        """Return the revenue of an episode, a mean over all but the first ones."""
        return float(self.paid[FIRST_EPISODES:].sum(axis=1).mean())

    @property
    def last_welfare_loss(self) -> float:
        """Return the best liquid welfare of the last episode over that of the bids, >= 1 but for rounding.

        The best divides rounds among bidders as a linear program would, knowing all values. Infinity where nothing was sold.
        """
        best = best_liquid_welfare(self.market.values[-1], self.market.budgets)
        welfare = float(np.minimum(self.won[-1], self.market.budgets).sum())
        return best / welfare if welfare > 0 else float(np.inf)


def draw_market(
    seed: int,
    key: tuple[int, ...],
    *,
    bidders: int,
    budget: float,
    sigma: float,
    episodes: int = EPISODES,
    rounds: int = ROUNDS,
) -> RefilledBudgets:
    """Draw the levels of value and all values of one market.

    Args:
        seed: The seed.
        key: Numbers that tell the markets of one seed apart.
        bidders: The number of bidders.
        budget: The budget of an episode, as a share of the expected value of all its rounds.
        sigma: The deviation of the logarithm of values, > 0.
        episodes: The number of episodes; more than `FIRST_EPISODES`, so that a mean is defined.
        rounds: The rounds of an episode.
    """
    rng = stream(seed, "refilled-budgets", *key)
    level = 0.5 + rng.random(bidders)
    values = np.asarray(arithmetic.exp(level + sigma * arithmetic.normal(rng, (episodes, rounds, bidders))))
    return RefilledBudgets(values, budget * rounds * np.asarray(arithmetic.exp(level + sigma * sigma / 2)))


@compiled
def _play(
    values: Array, budgets: Array, rule: int, is_first_price: bool, reserve: float, gain: float, won: Array, paid: Array
) -> None:
    """Write value won and payments of each episode, `[episodes, bidders]` both."""
    episodes, rounds, n = values.shape
    rate = 1.0 / np.sqrt(rounds)
    factor, error_sum = np.ones(n), np.zeros(n)
    for e in range(episodes):
        error_sum[:] = 0.0
        for t in range(rounds):
            winner, highest, second = -1, 0.0, reserve
            for i in range(n):
                value = values[e, t, i]
                scaled = value / factor[i] if rule == 0 else value / (1.0 + factor[i]) if rule == 1 else value * factor[i]
                bid = min(scaled, max(budgets[i] - paid[e, i], 0.0))
                if bid < reserve or bid <= 0.0:
                    continue
                if bid > highest:
                    winner, highest, second = i, bid, max(highest, reserve)
                else:
                    second = max(second, bid)
            price = highest if is_first_price else second
            if winner >= 0:
                won[e, winner] += values[e, t, winner]
                paid[e, winner] += price
            for i in range(n):
                if rule == 2:
                    error = (t + 1) / rounds * budgets[i] - paid[e, i]
                    error_sum[i] += error
                    moved = factor[i] + gain * (_PROPORTIONAL * error + _INTEGRAL * error_sum[i])
                    factor[i] = max(_LAMBDA_LOW, min(moved, _LAMBDA_HIGH))
                else:
                    cost = price if i == winner else 0.0
                    moved = factor[i] * exp(rate * (cost - budgets[i] / rounds))
                    factor[i] = max(_MU_LOW, min(moved, _MU_HIGH))
