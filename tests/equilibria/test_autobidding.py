"""Autobidders with a target: the tight instance of the price of anarchy, its bounds on random markets, and exploitability."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from auctionsim.equilibria.autobidding import Autobidders, autobidding_equilibria, first_price_exploitability
from auctionsim.equilibria.multiplier_game import MultiplierGame
from auctionsim.streams import stream

TIGHT = np.array([(1, 0.01), (0.01, 0.99)])


def worst(boost: float, reserve: float, markets: int = 60) -> tuple[float, int]:
    """The worst price of anarchy among the equilibria found from nine starts a market, and their number."""
    most, found = 1.0, 0
    for k in range(markets):
        rng = stream(k, "test-autobidders")
        values = np.exp(2 * rng.standard_normal((2, int(rng.integers(2, 7)))))
        market = Autobidders(values, boost, reserve * values.max(axis=0))
        starts = [*np.exp(2 * rng.standard_exponential((6, 2))), (1, 1), (1e4, 1), (1, 1e4)]
        for path in autobidding_equilibria(market, starts):
            if path.ending == "equilibrium":
                assert market.exploitability(path.last) < 1e-6 * market.optimum
                most, found = max(most, market.price_of_anarchy(path.last)), found + 1
    return most, found


def test_the_tight_instance_of_liaw_et_al():
    market = Autobidders(TIGHT)
    multipliers = np.array([200.0, 1.0])
    # Bidder 0 takes both queries for 1.00 and gets 1.01; to take one back, bidder 1 would pay more than it is worth.
    assert market.winners(multipliers).tolist() == [0, 0]
    assert market.slack(multipliers) == pytest.approx([0.01, 0])
    assert market.exploitability(multipliers) == 0
    assert market.price_of_anarchy(multipliers) == pytest.approx(1.99 / 1.01, abs=1e-12)
    assert round(market.price_of_anarchy(multipliers), 3) == 1.970


def test_the_same_instance_under_first_prices():
    bids = np.array([(0.01, 0.99), (0.01, 0.99)])
    assert bids[0].sum() == pytest.approx(1)
    assert first_price_exploitability(TIGHT, bids) == 0
    assert TIGHT.max(axis=0).sum() / TIGHT[0].sum() == pytest.approx(1.970, abs=1e-3)
    # Once bidder 0 lets go of the second query by bidding less, bidder 1 takes it.
    assert first_price_exploitability(TIGHT, bids - np.array([(0, 0.1), (0, 0)])) > 0
    assert first_price_exploitability(TIGHT, bids + np.array([(0, 0.1), (0, 0)])) == np.inf


def test_a_departure_from_the_tight_equilibrium_is_exploited():
    market = Autobidders(TIGHT)
    assert market.exploitability(np.array([50.0, 1.0])) == pytest.approx(0.01)
    assert market.exploitability(np.array([200.0, 1.1])) == np.inf


@pytest.mark.parametrize(
    ("boost", "reserve", "bound"),
    [(0, 0, 2), (0.5, 0, 2.5 / 1.5), (1, 0, 1.5), (0, 0.5, 1.5), (0, 0.8, 1.2), (1, 0.5, 4 / 3)],
)
def test_no_equilibrium_of_a_random_market_is_worse_than_the_published_bound(boost: float, reserve: float, bound: float):
    most, found = worst(boost, reserve)
    assert found > 300
    assert 1 <= most <= bound
    # The bound is not met by markets in which nothing is lost.
    assert most > 1 + 0.3 * (bound - 1)


@pytest.mark.parametrize("seed", range(20))
def test_uniform_bids_of_values_under_first_prices_are_efficient(seed: int):
    values = stream(seed, "test-autobidders-first").random((3, 5))
    game = MultiplierGame(values, np.full(3, np.inf), np.arange(1, 41) / 20, "first", "value", shares_ties=False)
    ones = np.ones(3)
    # Whoever bids its value spends what it gets, and any higher multiplier spends more; so nobody gains, and nothing is lost.
    assert game.exploitability(ones) == 0
    assert sum(game.payoff(ones, bidder) for bidder in range(3)) == pytest.approx(values.max(axis=0).sum())
    # Bids of its own for each query let a bidder buy one with what another leaves: the same bids are no equilibrium then.
    assert first_price_exploitability(values, values * 0.9) > 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("boost", "reserve"), [(0, 0), (0.7, 0), (0, 0.6)])
def test_the_best_value_is_that_of_the_best_multiplier_of_a_fine_grid(seed: int, boost: float, reserve: float):
    rng = stream(seed, "test-best-value")
    values = rng.random((3, 4))
    market = Autobidders(values, boost, reserve * values.max(axis=0))
    multipliers = 1 + 2 * rng.random(3)
    for bidder in range(3):
        best = 0.0
        needed = market.prices_of(multipliers, bidder) / values[bidder]
        for own in (*np.linspace(0, 20, 101), *needed * (1 + 1e-9)):
            trial = multipliers.copy()
            trial[bidder] = own
            if market.slack(trial)[bidder] >= -1e-12:
                best = max(best, float(values[bidder][market.winners(trial) == bidder].sum()))
        assert market.best_value(multipliers, bidder) == pytest.approx(best)


def test_a_reply_wins_the_best_value_and_stays_where_it_is_won():
    rng = stream(0, "test-reply")
    for _ in range(50):
        market, multipliers = Autobidders(rng.random((3, 4))), 1 + rng.random(3)
        for bidder in range(3):
            trial = multipliers.copy()
            trial[bidder] = market.reply(multipliers, bidder)
            won = float(market.values[bidder][market.winners(trial) == bidder].sum())
            assert won == pytest.approx(market.best_value(multipliers, bidder))
            assert market.slack(trial)[bidder] >= -1e-8
            assert market.reply(trial, bidder) == trial[bidder]


def test_all_sets_of_queries_are_looked_at_under_first_prices():
    values, bids = np.array([(3.0, 2.0, 1.0), (0.0, 0.0, 0.0)]), np.array([(0.0, 0.0, 0.0), (1.0, 2.5, 1.2)])
    best = max(
        sum(v for v, takes in zip(values[0], chosen, strict=True) if takes)
        for chosen in product((False, True), repeat=3)
        if sum((v - p) for v, p, takes in zip(values[0], bids[1], chosen, strict=True) if takes) > 0
    )
    own = bids.copy()
    own[1] = 0
    assert first_price_exploitability(values, np.array([(0.0, 0.0, 0.0), (1e-3, 1e-3, 1e-3)])) == np.inf
    assert best == 6
    assert first_price_exploitability(values[[0, 0]], np.array([(0.0, 0.0, 0.0), (1.0, 2.5, 1.2)])) == pytest.approx(6)
