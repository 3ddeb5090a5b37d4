"""Let bidders with affiliated values learn bids by Q-learning: by signal, or by signal and the last winning bid.

Tables begin at 0; the rate is 0.1 and the discount 0.95. Random bids fall evenly from all to 1 % in the first 90 % of rounds,
and then there are none. The design is that of Rawat (arXiv 2306.09437, 2026), restated from the text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.games.affiliated.auction import BIDS, LAST, sell, value_of
from auctionsim.games.compiled import compiled
from auctionsim.games.price_learning import largest
from auctionsim.streams import stream

Array = NDArray[np.float64]

ROUNDS = 100_000
_RATE, _DISCOUNT = 0.1, 0.95
_EXPLORING, _LEAST = 0.9, 0.01
"""Share of the rounds with random bids, and the rate of them at the end of these."""


def q_learning_revenue(
    seed: int, key: tuple[int, ...], *, bidders: int, eta: float, is_first_price: bool, sees_winner: bool, rounds: int = ROUNDS
) -> float:
    """Return the mean revenue of the last rounds.

    Args:
        seed: The seed.
        key: Numbers that tell the runs of one seed apart.
        bidders: The number of bidders, >= 2.
        eta: The weight of the others' signals, in [0, 1].
        is_first_price: True for first prices, False for second prices.
        sees_winner: Whether the last winning bid is part of the state.
        rounds: The number of rounds, >= `LAST`.
    """
    rng = stream(seed, "affiliated-q-learning", *key)
    return float(_learn(rng, bidders, eta, is_first_price, sees_winner, rounds))


@compiled
def _learn(
    rng: np.random.Generator, n: int, eta: float, is_first_price: bool, sees_winner: bool, rounds: int
) -> float:  # fmt: skip
    """Return the mean revenue of the last rounds."""
    q = np.zeros((n, BIDS * BIDS if sees_winner else BIDS, BIDS))
    signals, bids = np.zeros(n), np.zeros(n)
    state, choice = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    seen, total, exploring = 0, 0.0, int(_EXPLORING * rounds)
    for t in range(rounds):
        epsilon = 1.0 - t / exploring * (1.0 - _LEAST) if t < exploring else 0.0
        for i in range(n):
            signals[i] = rng.random()
            signal_bin = int(signals[i] * (BIDS - 1) + 0.5)
            state[i] = signal_bin * BIDS + seen if sees_winner else signal_bin
            choice[i] = int(rng.random() * BIDS) if rng.random() < epsilon else largest(q[i, state[i]])
            bids[i] = choice[i] / (BIDS - 1)
        winner, price = sell(rng, bids, 0.0, is_first_price)
        after = choice[winner]
        for i in range(n):
            following = state[i] - seen + after if sees_winner else state[i]
            reward = value_of(signals, i, eta) - price if i == winner else 0.0
            target = reward + _DISCOUNT * q[i, following, largest(q[i, following])]
            q[i, state[i], choice[i]] += _RATE * (target - q[i, state[i], choice[i]])
        seen = after
        if t >= rounds - LAST:
            total += price
    return total / LAST
