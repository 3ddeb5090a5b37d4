"""Learners with affiliated values: one auction by hand, plain loops that do the same, and what is known of the outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from auctionsim import arithmetic
from auctionsim.games.affiliated.auction import BIDS, LAST, sell, value_of
from auctionsim.games.affiliated.linear_bandits import _median_of_others, bandit_revenue
from auctionsim.games.affiliated.q_learning import q_learning_revenue
from auctionsim.streams import stream


@pytest.mark.parametrize(
    ("bids", "reserve", "first", "second"),
    [
        ((0.5, 0.8, 0.2), 0.0, (1, 0.8), (1, 0.5)),
        ((0.8, 0.5, 0.2), 0.0, (0, 0.8), (0, 0.5)),
        ((0.5, 0.8, 0.2), 0.6, (1, 0.8), (1, 0.6)),
        ((0.1, 0.2, 0.2), 0.3, (-1, 0.0), (-1, 0.0)),
    ],
)
def test_one_auction_by_hand(bids: tuple[float, ...], reserve: float, first: Any, second: Any):
    rng = np.random.default_rng(0)
    assert sell(rng, np.array(bids), reserve, True) == first
    assert sell(rng, np.array(bids), reserve, False) == second


def test_ties_are_broken_evenly_at_the_price_of_the_tie():
    rng = np.random.default_rng(0)
    sold = [sell(rng, np.array([0.4, 0.7, 0.7, 0.7]), 0.0, False) for _ in range(3000)]
    assert {price for _, price in sold} == {0.7}
    counts = np.bincount([winner for winner, _ in sold], minlength=4)
    assert counts[0] == 0
    assert counts[1:].min() > 900


def test_values_mix_signals_by_eta():
    signals = np.array([0.9, 0.1, 0.3])
    assert value_of(signals, 0, 0.0) == 0.9
    assert value_of(signals, 0, 1.0) == pytest.approx(0.45 + 0.5 * 0.2)
    assert _median_of_others(np.array([0.9, 0.1, 0.3, 0.2]), 0) == pytest.approx(0.2)
    assert _median_of_others(np.array([0.9, 0.1]), 0) == 0.1


def plain_bandit(seed: int, rounds: int, width: float, memory: float, reserve: float, is_thompson: bool) -> float:
    """Two bidders with rich contexts at second price: regressions solved anew from all that they are made of."""
    rng = stream(seed, "affiliated-bandits", 7)
    normal = arithmetic.normal(rng, (rounds if is_thompson else 0, 2, BIDS))
    gram = np.tile(0.5 * np.eye(4), (2, BIDS, 1, 1))
    moment, bids, wins, highest, prices = np.zeros((2, BIDS, 4)), np.zeros(2), np.zeros(2), 0.0, []
    for t in range(rounds):
        signals = np.array([int(rng.random() * BIDS) / (BIDS - 1) for _ in range(2)])
        contexts = [np.array([signals[i], bids[1 - i], highest, wins[i] / max(t, 1)]) for i in range(2)]
        choice = []
        for i, x in enumerate(contexts):
            mean = np.array([x @ np.linalg.solve(gram[i, k], moment[i, k]) for k in range(BIDS)])
            variance = np.array([x @ np.linalg.solve(gram[i, k], x) for k in range(BIDS)])
            spread = np.sqrt(width * variance) * normal[t, i] if is_thompson else width * np.sqrt(variance)
            # Bids never tried are alike to the last bit there, and nearly so here.
            choice.append(int(np.round(mean + spread, 12).argmax()))
        bids = np.array(choice) / (BIDS - 1)
        winner, price = sell(rng, bids, reserve, False)
        for i, x in enumerate(contexts):
            reward = value_of(signals, i, 0.5) - price if i == winner else 0.0
            gram[i, choice[i]] = memory * gram[i, choice[i]] + np.outer(x, x)
            moment[i, choice[i]] = memory * moment[i, choice[i]] + reward * x
        highest = bids[winner] if winner >= 0 else 0.0
        if winner >= 0:
            wins[winner] += 1
        prices.append(price)
    return float(np.mean(prices[-LAST:]))


@pytest.mark.parametrize(("is_thompson", "memory", "reserve"), [(False, 1.0, 0.0), (False, 0.99, 0.3), (True, 1.0, 0.3)])
def test_bandits_solve_the_regressions_that_they_state(is_thompson: bool, memory: float, reserve: float):
    setting: Any = {"is_thompson": is_thompson, "bidders": 2, "eta": 0.5, "is_first_price": False, "reserve": reserve}
    found = bandit_revenue(0, (7,), **setting, width=0.5, is_rich=True, ridge=0.5, memory=memory, rounds=LAST)
    assert found == pytest.approx(plain_bandit(0, LAST, 0.5, memory, reserve, is_thompson), abs=0.01)


def test_q_learning_s_revenue_rises_with_bidders_and_repeats_with_the_seed():
    two, four = (
        q_learning_revenue(1, (n,), bidders=n, eta=0.0, is_first_price=False, sees_winner=False, rounds=40_000) for n in (2, 4)
    )
    # Truthful bids would bring the second of n uniform values: 1/3 and 3/5.
    assert 0.2 < two < 0.45
    assert two + 0.1 < four < 0.75
    again = q_learning_revenue(1, (4,), bidders=4, eta=0.0, is_first_price=False, sees_winner=False, rounds=40_000)
    assert four == again
