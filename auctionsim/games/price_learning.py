"""Let any number of firms learn prices by Q-learning: the one loop of `price_setters` and `oligopoly_setters`.

Calvano et al., AER 110(10), 2020, section I. The prices k, l and m of three firms are the joint prices `(k n + l) n + m`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.arithmetic.scalars import exp
from auctionsim.games.compiled import compiled, inlined

Array = NDArray[np.float64]


@compiled
def learn_prices(
    rng: np.random.Generator,
    q: Array,
    greedy: NDArray[np.int64],
    profit: Array,
    last: int,
    rate: float,
    discount: float,
    decay: float,
    settled_for: int,
    longest: int,
) -> tuple[int, int, int]:
    """Learn in place on `q` and `greedy`; return the periods, those since the last change, and the last joint prices.

    Args:
        rng: The generator of random prices.
        q: The values, `[firms, states, n_prices]`. One state is no memory; else a state is the joint prices of the last period.
        greedy: The greedy price in every state, `[firms, states]`; what it holds before does not matter.
        profit: The profit of each firm at all joint prices, `[firms, n_prices ^ firms]`.
        last: The joint prices of the period before the first.
        rate: The learning rate, in (0, 1].
        discount: The discount factor, in (0, 1).
        decay: The rate of decay of exploration: a price is random in period t with probability exp(-decay t).
        settled_for: The number of periods without a change of a greedy price after which learning ends.
        longest: The largest number of periods.
    """
    firms, n_states, n_prices = q.shape
    for i in range(firms):
        for state in range(n_states):
            greedy[i, state] = largest(q[i, state])
    choice = np.zeros(firms, dtype=np.int64)
    epsilon, shrink = 1.0, exp(-decay)
    stable, period = 0, 0
    while stable < settled_for and period < longest:
        state, joint = last if n_states > 1 else 0, 0
        for i in range(firms):
            choice[i] = int(rng.random() * n_prices) if rng.random() < epsilon else greedy[i, state]
            joint = joint * n_prices + choice[i]
        epsilon *= shrink
        after = joint if n_states > 1 else 0
        stable += 1
        for i in range(firms):
            k = choice[i]
            value = profit[i, joint] + discount * q[i, after, greedy[i, after]]
            q[i, state, k] += rate * (value - q[i, state, k])
            best = greedy[i, state]
            if k == best or q[i, state, k] > q[i, state, best]:
                best = largest(q[i, state])
                if best != greedy[i, state]:
                    greedy[i, state] = best
                    stable = 0
        last = joint
        period += 1
    return period, stable, last


@inlined
def largest(values: Array) -> int:
    """Return the index of the largest value, the first of equal ones."""
    best = 0
    for k in range(1, len(values)):
        if values[k] > values[best]:
            best = k
    return best
