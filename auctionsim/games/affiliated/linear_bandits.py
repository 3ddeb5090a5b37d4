"""Let bidders with affiliated values learn bids by linear bandits, LinUCB or Thompson sampling: a regression for each bid.

For each bid a bidder regresses its profit on a context x: its signal alone, or also the median of the others' last bids, the
last winning bid and its share of wins. LinUCB takes the bid with the largest `mean + width sqrt(x' A^-1 x)`. Thompson sampling
takes the largest draw from a normal distribution of variance `width x' A^-1 x`, which is what drawn coefficients come to. A
begins at `ridge` times the identity. With memory below 1 all that a bid has taught is multiplied by it before each of its
updates. The design is that of Rawat (arXiv 2306.09437, 2026), restated from the text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.games.affiliated.auction import BIDS, LAST, sell, value_of
from auctionsim.games.compiled import compiled
from auctionsim.streams import stream

Array = NDArray[np.float64]

ROUNDS = 100_000
_CONTEXT = 4


def bandit_revenue(
    seed: int,
    key: tuple[int, ...],
    *,
    is_thompson: bool,
    bidders: int,
    eta: float,
    is_first_price: bool,
    reserve: float,
    width: float,
    is_rich: bool,
    ridge: float = 1.0,
    memory: float = 1.0,
    rounds: int = ROUNDS,
) -> float:
    """Return the mean revenue of the last rounds.

    Args:
        seed: The seed.
        key: Numbers that tell the runs of one seed apart.
        is_thompson: True for Thompson sampling, False for LinUCB.
        bidders: The number of bidders, 2 or 4.
        eta: The weight of the others' signals, in [0, 1].
        is_first_price: True for first prices, False for second prices.
        reserve: The lowest bid that takes part and the lowest price.
        width: The factor on the confidence bound, or on the variance of draws, > 0.
        is_rich: Whether the context holds more than the signal.
        ridge: The weight of the identity that regressions begin with, > 0.
        memory: The factor on what was learned, in (0, 1].
        rounds: The number of rounds, >= `LAST`.
    """
    rng = stream(seed, "affiliated-bandits", *key)
    normal = arithmetic.normal(rng, (rounds if is_thompson else 0, bidders, BIDS))
    size = _CONTEXT if is_rich else 1
    return float(_learn(rng, normal, bidders, size, eta, is_first_price, reserve, width, ridge, memory, rounds))


@compiled
def _learn(
    rng: np.random.Generator,
    normal: Array,
    n: int,
    size: int,
    eta: float,
    is_first_price: bool,
    reserve: float,
    width: float,
    ridge: float,
    memory: float,
    rounds: int,
) -> float:
    """Return the mean revenue of the last rounds; `normal` has the draws of Thompson sampling, `[rounds, n, BIDS]` or none."""
    inverse, moment, mean = np.zeros((n, BIDS, size, size)), np.zeros((n, BIDS, size)), np.zeros((n, BIDS, size))
    for i in range(n):
        for k in range(BIDS):
            for d in range(size):
                inverse[i, k, d, d] = 1.0 / ridge
    signals, bids, wins, context = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros((n, size))
    choice = np.zeros(n, dtype=np.int64)
    highest, total, is_thompson = 0.0, 0.0, normal.shape[0] > 0
    for t in range(rounds):
        for i in range(n):
            signals[i] = int(rng.random() * BIDS) / (BIDS - 1)
            context[i, 0] = signals[i]
            if size > 1:
                context[i, 1] = _median_of_others(bids, i)
                context[i, 2], context[i, 3] = highest, wins[i] / max(t, 1)
        for i in range(n):
            best, most = 0, -np.inf
            for k in range(BIDS):
                middle, variance = 0.0, 0.0
                for d in range(size):
                    row = 0.0
                    for e in range(size):
                        row += inverse[i, k, d, e] * context[i, e]
                    middle += mean[i, k, d] * context[i, d]
                    variance += row * context[i, d]
                variance = max(variance, 0.0)
                score = middle + (np.sqrt(width * variance) * normal[t, i, k] if is_thompson else width * np.sqrt(variance))
                if score > most:
                    best, most = k, score
            choice[i] = best
        # Contexts hold the last bids, so that bids change only when everybody has chosen.
        for i in range(n):
            bids[i] = choice[i] / (BIDS - 1)
        winner, price = sell(rng, bids, reserve, is_first_price)
        for i in range(n):
            reward = value_of(signals, i, eta) - price if i == winner else 0.0
            _update(inverse[i, choice[i]], moment[i, choice[i]], mean[i, choice[i]], context[i], reward, memory)
        highest = bids[winner] if winner >= 0 else 0.0
        if winner >= 0:
            wins[winner] += 1.0
        if t >= rounds - LAST:
            total += price
    return total / LAST


@compiled
def _update(inverse: Array, moment: Array, mean: Array, x: Array, reward: float, memory: float) -> None:
    """Add an observation to a regression by the formula of Sherman and Morrison."""
    size = len(x)
    pushed, denominator = np.zeros(size), 1.0
    for d in range(size):
        for e in range(size):
            inverse[d, e] /= memory
            pushed[d] += inverse[d, e] * x[e]
    for d in range(size):
        denominator += x[d] * pushed[d]
    for d in range(size):
        moment[d] = memory * moment[d] + reward * x[d]
        for e in range(size):
            inverse[d, e] -= pushed[d] * pushed[e] / denominator
    for d in range(size):
        mean[d] = 0.0
        for e in range(size):
            mean[d] += inverse[d, e] * moment[e]


@compiled
def _median_of_others(bids: Array, bidder: int) -> float:
    """Return the median bid of the others, of whom there are one or three."""
    total, least, most = 0.0, np.inf, -np.inf
    for j in range(len(bids)):
        if j != bidder:
            total += bids[j]
            least, most = min(least, bids[j]), max(most, bids[j])
    return total if len(bids) == 2 else total - least - most
