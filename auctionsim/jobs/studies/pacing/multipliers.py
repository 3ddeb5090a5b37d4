"""Pace a budget and a return on spend (ROS) by two multipliers, coupled in three ways, in repeated second-price auctions.

The bid is the value times a factor of two multipliers, mu of the budget and lambda of the return on spend, which must be >= 1:

- `dual`: `(1 + lambda) / (lambda + mu)`, the optimal form;
- `min`: the smaller of `1 / mu` and `(1 + lambda) / lambda`, each as if the other constraint were none;
- `sequential`: their product, the return's bid lowered or raised by the budget's.

No bid is above what is left of the budget. After a step that won value V and cost C, with rho the budget per step, lambda is
multiplied by `exp(-alpha (V - C) / rho)` and mu by `exp(-alpha (rho - C) / rho)`. The methods are those of Balseiro,
Bhawalkar, Feng, Lu, Mirrokni, Sivan and Wang, A Field Guide for Pacing Budget and ROS Constraints (ICML 2024, arXiv
2302.08530). Ours are the first multipliers of 1, alpha, one over the root of the number of steps, and the division by rho,
which makes steps free of the currency.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.errors import InputError
from auctionsim.streams import stream

Array = NDArray[np.float64]

METHODS = ("dual", "min", "sequential")
_WITHIN = {"kept": 1.0, "within_20": 1.2, "within_50": 1.5}
"""Largest cost over value by name of the share of campaigns."""
_KEPT = 1e-9
"""Breach that counts as none, relative to cost."""
_LARGEST = 1e6
"""Bound of both multipliers, above and, by its inverse, below."""


@dataclass(frozen=True, eq=False)
class Campaigns:
    """Campaigns that buy at given prices, each for itself."""

    values: Array
    """Value of each auction, `[steps, auctions, campaigns]`."""
    prices: Array
    """Price of each auction, `[steps, auctions, campaigns]`."""
    budgets: Array
    """Budget of all steps, `[campaigns]`."""

    def run(self, method: str) -> tuple[Array, Array]:
        """Return the value that each campaign wins and what it pays, `[campaigns]` each.

        A charge beyond the budget is not made and its auction not won, since the bid is capped by what is left.

        Args:
            method: One of `METHODS`.
        """
        steps, auctions, n = self.values.shape
        rho, rate = self.budgets / steps, 1.0 / np.sqrt(steps)
        mu, lam = np.ones(n), np.ones(n)
        won, paid = np.zeros(n), np.zeros(n)
        for t in range(steps):
            factor, value, cost = bid_factor(method, mu, lam), np.zeros(n), np.zeros(n)
            for k in range(auctions):
                bid = np.minimum(factor * self.values[t, k], self.budgets - paid - cost)
                wins = bid > self.prices[t, k]
                value += np.where(wins, self.values[t, k], 0.0)
                cost += np.where(wins, self.prices[t, k], 0.0)
            won, paid = won + value, paid + cost
            lam = _updated(lam, -rate * (value - cost) / rho)
            mu = _updated(mu, -rate * (rho - cost) / rho)
        return won, paid

    @property
    def best(self) -> Array:
        """Return the most value in hindsight within budget and return, auctions bought in parts, `[campaigns]`.

        The best buys auctions by rising price per value until one of the two constraints binds.
        """
        value, price = (array.reshape(-1, len(self.budgets)) for array in (self.values, self.prices))
        order = np.argsort(price / value, axis=0, kind="stable")
        value, price = np.take_along_axis(value, order, axis=0), np.take_along_axis(price, order, axis=0)
        before_value, before_cost = (np.cumsum(array, axis=0) - array for array in (value, price))
        # The share of each auction that either constraint allows; both fall along the order from the first that binds on.
        of_budget = (self.budgets - before_cost) / price
        dear = np.where(price > value, price - value, np.inf)
        of_return = np.where(price > value, (before_value - before_cost) / dear, 1.0)
        return np.asarray((np.clip(np.minimum(of_budget, of_return), 0.0, 1.0) * value).sum(axis=0))


def bid_factor(method: str, mu: Array, lam: Array) -> Array:
    """Return the bid over the value.

    Args:
        method: One of `METHODS`.
        mu: Multipliers of the budgets, > 0, `[n]`.
        lam: Multipliers of the returns on spend, > 0, `[n]`.

    Raises:
        InputError: The method is another.
    """
    if method == "dual":
        return (1 + lam) / (lam + mu)
    if method == "min":
        return np.minimum(1 / mu, (1 + lam) / lam)
    if method == "sequential":
        return (1 + lam) / lam / mu
    raise InputError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")


def random_campaigns(seed: int, n: int, steps: int = 144, auctions: int = 10) -> Campaigns:
    """Draw campaigns of a day: lognormal values and prices that go up and down together, and budgets of any tightness.

    Args:
        seed: The seed.
        n: The number of campaigns.
        steps: The number of steps.
        auctions: The number of auctions of each step.
    """
    rng = stream(seed, "pacing-campaigns")
    spread = 0.3 + rng.random((2, n))
    level, tightness = 0.5 * 2.0 * (0.5 + rng.random(n)), 0.1 + 1.4 * rng.random(n)
    together = rng.random(n)
    common, own, others = arithmetic.normal(rng, (3, steps, auctions, n))
    values = np.asarray(arithmetic.exp(spread[0] * own))
    root = np.sqrt(1 - together * together)
    prices = level * np.asarray(arithmetic.exp(spread[1] * (together * own + root * (0.5 * common + np.sqrt(0.75) * others))))
    # In shares of what the value-maximizer without a budget spends, which is the value that it gets where the return binds.
    unlimited = Campaigns(values, prices, np.full(n, np.inf)).best
    # Where every price is above the value nothing can be bought at a return of 1; such a campaign has a budget all the same.
    return Campaigns(values, prices, tightness * np.where(unlimited > 0, unlimited, values.sum(axis=(0, 1))))


def compare(method: str, seed: int, n: int) -> dict[str, float]:
    """Return the measures of a method on random campaigns.

    Args:
        method: One of `METHODS`.
        seed: The seed of the campaigns.
        n: The number of campaigns.

    Returns:
        `kept`, `within_20`, `within_50`: share of campaigns whose cost is at most 1, 1.2 and 1.5 of their value. `value`: value
        over the best in hindsight, a mean over the campaigns for which that is above 0. `budget_used`: mean share of budgets.
    """
    campaigns = random_campaigns(seed, n)
    best, (won, paid) = campaigns.best, campaigns.run(method)
    return {
        **{name: float((paid <= won * most * (1 + _KEPT)).mean()) for name, most in _WITHIN.items()},
        "value": float((won[best > 0] / best[best > 0]).mean()),
        "budget_used": float((paid / campaigns.budgets).mean()),
    }


def unbounded_violation(method: str, steps: int, seed: int) -> float:
    """Return the breach of the return on spend, per step, where the best for the return leaves half of the budget unspent.

    The value of every auction is 1, prices are uniform in [0, 4] and the budget is 1 per step. The return alone allows a bid of
    2, at which 1/2 is won and 1/2 is spent. Sequential pacing goes on raising its bid until the budget is spent, however large
    lambda becomes: at a bid of the root of 8 it wins 0.707 for 1, a breach of 0.293 a step.

    Args:
        method: One of `METHODS`.
        steps: The number of steps, T.
        seed: The seed of the prices.
    """
    prices = 4 * stream(seed, "pacing-violation", steps).random((steps, 1, 1))
    value, cost = Campaigns(np.ones_like(prices), prices, np.array([float(steps)])).run(method)
    return max(0.0, float(cost[0] - value[0])) / steps


def _updated(multiplier: Array, exponent: Array) -> Array:
    """Return a multiplier after a step of its exponent."""
    return np.clip(multiplier * np.asarray(arithmetic.exp(np.clip(exponent, -20, 20))), 1 / _LARGEST, _LARGEST)
