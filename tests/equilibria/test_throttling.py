"""Throttling equilibria: one, enclosed from both sides, and half of the best liquid welfare."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from auctionsim.equilibria.throttling import expected_prices, participation_reply, throttling_equilibrium

from .markets import Array, random_market


def best_liquid_welfare(values: Array, budgets: Array) -> float:
    """The largest sum of values, each bidder's counted up to its budget, over all allocations."""
    n, m = values.shape
    rows = np.zeros((n + m, n * m + n))
    for i in range(n):
        rows[i, i * m : (i + 1) * m], rows[i, n * m + i] = -values[i], 1
    for j in range(m):
        rows[n + j, j : n * m : m] = 1
    costs = np.append(np.zeros(n * m), -np.ones(n))
    limits = np.append(np.zeros(n), np.ones(m))
    found = linprog(costs, rows, limits, bounds=[(0, 1)] * (n * m) + [(0, float(b)) for b in budgets])
    return float(-found.fun)


@pytest.mark.parametrize("seed", range(40))
def test_nobody_overspends_and_only_who_spends_all_stays_away(seed: int):
    values, budgets = random_market(seed)
    found = throttling_equilibrium(values, budgets)
    assert found.gap < 1e-9
    assert (found.spend <= budgets * (1 + 1e-9)).all()
    stays_away = found.participation < 1 - 1e-9
    assert found.spend[stays_away] == pytest.approx(budgets[stays_away])


@pytest.mark.parametrize("seed", range(40))
def test_liquid_welfare_is_at_least_half_of_the_best(seed: int):
    rng = np.random.default_rng(seed)
    values, _ = random_market(seed)
    budgets = values.sum(axis=1) * rng.random(len(values)) * 0.6 + 1e-3
    # Under first prices at their values bidders pay all that they win, within their budgets: revenue is liquid welfare.
    assert throttling_equilibrium(values, budgets).revenue >= best_liquid_welfare(values, budgets) / 2


def test_participation_is_replied_to_by_simulation():
    values, budgets = random_market(7, 4, 6)
    found = throttling_equilibrium(values, budgets)
    rng = np.random.default_rng(0)
    paid = np.zeros(4)
    rounds = 40_000
    for takes_part in rng.random((rounds, 4)) < found.participation:
        bids = np.where(takes_part[:, np.newaxis], values, -1)
        winner = bids.argmax(axis=0)
        for good in np.flatnonzero(bids.max(axis=0) > 0):
            paid[winner[good]] += values[winner[good], good]
    assert paid / rounds == pytest.approx(found.spend, abs=0.03)


def test_a_departure_is_answered():
    values, budgets = random_market(7, 4, 6)
    found = throttling_equilibrium(values, budgets)
    assert np.abs(participation_reply(values, budgets, found.participation) - found.participation).max() < 1e-9
    changed = found.participation * 0.9
    assert np.abs(participation_reply(values, budgets, changed) - changed).max() > 1e-2


def test_two_bidders_by_hand():
    # Bidder 0 outbids everywhere and can pay a half; bidder 1 then wins the other half of each good.
    found = throttling_equilibrium([(2, 2), (1, 1)], [2, 10])
    assert found.participation == pytest.approx([0.5, 1])
    assert found.spend == pytest.approx([2, 1])
    assert expected_prices(np.array([(2.0, 2.0), (1.0, 1.0)]), found.participation) == pytest.approx([4, 1])
