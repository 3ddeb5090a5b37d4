"""Solve the logit-Bertrand oligopoly of Calvano, Calzolari, Denicolo and Pastorello (AER 110(10), 2020).

Firm i sells `q_i = exp((quality - p_i) / mu) / (sum_j exp((quality - p_j) / mu) + exp(outside / mu))` at price p_i and cost
c_i. The competitive outcome is the static Nash equilibrium, the collusive one the largest joint profit. There are two firms or
more, whose costs may be unequal; each has a price grid of its own, around its own two prices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.equilibria.best_replies import best_reply
from auctionsim.equilibria.outcome import Equilibrium
from auctionsim.games.duopoly import LEAST_SHARE, checked_prices, largest_margin

Array = NDArray[np.float64]

_ROUNDS = 100
"""Damped steps towards the Nash prices; 60 reach the last digit where firms are alike."""
_SETTLED = 1e-9
"""Distance from what the first-order conditions ask for, or between rounds of replies, from which on prices count as found."""
_MOST_REPLIES = 1000
"""Rounds of best replies."""


@dataclass(frozen=True)
class Oligopoly:
    """The constants of the paper's representative experiment; prices and costs in units of the first firm's cost."""

    costs: tuple[float, ...] = (1.0, 1.0)
    """Unit cost of each firm, two firms or more."""
    quality: float = 2.0
    outside: float = 0.0
    mu: float = 0.25
    """Degree of differentiation, > 0: the smaller it is, the closer substitutes the goods are."""
    n_prices: int = 15
    overhang: float = 0.1
    """The price grid reaches beyond the Nash and the monopoly price by this share of their difference."""

    def profits(self, prices: Array) -> Array:
        """Return each firm's profit in one period, `[..., firms]`, at prices of the same shape."""
        return (prices - self._cost) * self.demand(prices)

    def demand(self, prices: Array) -> Array:
        """Return the quantity that each firm sells, `[..., firms]`."""
        pull = arithmetic.exp((self.quality - prices) / self.mu)
        return np.asarray(pull / (pull.sum(axis=-1, keepdims=True) + arithmetic.exp(self.outside / self.mu)))

    @property
    def nash_prices(self) -> Array:
        """Return the prices of the static Nash equilibrium, `[firms]`: p_i - c_i = mu / (1 - q_i)."""
        prices = self._cost + self.mu
        for _ in range(_ROUNDS):
            prices = (prices + self._cost + self.mu / np.maximum(1 - self.demand(prices), LEAST_SHARE)) / 2
        missed = prices - self._cost - self.mu / np.maximum(1 - self.demand(prices), LEAST_SHARE)
        return np.asarray(prices) if np.abs(missed).max() < _SETTLED else self._replies_in_turn()

    def _replies_in_turn(self) -> Array:
        """Return the Nash prices where damped steps leap over them, as with close substitutes and unequal costs.

        A best reply rises with the others' prices, so that replies from the lowest prices rise towards the equilibrium.
        """
        prices = self._cost + self.mu
        for _ in range(_MOST_REPLIES):
            before = prices.copy()
            for firm, cost in enumerate(self.costs):
                low, high = self.mu, self._largest_margin
                for _ in range(100):
                    middle = (low + high) / 2
                    prices[firm] = cost + middle
                    is_low = middle < self.mu / max(1 - self.demand(prices)[firm], LEAST_SHARE)
                    low, high = (middle, high) if is_low else (low, middle)
            if np.abs(prices - before).max() < _SETTLED:
                break
        return prices

    @property
    def monopoly_prices(self) -> Array:
        """Return the prices of the largest joint profit, `[firms]`: p_i - c_i = mu / (1 - sum of q), the same margin for all.

        The left side minus the right side increases with the margin, so bisection finds it.
        """
        low, high = 0.0, max(self.quality + 10 * self.mu, self._largest_margin)
        for _ in range(100):
            middle = (low + high) / 2
            is_low = middle < self.mu / max(1 - self.demand(self._cost + middle).sum(), LEAST_SHARE)
            low, high = (middle, high) if is_low else (low, middle)
        return np.asarray(self._cost + (low + high) / 2)

    def grids(self) -> Array:
        """Return the evenly spaced prices that each firm chooses from, `[firms, n_prices]`."""
        nash, monopoly = self.nash_prices, self.monopoly_prices
        margin = self.overhang * (monopoly - nash)
        return np.linspace(nash - margin, monopoly + margin, self.n_prices, axis=1)

    def profit_gains(self, profits: Array) -> Array:
        """Return each firm's profit gain, `[firms]`: 0 at its Nash profit and 1 at its profit under joint maximization.

        Args:
            profits: The mean profit of each firm in one period, `[firms]`.
        """
        nash, monopoly = self.profits(self.nash_prices), self.profits(self.monopoly_prices)
        return np.asarray((profits - nash) / (monopoly - nash))

    def profit_gain(self, profits: Array) -> float:
        """Return Delta: 0 at the Nash profit and 1 at the monopoly profit of the firms' mean (section I.E of the paper)."""
        nash, monopoly = self.profits(self.nash_prices).mean(), self.profits(self.monopoly_prices).mean()
        return float((profits.mean() - nash) / (monopoly - nash))

    def equilibrium(self) -> Equilibrium:
        """Return the static Nash equilibrium of one period: prices and profits of all firms."""
        prices = self.nash_prices
        return Equilibrium(prices, self.profits(prices), self.exploitability(prices))

    def exploitability(self, prices: Array) -> float:
        """Return the most profit that a firm gains in one period by another price, >= 0.

        Args:
            prices: The price of each firm, `[firms]`.

        Raises:
            InputError: There is not one finite number for each firm.
        """
        prices = checked_prices(prices, len(self.costs))
        usual = self.profits(prices)
        gains = []
        for firm, cost in enumerate(self.costs):

            def profit(own: Array, firm: int = firm) -> Array:
                profiles = np.repeat(prices[np.newaxis], len(own), axis=0)
                profiles[:, firm] = own
                return np.asarray(self.profits(profiles)[:, firm])

            highest = max(self.quality + 10 * self.mu, cost + self._largest_margin)
            gains.append(best_reply(profit, cost, highest)[1] - float(usual[firm]))
        return max(0.0, *gains)

    @property
    def _largest_margin(self) -> float:
        return largest_margin(len(self.costs), self.quality - min(self.costs) - self.outside, self.mu)

    @property
    def _cost(self) -> Array:
        return np.array(self.costs)
