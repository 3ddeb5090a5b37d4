"""Let bidders pace a budget and a return on investment by gradients in repeated auctions, and measure their regret.

Bidder i bids `value / (1 + max(mu, nu))`. Multiplier mu of the budget begins at `1 / rho - 1`, so that no bid is above the
budget rho of a round, and moves by `rate (payment - rho)`. Multiplier nu of the return begins at `gamma - 1`, so that a win
keeps the return gamma, and moves by `rate (gamma payment - value won)`. Both stay between 0 and where they began. For values in
[0, 1] and rates up to 1 neither constraint is ever broken, whatever the others do, and liquid welfare is at least half of
the best (Lucier, Pattathil, Slivkins and Zhang, COLT 2024, arXiv 2301.13306). The rate is one over the root of the number of
rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.games.compiled import compiled
from auctionsim.streams import stream

Array = NDArray[np.float64]
Values = Literal["uniform", "normal", "correlated"]

BIDDERS = 8
_CHECKPOINTS, _SAMPLE = 60, 1000
"""Rounds at which regret is measured, and draws of all values by which expectations are taken."""


@dataclass(frozen=True, eq=False)
class PacedReturn:
    """One repeated auction between bidders that pace a budget and a return."""

    values: Array
    """Value of each bidder in each round, in [0, 1], `[rounds, bidders]`."""
    rho: float
    """Budget of a round, in (0, 1)."""
    gamma: float
    """Least value won per unit of payment, >= 1."""
    is_first_price: bool
    multipliers: Array
    """Largest of both multipliers of each bidder before each round, `[rounds, bidders]`."""
    won: Array
    """Value won by each bidder, `[bidders]`."""
    paid: Array
    """Payment of each bidder, `[bidders]`."""

    @property
    def violation(self) -> float:
        """Return the largest breach of a budget or a return, in values; <= 0 if none is broken."""
        over_budget = self.paid - self.rho * len(self.values)
        return float(max(over_budget.max(), (self.gamma * self.paid - self.won).max()))

    @property
    def liquid_welfare(self) -> float:
        """Return liquid welfare over an upper bound of the best: the highest values, and no more than all budgets.

        A bidder's liquid welfare is the most that it could pay for what it wins: the value over gamma, up to its budget.
        """
        rounds, n = self.values.shape
        best = min(float(self.values.max(axis=1).sum()) / self.gamma, n * self.rho * rounds)
        return float(np.minimum(self.won / self.gamma, self.rho * rounds).sum()) / best

    def regret(self, sample: Array) -> tuple[Array, Array]:
        """Return a bidder's regret up to some rounds, a mean over bidders, in value.

        In each round the others' multipliers are what they are. The benchmark is the lowest multiplier at which the bidder
        would keep its budget and return in expectation; regret is the value won at it less the value won at its own.

        Args:
            sample: Draws of all values by which expectations are taken, `[draws, bidders]`.

        Returns:
            Numbers of rounds, evenly spaced, and the regret of all rounds up to each, `[checkpoints]` both.
        """
        rounds, n = self.values.shape
        edges = np.linspace(0, rounds, _CHECKPOINTS + 1)
        middle = ((edges[:-1] + edges[1:]) / 2).astype(np.int64)
        losses = np.array([self._loss(sample, self.multipliers[t], i) for t in middle for i in range(n)])
        return edges[1:], np.cumsum(losses.reshape(len(middle), n).mean(axis=1) * np.diff(edges))

    def _loss(self, sample: Array, multipliers: Array, bidder: int) -> float:
        """Return the expected value that a bidder misses in a round, below 0 where it wins more than it may."""
        bids = sample / (1 + multipliers)
        bids[:, bidder] = 0.0
        rival, value = bids.max(axis=1), sample[:, bidder]
        # The factor 1 + multiplier up to which each draw is won.
        threshold = value / np.maximum(rival, 1e-300)
        order = np.argsort(-threshold, kind="stable")
        factor, won = threshold[order], np.cumsum(value[order])
        paid = won / np.maximum(factor, 1.0) if self.is_first_price else np.cumsum(rival[order])
        keeps = (paid <= self.rho * len(sample)) & (self.gamma * paid <= won) & (factor >= 1)
        best = float(won[keeps].max()) if keeps.any() else 0.0
        return (best - float(value[threshold > 1 + multipliers[bidder]].sum())) / len(sample)


def pace(kind: Values, seed: int, rounds: int, rho: float, *, is_first_price: bool, gamma: float = 1.5) -> PacedReturn:
    """Let eight bidders pace through all rounds.

    Args:
        kind: The distribution of values, as `draw_values` takes it.
        seed: The seed of the values.
        rounds: The number of rounds, T; the rate is one over its root.
        rho: The budget of a round, in (0, 1).
        is_first_price: True for first prices, False for second prices.
        gamma: The return that is kept, value per payment.
    """
    values = draw_values(kind, seed, "rounds", rounds)
    multipliers, totals = np.zeros(values.shape), np.zeros((2, values.shape[1]))
    _pace(values, rho, gamma, is_first_price, 1 / float(np.sqrt(rounds)), multipliers, totals)
    return PacedReturn(values, rho, gamma, is_first_price, multipliers, totals[0], totals[1])


def regret_exponents(
    kind: Values, seed: int, horizons: tuple[int, ...], rho: float, *, is_first_price: bool
) -> dict[str, float]:
    """Return how regret grows with time, and the worst of what else is stated.

    Args:
        kind: The distribution of values.
        seed: The seed.
        horizons: Numbers of rounds, rising; each is a run of its own.
        rho: The budget of a round.
        is_first_price: True for first prices, False for second prices.

    Returns:
        `exponent`: slope of the logarithm of regret over that of the rounds so far in the longest run, by least squares.
        `of_horizons`: the same over the runs' whole regrets and lengths. Either is left out where a regret is not above 0.
        `violation`: the largest breach. `welfare`: the least liquid welfare over its bound.
    """
    runs = [pace(kind, seed, rounds, rho, is_first_price=is_first_price) for rounds in horizons]
    sample = draw_values(kind, seed, "sample", _SAMPLE)
    curves = [run.regret(sample) for run in runs]
    slopes = {
        "exponent": _slope(*curves[-1]),
        "of_horizons": _slope(np.array(horizons, dtype=np.float64), np.array([regret[-1] for _, regret in curves])),
    }
    return {
        "violation": max(run.violation for run in runs),
        "welfare": min(run.liquid_welfare for run in runs),
        **{name: slope for name, slope in slopes.items() if np.isfinite(slope)},
    }


def _slope(x: Array, y: Array) -> float:
    """Return the slope of log y over log x by least squares; NaN where a number is not above 0."""
    if not (y > 0).all():
        return np.nan
    log_x, log_y = (np.asarray(arithmetic.log(array)) for array in (x, y))
    log_x = log_x - log_x.mean()
    return float((log_x * log_y).sum() / (log_x * log_x).sum())


def draw_values(kind: Values, seed: int, purpose: str, n: int) -> Array:
    """Draw values of all bidders: uniform on [0, 1]; normal with mean 0.4 and deviation 0.2, clipped; or half in common.

    Args:
        kind: The distribution. Correlated values are the mean of a uniform number of all bidders and one of each.
        seed: The seed.
        purpose: The purpose of the draws.
        n: The number of draws.

    Returns:
        Values in [0, 1], `[n, bidders]`.
    """
    rng = stream(seed, "return-pacing", kind, purpose, n)
    if kind == "normal":
        return np.clip(0.4 + 0.2 * arithmetic.normal(rng, (n, BIDDERS)), 0.0, 1.0)
    own = rng.random((n, BIDDERS))
    return own if kind == "uniform" else (own + rng.random((n, 1))) / 2


@compiled
def _pace(
    values: Array, rho: float, gamma: float, is_first_price: bool, rate: float, multipliers: Array, totals: Array
) -> None:
    """Write each round's multipliers `[rounds, bidders]`, and add value won and payments to `totals`, `[2, bidders]`."""
    rounds, n = values.shape
    first_mu, first_nu = 1.0 / rho - 1.0, gamma - 1.0
    mu, nu = np.full(n, first_mu), np.full(n, first_nu)
    for t in range(rounds):
        winner, highest, second = 0, -1.0, 0.0
        for i in range(n):
            multipliers[t, i] = max(mu[i], nu[i])
            bid = values[t, i] / (1.0 + multipliers[t, i])
            if bid > highest:
                winner, highest, second = i, bid, max(highest, 0.0)
            elif bid > second:
                second = bid
        price = highest if is_first_price else second
        totals[0, winner] += values[t, winner]
        totals[1, winner] += price
        for i in range(n):
            paid = price if i == winner else 0.0
            value = values[t, i] if i == winner else 0.0
            mu[i] = min(max(mu[i] + rate * (paid - rho), 0.0), first_mu)
            nu[i] = min(max(nu[i] + rate * (gamma * paid - value), 0.0), first_nu)
