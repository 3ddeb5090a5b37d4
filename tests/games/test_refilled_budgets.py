"""Bidders that pace refilled budgets: equal to a plain loop, budgets kept, reserves paid, and the sign of the difference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from auctionsim.games.pacing.refilled_budgets import FIRST_EPISODES, RefilledBudgets, Rule, draw_market

RULES: tuple[Rule, ...] = ("dual, value", "dual, utility", "pi")


def plain(market: RefilledBudgets, rule: str, is_first_price: bool, reserve: float, gain: float) -> Any:
    """The same game as slow loops over sorted bids."""
    episodes, rounds, n = market.values.shape
    factor, paid, won = [1.0] * n, np.zeros((episodes, n)), np.zeros((episodes, n))
    for e in range(episodes):
        errors = [0.0] * n
        for t in range(rounds):
            value, left = market.values[e, t], market.budgets - paid[e]
            asked = {"pi": lambda i: value[i] * factor[i], "dual, value": lambda i: value[i] / factor[i]}  # noqa: B023
            asked["dual, utility"] = lambda i: value[i] / (1 + factor[i])  # noqa: B023
            bids = sorted(((min(asked[rule](i), left[i]), i) for i in range(n)), reverse=True)
            bids = [(bid, i) for bid, i in bids if bid > 0 and bid >= reserve]
            price = 0.0
            if bids:
                price = bids[0][0] if is_first_price else max([reserve, *(bid for bid, _ in bids[1:2])])
                won[e, bids[0][1]] += value[bids[0][1]]
                paid[e, bids[0][1]] += price
            for i in range(n):
                cost = price if bids and bids[0][1] == i else 0.0
                if rule == "pi":
                    error = (t + 1) / rounds * market.budgets[i] - paid[e, i]
                    errors[i] += error
                    factor[i] = min(max(factor[i] + gain * (0.3 * error + 0.05 * errors[i]), 0.01), 1.5)
                else:
                    step = (cost - market.budgets[i] / rounds) / math.sqrt(rounds)
                    factor[i] = min(max(factor[i] * math.exp(step), 1e-4), 100.0)
    return won, paid


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("is_first_price", [True, False])
@pytest.mark.parametrize("reserve", [0.0, 0.8])
def test_the_compiled_loop_is_the_plain_one(rule: Rule, is_first_price: bool, reserve: float):
    market = draw_market(3, (1,), bidders=3, budget=0.3, sigma=0.4, episodes=4, rounds=25)
    found = market.play(rule, is_first_price=is_first_price, reserve=reserve, gain=0.7)
    won, paid = plain(market, rule, is_first_price, reserve, 0.7)
    np.testing.assert_allclose(found.won, won, rtol=1e-6)
    np.testing.assert_allclose(found.paid, paid, rtol=1e-6)
    assert found.paid.sum() > 0


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("is_first_price", [True, False])
def test_budgets_are_never_broken_and_tight_ones_are_spent(rule: Rule, is_first_price: bool):
    market = draw_market(1, (0,), bidders=2, budget=0.25, sigma=0.1, episodes=20, rounds=400)
    found = market.play(rule, is_first_price=is_first_price)
    assert (found.paid <= market.budgets * (1 + 1e-12)).all()
    # Without pacing the highest bidder would have spent its budget in the first half.
    assert (found.paid[FIRST_EPISODES:].sum(axis=1) > 0.8 * market.budgets.sum()).all()
    assert found.revenue == pytest.approx(found.paid[FIRST_EPISODES:].sum() / 10)
    assert 1 - 1e-9 <= found.last_welfare_loss < 2


def test_a_reserve_is_the_lowest_price_and_keeps_lower_bids_out():
    values = np.full((1, 3, 2), 2.0)
    values[0, :, 1] = [0.1, 0.1, 1.9]
    market = RefilledBudgets(values, np.array([100.0, 100.0]))
    # Budgets are so large that mu falls from 1 to its least after one round: bids are half of the value, then the value.
    found = market.play("dual, utility", is_first_price=False, reserve=0.5)
    assert found.paid[0] == pytest.approx([0.5 + 0.5 + 1.9, 0.0], rel=1e-3)
    found = market.play("dual, utility", is_first_price=True, reserve=0.5)
    assert found.paid[0] == pytest.approx([1.0 + 2.0 + 2.0, 0.0], rel=1e-3)
    nothing = market.play("dual, utility", is_first_price=True, reserve=1e6)
    assert nothing.paid.sum() == 0
    assert nothing.last_welfare_loss == np.inf


def test_values_are_those_of_the_seed_and_the_key():
    one = draw_market(0, (1, 2), bidders=2, budget=0.5, sigma=0.1, episodes=11, rounds=50)
    again = draw_market(0, (1, 2), bidders=2, budget=0.5, sigma=0.1, episodes=11, rounds=50)
    other = draw_market(0, (2, 1), bidders=2, budget=0.5, sigma=0.1, episodes=11, rounds=50)
    assert one.values.tobytes() == again.values.tobytes()
    assert (one.values != other.values).all()
    # The budget is half of the expected value of 50 rounds.
    np.testing.assert_allclose(one.budgets, 25 * one.values.mean(axis=(0, 1)), rtol=0.02)


def test_first_prices_earn_more_where_bids_are_shaded_and_as_much_where_budgets_are_spent():
    rich = draw_market(0, (5,), bidders=2, budget=1.0, sigma=0.5, episodes=20, rounds=400)
    more = {
        rule: rich.play(rule, is_first_price=True).revenue / rich.play(rule, is_first_price=False).revenue for rule in RULES
    }
    assert more["dual, utility"] > 1.2
    assert more["pi"] > 1.2
    assert more["dual, value"] == pytest.approx(1.0, abs=0.02)
