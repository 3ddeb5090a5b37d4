"""Simulate two Q-learners that set prices in a duopoly (Calvano et al., AER 110(10), 2020, section I).

The state is the pair of last period's prices (a single state without memory); a strategy is a price for every state. After
learning, both firms follow their greedy strategies, which end in a cycle; the profit gain is measured on it. A forced deviation
then shows whether high prices are sustained by punishment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.games.duopoly import Duopoly
from auctionsim.games.price_learning import learn_prices
from auctionsim.streams import stream

Strategies = NDArray[np.int64]
"""Index of the greedy price in every state, `[2, states]`; state `k n_prices + l` follows price k of firm 0 and l of firm 1."""


@dataclass(frozen=True)
class Settings:
    """The learners' constants, those of the paper's representative experiment."""

    rate: float = 0.15
    """Learning rate of Q, in (0, 1]."""
    discount: float = 0.95
    decay: float = 4e-6
    """The probability of a random price in period t is exp(-decay t)."""
    has_memory: bool = True
    """True if learners observe the prices of the last period."""
    settled_for: int = 100_000
    """Learning ends when no state's greedy price has changed for this many periods."""
    longest: int = 1_000_000_000
    """Learning ends after this many periods at the latest."""


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of a session: strategies, and the state they continue from."""

    strategies: Strategies
    last: tuple[int, int]
    """Indices of the last pair of prices."""
    periods: int
    has_settled: bool
    """True if learning ended because the strategies no longer changed."""


@dataclass(frozen=True, eq=False)
class Response:
    """The response to a forced deviation of one firm for one period."""

    deviator: NDArray[np.float64]
    """The deviator's price in each period, starting with the period before the deviation, `[periods]`."""
    rival: NDArray[np.float64]
    """The rival's price in the same periods, `[periods]`."""
    gain: float
    """The deviator's discounted profit minus that without the deviation, as a share of the latter."""


def train(game: Duopoly, seed: int, session: int, settings: Settings) -> Trained:
    """Simulate one session of learning; sessions are independent of each other."""
    rng = stream(seed, "price-setters", session)
    prices = game.grid()
    profit = game.profit(prices[:, None], prices[None, :])
    n = len(prices)
    # Initial Q: the value of a price against a rival that chooses at random for ever (the paper's initial matrix).
    start = profit.mean(axis=1) / (1 - settings.discount)
    q = np.tile(start, (2, n * n if settings.has_memory else 1, 1))
    greedy = np.zeros(q.shape[:2], dtype=np.int64)
    first = rng.integers(n, size=2)
    # Both firms earn by the same table, each with its own price first.
    by_firm = np.stack([profit.ravel(), profit.T.ravel()])
    periods, stable, last = learn_prices(
        rng, q, greedy, by_firm, int(first[0] * n + first[1]),
        settings.rate, settings.discount, settings.decay, settings.settled_for, settings.longest,
    )  # fmt: skip
    strategies = np.broadcast_to(q.argmax(axis=2), (2, n * n)).copy()
    return Trained(strategies, divmod(last, n), periods, stable >= settings.settled_for)


def cycle(strategies: Strategies, last: tuple[int, int], n_prices: int) -> list[tuple[int, int]]:
    """Return the price pairs of the cycle that greedy strategies end in, as pairs of indices.

    Args:
        strategies: The strategies of both firms.
        last: The indices of the last pair of prices, which is the first state.
        n_prices: The number of prices on the grid.
    """
    seen: dict[tuple[int, int], int] = {}
    path: list[tuple[int, int]] = []
    now = _next(strategies, last, n_prices)
    while now not in seen:
        seen[now] = len(path)
        path.append(now)
        now = _next(strategies, now, n_prices)
    return path[seen[now] :]


def cycle_profit(game: Duopoly, pairs: list[tuple[int, int]]) -> float:
    """Return the mean profit of the two firms over a cycle, per period."""
    prices = game.grid()
    one, two = (prices[[pair[i] for pair in pairs]] for i in (0, 1))
    return float((game.profit(one, two).mean() + game.profit(two, one).mean()) / 2)


def deviation(game: Duopoly, strategies: Strategies, start: tuple[int, int], discount: float, periods: int = 25) -> Response:
    """Force firm 0 to its static best response for one period, then let both firms follow their strategies.

    Args:
        game: The duopoly to play.
        strategies: The strategies of both firms.
        start: A pair of price indices on the cycle.
        discount: The discount factor of the gain, in (0, 1); profits are summed until their weight is < 1e-6.
        periods: The number of periods of prices to return.
    """
    prices, n = game.grid(), game.n_prices
    profit = game.profit(prices[:, None], prices[None, :])
    horizon = max(periods, int(arithmetic.log(1e-6) / arithmetic.log(discount)))
    usual = _next(strategies, start, n)
    forced = (int(profit[:, usual[1]].argmax()), usual[1])
    paths = []
    for first in (usual, forced):
        path = [first]
        while len(path) < horizon:
            path.append(_next(strategies, path[-1], n))
        paths.append(path)
    weight = arithmetic.power(discount, np.arange(horizon))
    values = [float(sum(w * profit[pair] for w, pair in zip(weight, path, strict=True))) for path in paths]
    shown = np.array([start, *paths[1][: periods - 1]])
    return Response(prices[shown[:, 0]], prices[shown[:, 1]], values[1] / values[0] - 1)


def _next(strategies: Strategies, pair: tuple[int, int], n_prices: int) -> tuple[int, int]:
    state = pair[0] * n_prices + pair[1]
    return int(strategies[0, state]), int(strategies[1, state])
