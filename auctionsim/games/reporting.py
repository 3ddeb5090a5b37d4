"""Let two users report values to their own learning agents, which then bid in repeated auctions of one object.

Each agent learns by multiplicative weights among whole bids from 0 to the reported value, as if that were the value. With
first prices nobody gains by a false report in the long run; with second prices the user of lower value gains by reporting more
than the other does, since the other's agent then bids too little too often (Kolumbus and Nisan, Auctions between
regret-minimizing agents, WWW 2022, arXiv 2110.11855; the statement of its abstract).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.arithmetic.scalars import exp
from auctionsim.games.compiled import compiled
from auctionsim.streams import stream

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


def utilities(
    values: tuple[int, int],
    reports: tuple[int, int],
    seed: int,
    *,
    is_first_price: bool,
    rounds: int = 10_000,
    rate: float = 0.1,
) -> Array:
    """Return each user's mean utility over the second half of the rounds, `[2]`.

    Args:
        values: The true value of each user, whole numbers >= 1.
        reports: The value that each reports to its agent, whole numbers >= 0.
        seed: The seed of bids.
        is_first_price: True if the winner pays its bid, False if it pays the other's.
        rounds: The number of rounds.
        rate: The growth of a bid's weight per unit of payoff, > 0.
    """
    draws = stream(seed, "reporting", *values).random((rounds, 2))
    bids = np.zeros((rounds, 2), dtype=np.int64)
    _learn(draws, np.array(reports, dtype=np.int64), is_first_price, rate, np.zeros((2, max(reports) + 1)), bids)
    last = bids[rounds // 2 :]
    share = np.where(last > last[:, ::-1], 1.0, np.where(last == last[:, ::-1], 0.5, 0.0))
    price = last if is_first_price else last[:, ::-1]
    return np.asarray((share * (np.array(values) - price)).mean(axis=0))


def gain_of_misreport(values: tuple[int, int], seed: int, *, is_first_price: bool) -> float:
    """Return the most that a user gains by a report other than its value while the other is truthful, in value; either user.

    Args:
        values: The true value of each user.
        seed: The seed of bids.
        is_first_price: True for first prices, False for second prices.
    """
    truth = utilities(values, values, seed, is_first_price=is_first_price)
    gains = []
    for user in (0, 1):
        for report in range(1, 2 * max(values) + 1):
            reports = (report, values[1]) if user == 0 else (values[0], report)
            gains.append(utilities(values, reports, seed, is_first_price=is_first_price)[user] - truth[user])
    return float(max(gains))


@compiled
def _learn(draws: Array, reports: Whole, is_first_price: bool, rate: float, totals: Array, bids: Whole) -> None:
    """Write the bids of every round, `[rounds, 2]`; `totals` adds up what each bid would have earned, `[2, bids]`."""
    for t in range(bids.shape[0]):
        for i in range(2):
            n = reports[i] + 1
            most = totals[i, :n].max()
            weight = 0.0
            for k in range(n):
                weight += exp(rate * (totals[i, k] - most))
            left, chosen = draws[t, i] * weight, 0
            for k in range(n):
                if left >= 0.0:
                    chosen = k
                left -= exp(rate * (totals[i, k] - most))
            bids[t, i] = chosen
        for i in range(2):
            other = bids[t, 1 - i]
            for k in range(reports[i] + 1):
                margin = float(reports[i] - (k if is_first_price else other))
                if k > other:
                    totals[i, k] += margin
                elif k == other:
                    totals[i, k] += 0.5 * margin
