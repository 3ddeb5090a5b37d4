"""Simulate Q-learners that set prices in an oligopoly of any number of firms (Calvano et al., AER 110(10), 2020, section V).

The rules are those of `price_setters`, for two firms or more with costs of their own: the state is last period's price of every
firm, so a strategy has `n_prices ^ firms` states. The grids and the profit gain are the game's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim.games.oligopoly import Oligopoly
from auctionsim.games.price_learning import learn_prices
from auctionsim.games.price_setters import Settings
from auctionsim.streams import stream

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ending:
    """The result of a session: the cycle of prices that the greedy strategies end in."""

    prices: Array
    """Prices of the cycle, `[periods, firms]`."""
    profits: Array
    """Mean profit of each firm over the cycle, per period, `[firms]`."""
    periods: int
    """Periods of learning."""
    has_settled: bool
    """True if learning ended because the strategies no longer changed."""


def simulate_session(game: Oligopoly, seed: int, session: int, settings: Settings) -> Ending:
    """Simulate one session of learning, then play the greedy strategies; sessions are independent of each other.

    Args:
        game: The oligopoly to play.
        seed: The seed of the study.
        session: The session's number, >= 0.
        settings: The learners' constants; they have the memory of one period.
    """
    rng = stream(seed, "oligopoly-setters", session)
    grids = game.grids()
    joint = joint_prices(grids)
    profit = np.ascontiguousarray(game.profits(joint).T)
    q = first_values(grids, profit, settings.discount)
    last = int(rng.integers(len(joint)))
    greedy = np.zeros(q.shape[:2], dtype=np.int64)
    periods, stable, last = learn_prices(
        rng, q, greedy, profit, last, settings.rate, settings.discount, settings.decay, settings.settled_for, settings.longest
    )
    states = greedy_cycle(greedy, last, game.n_prices)
    return Ending(joint[states], profit[:, states].mean(axis=1), periods, stable >= settings.settled_for)


def joint_prices(grids: Array) -> Array:
    """Return the prices of every state, `[states, firms]`; state `(k n + l) n + m` has prices k, l and m of three firms."""
    return np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, len(grids))


def first_values(grids: Array, profit: Array, discount: float) -> Array:
    """Return the first Q, `[firms, states, n_prices]`: a price's value against rivals that choose at random for ever.

    Args:
        grids: The prices of each firm, `[firms, n_prices]`.
        profit: The profit of each firm in every state, `[firms, states]`.
        discount: The discount factor.
    """
    firms, n = grids.shape
    tables = [np.moveaxis(profit[i].reshape((n,) * firms), i, 0).reshape(n, -1).mean(axis=1) for i in range(firms)]
    return np.repeat(np.stack(tables)[:, None] / (1 - discount), profit.shape[1], axis=1)


def greedy_cycle(greedy: NDArray[np.int64], last: int, n_prices: int) -> list[int]:
    """Return the states of the cycle that greedy strategies `[firms, states]` end in, from the state `last`."""
    seen: dict[int, int] = {}
    path: list[int] = []
    now = last
    while True:
        state = 0
        for own in greedy:
            state = state * n_prices + int(own[now])
        now = state
        if now in seen:
            return path[seen[now] :]
        seen[now] = len(path)
        path.append(now)
