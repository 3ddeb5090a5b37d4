"""Solve the logit-Bertrand duopoly of Calvano, Calzolari, Denicolo and Pastorello (AER 110(10), 2020).

Firm i sells `q_i = exp((quality - p_i) / mu) / (sum_j exp((quality - p_j) / mu) + exp(outside / mu))` at price p_i and cost c.
The competitive outcome is the static Nash equilibrium, the collusive one the largest joint profit. The profit gain Delta is 0
at the first and 1 at the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import finite_vector
from auctionsim.equilibria.best_replies import best_reply
from auctionsim.equilibria.outcome import Equilibrium
from auctionsim.errors import InputError, shown

Array = NDArray[np.float64]

LEAST_SHARE = 1e-300
"""Stands for the share of buyers who buy nothing where rounding leaves none of them."""


def checked_prices(prices: Any, firms: int) -> Array:
    """Return prices as an array, `[firms]`.

    Raises:
        InputError: There is not one finite number for each firm.
    """
    array = finite_vector("prices", prices, "one per firm")
    if len(array) != firms:
        raise InputError(f"prices: expected {firms} finite numbers, one per firm, got {shown(prices)}")
    return array


def largest_margin(firms: int, surplus: float, mu: float) -> float:
    """Return a margin over cost that no firm goes beyond, alone or jointly with the others.

    A joint margin m solves m = mu (1 + sum of exp((surplus of a firm - m) / mu)). The right side falls with m. At the largest
    surplus, or at 0 where none is above it, it is at most mu (1 + firms).

    Args:
        firms: The number of firms.
        surplus: The largest of quality less cost less the outside option's, over firms.
        mu: The degree of differentiation, > 0.
    """
    return max(surplus, 0.0) + mu * (1 + firms)


@dataclass(frozen=True)
class Duopoly:
    """The constants of the paper's representative experiment; prices and costs in units of the cost."""

    cost: float = 1.0
    quality: float = 2.0
    outside: float = 0.0
    mu: float = 0.25
    """Degree of differentiation, > 0: the smaller it is, the closer substitutes the two goods are."""
    n_prices: int = 15
    overhang: float = 0.1
    """The price grid reaches beyond the Nash and the monopoly price by this share of their difference."""

    def profit(self, own: Array | float, rival: Array | float) -> Array:
        """Return a firm's profit in one period at its own and its rival's price."""
        return (np.asarray(own) - self.cost) * self._demand(np.asarray(own), np.asarray(rival))

    @property
    def nash_price(self) -> float:
        """Return the price of the symmetric static Nash equilibrium."""
        return self._price(firms=1)

    @property
    def monopoly_price(self) -> float:
        """Return the common price with the largest joint profit."""
        return self._price(firms=2)

    def grid(self) -> Array:
        """Return the evenly spaced prices that firms choose from, `[n_prices]`."""
        nash, monopoly = self.nash_price, self.monopoly_price
        margin = self.overhang * (monopoly - nash)
        return np.linspace(nash - margin, monopoly + margin, self.n_prices)

    def profit_gain(self, profit: float) -> float:
        """Return Delta: 0 at the Nash profit, 1 at the monopoly profit (section I.E of the paper).

        Args:
            profit: The mean profit of the two firms in one period.
        """
        nash, monopoly = (float(self.profit(price, price)) for price in (self.nash_price, self.monopoly_price))
        return (profit - nash) / (monopoly - nash)

    def equilibrium(self) -> Equilibrium:
        """Return the static Nash equilibrium of one period: prices and profits of both firms."""
        prices = np.full(2, self.nash_price)
        profits = self.profit(prices, prices[::-1])
        return Equilibrium(prices, profits, self.exploitability(prices))

    def exploitability(self, prices: Array) -> float:
        """Return the most profit that a firm gains in one period by another price, >= 0.

        Args:
            prices: The price of each firm, `[2]`.

        Raises:
            InputError: They are not two finite numbers.
        """
        prices = checked_prices(prices, 2)
        gains = []
        for own, rival in ((prices[0], prices[1]), (prices[1], prices[0])):
            reply = best_reply(partial(self.profit, rival=rival), self.cost, self._highest)
            gains.append(reply[1] - float(self.profit(own, rival)))
        return max(0.0, *gains)

    @property
    def _highest(self) -> float:
        """Return a price that is above every best response and above the monopoly price."""
        return max(self.quality + 10 * self.mu, self.cost + largest_margin(2, self.quality - self.cost - self.outside, self.mu))

    def _price(self, firms: int) -> float:
        """Return the common price that an owner of `firms` firms does not want to change: 1 is Nash, 2 is monopoly.

        The first-order condition of logit demand is p - c = mu / (1 - firms x q(p, p)). Its left side minus its right side
        increases with p, so bisection finds the root.
        """
        low, high = self.cost, self._highest
        for _ in range(100):
            middle = (low + high) / 2
            demand = float(self._demand(np.asarray(middle), np.asarray(middle)))
            if middle - self.cost < self.mu / max(1 - firms * demand, LEAST_SHARE):
                low = middle
            else:
                high = middle
        return (low + high) / 2

    def _demand(self, own: Array, rival: Array) -> Array:
        pull, other = arithmetic.exp((self.quality - own) / self.mu), arithmetic.exp((self.quality - rival) / self.mu)
        return pull / (pull + other + arithmetic.exp(self.outside / self.mu))
