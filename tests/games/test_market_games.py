"""Learners and rules of the literature in small auctions: multiplicative weights, gradient pacing, online allocation."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.equilibria.liquid_welfare import best_liquid_welfare
from auctionsim.games.adwords import RULES, allocate, best_revenue, upper_triangle
from auctionsim.games.gradient_pacing import PacedRounds, random_rounds
from auctionsim.games.multiplicative_weights import WholeBids, learn
from auctionsim.streams import stream


@pytest.mark.parametrize("values", [(8, 8, 8), (8, 8)])
@pytest.mark.parametrize("seed", range(2))
def test_bidders_of_the_highest_value_bid_it_less_one(values: tuple[int, ...], seed: int):
    last = learn(WholeBids(values), seed)[-2000:]
    assert (last == 7).all()


def test_a_single_highest_bidder_pays_the_value_of_the_next():
    last = learn(WholeBids((8, 5)), 0)[-2000:]
    assert (last[:, 0] != 7).all()
    assert 4.985 <= last.max(axis=1).mean() <= 5.005


def test_the_same_seed_gives_the_same_bids_and_another_seed_others():
    game = WholeBids((6, 6))
    assert (learn(game, 3, rounds=300) == learn(game, 3, rounds=300)).all()
    assert (learn(game, 3, rounds=300) != learn(game, 4, rounds=300)).any()


def test_whole_bids_have_the_equilibria_that_enumeration_by_hand_gives():
    assert WholeBids((8, 8, 8)).equilibria().tolist() == [[7, 7, 7]]
    assert WholeBids((8, 8)).equilibria().tolist() == [[6, 6], [7, 7]]
    assert WholeBids((8, 5)).equilibria().tolist() == [[5, 4]]
    for game in (WholeBids((8, 8)), WholeBids((8, 5)), WholeBids((4, 4, 3))):
        found = game.equilibrium()
        assert found.exploitability == 0
        broken = found.strategies.astype(np.int64)
        broken[0] -= 1
        assert game.exploitability(broken) > 0.1


def test_weights_follow_the_payoffs_of_every_bid():
    # A rival of value 1 always bids 0: bidding 1 earns 2 of 3 for sure, and bidding 0 a half of 3.
    bids = learn(WholeBids((3, 1)), 0, rounds=4000, rate=0.5)
    assert (bids[:, 1] == 0).all()
    assert (bids[-2000:, 0] == 1).mean() > 0.999


@pytest.mark.parametrize(("n_slots", "is_first_price"), [(1, True), (1, False), (3, False)])
@pytest.mark.parametrize("seed", range(8))
def test_gradient_pacing_keeps_half_of_the_best_liquid_welfare(n_slots: int, is_first_price: bool, seed: int):
    market = random_rounds(seed, n_slots=n_slots, is_first_price=is_first_price, rounds=200)
    rate = 0.1 * 200 / market.budgets.mean()
    reached = market.liquid_welfare(float(rate))
    assert market.best / 2 <= reached <= market.best * (1 + 1e-9)


def test_bidders_that_do_not_pace_reach_less():
    # Without pacing bidder 0 spends its budget where bidder 1 would have paid as much, and has none left where it is alone.
    values = np.array([[1.0, 0.999]] * 50 + [[1.0, 0.0]] * 50)
    market = PacedRounds(values, np.array([25.0, 1000.0]), np.array([1.0]), is_first_price=True)
    assert market.liquid_welfare(1e-12) < market.liquid_welfare(0.2)
    assert market.best == pytest.approx(25 + 0.999 * 50)


def test_the_best_liquid_welfare_of_a_market_by_hand():
    # Two queries: bidder 0 values both at 3 with a budget of 2, bidder 1 the second at 1; it may be divided.
    assert best_liquid_welfare(np.array([(3.0, 0.0), (3.0, 1.0)]), np.array([2.0, np.inf])) == pytest.approx(3)
    one_slot_each = best_liquid_welfare(np.array([(3.0, 2.0)]), np.full(2, np.inf), np.array([(1.0, 0.5)]))
    assert one_slot_each == pytest.approx(4)


@pytest.mark.parametrize("seed", range(6))
def test_rules_of_adwords_keep_their_bounds(seed: int):
    rng = stream(seed, "test-adwords")
    bids = rng.random((400, 5)) * rng.random(5) * (rng.random((400, 5)) < 0.4)
    budgets = np.maximum(bids.sum(axis=0) * 0.6 * rng.random(5), 15 * bids.max(axis=0))
    best = best_revenue(bids, budgets)
    revenue = {rule: allocate(bids, budgets, rule) for rule in RULES}
    assert all(earned <= best * (1 + 1e-9) for earned in revenue.values())
    assert revenue["msvv"] >= 0.63 * best
    assert revenue["greedy"] >= 0.5 * best


def test_balance_earns_one_less_one_over_e_of_the_upper_triangle():
    shares = [allocate(*upper_triangle(n, 40), "balance") / (40 * n) for n in (10, 20, 60)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(1 - np.exp(-1), abs=0.01)
    assert best_revenue(*upper_triangle(10, 40)) == pytest.approx(400)


def test_greedy_may_earn_half_where_msvv_earns_three_quarters():
    # Both bid for the first half of the queries, only the first for the second half; greedy wastes its budget early.
    bids = np.array([(1.001, 1.0)] * 50 + [(1.0, 0.0)] * 50)
    budgets = np.array([50.0, 50.0])
    assert allocate(bids, budgets, "greedy") == pytest.approx(51)
    assert allocate(bids, budgets, "msvv") > 70
