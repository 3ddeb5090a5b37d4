"""Values inferred from bids: on bidders whose values are known, and by the definition of regret."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim.analysis.economics.no_regret.values import (
    Alternatives,
    alternatives_of,
    consistent_values,
    least_regret,
    regret_at,
)
from auctionsim.errors import InputError
from auctionsim.games.multiplicative_weights import WholeBids, learn
from auctionsim.streams import stream

GRID = np.linspace(0, 2, 81)


@pytest.mark.parametrize("value", [0.4, 0.7, 1.3])
def test_a_truthful_bidder_s_value_is_found_at_second_price(value: float):
    rivals = stream(1, "test-values").random(4000) * 1.6
    found = consistent_values(alternatives_of(np.full(4000, value), rivals, GRID), 0.0)
    assert not found.is_empty
    assert found.low <= value + 1e-12
    assert found.high >= value - 1e-12
    assert found.high - found.low < 0.06


def test_a_bidder_that_halves_its_value_is_seen_as_one_with_half_the_value():
    rivals = stream(2, "test-values").random(4000)
    found = consistent_values(alternatives_of(np.full(4000, 0.4), rivals, GRID), 0.0)
    assert found.low <= 0.4 <= found.high < 0.8


@pytest.mark.parametrize("seed", range(3))
def test_learners_of_first_price_auctions_have_their_value_among_the_consistent_ones(seed: int):
    game = WholeBids((8, 5))
    bids = learn(game, seed, rounds=5000).astype(np.float64)
    seen = alternatives_of(bids[:, 0], bids[:, 1], np.arange(9), "first")
    epsilon = regret_at(seen, 8.0)
    # Hedge's regret vanishes, so the bound that contains the value is small.
    assert epsilon < 0.05
    found = consistent_values(seen, epsilon)
    assert found.low - 1e-9 <= 8 <= found.high + 1e-9
    assert found.low > 5


def test_uniform_bidders_at_equilibrium_are_told_by_their_bids():
    # Value 0.8 against uniform bids up to 0.5 at first price: the best bid is 0.4, and only values near 0.8 explain it.
    rivals = stream(3, "test-values").random(200_000) / 2
    seen = alternatives_of(np.full(200_000, 0.4), rivals, np.linspace(0, 0.6, 61), "first")
    found = least_regret(seen)
    assert found.epsilon < 1e-3
    assert found.low == pytest.approx(0.8, abs=0.03)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.3), st.floats(0, 3), st.sampled_from(["first", "second"]))
def test_a_value_is_consistent_just_where_its_regret_is_within_epsilon(seed: int, epsilon: float, value: float, pricing: str):
    rng = stream(seed, "test-consistent")
    seen = alternatives_of(rng.random(30), rng.random(30), rng.random(8), pricing)
    found = consistent_values(seen, epsilon)
    inside = not found.is_empty and found.low <= value <= found.high
    margin = regret_at(seen, value) - epsilon
    assert inside == (margin <= 0) or abs(margin) < 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_the_least_regret_is_the_smallest(seed: int):
    rng = stream(seed, "test-least")
    seen = alternatives_of(rng.random(40), rng.random(40), rng.random(10), "first")
    found = least_regret(seen)
    assert not found.is_empty
    grid = np.linspace(0, 50, 5001)
    brute = min(regret_at(seen, float(value)) for value in grid)
    assert found.epsilon <= brute + 1e-8
    if found.epsilon > 0:
        assert consistent_values(seen, found.epsilon * 0.99).is_empty


def test_intervals_grow_with_epsilon():
    rng = stream(4, "test-grow")
    seen = alternatives_of(rng.random(100), rng.random(100), GRID)
    found = [consistent_values(seen, epsilon) for epsilon in (0.1, 0.2, 0.4)]
    assert [one.low for one in found] == sorted((one.low for one in found), reverse=True)
    assert [one.high for one in found] == sorted(one.high for one in found)


def test_the_same_clicks_for_less_are_better_whatever_the_value():
    seen = Alternatives(np.array([1.0]), np.array([0.0]), np.array([-0.3]))
    assert consistent_values(seen, 0.2).is_empty
    assert not consistent_values(seen, 0.4).is_empty
    assert least_regret(seen).epsilon == pytest.approx(0.3, abs=1e-6)


def test_wrong_arguments_are_named():
    with pytest.raises(InputError, match="rivals: expected 2 bids, one per auction, got 1"):
        alternatives_of([1, 2], [1], [1])
    with pytest.raises(InputError, match="unknown pricing 'gsp'; choose from first, second"):
        alternatives_of([1], [1], [1], "gsp")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"epsilon: expected a number >= 0, got -1"):
        consistent_values(alternatives_of([1], [2], [1]), -1)
