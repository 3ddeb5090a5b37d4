"""The engine equals the plain reference, budgets are exact, and every policy is replayed as if alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import replay
from auctionsim.market.mechanism import replay_reference
from auctionsim.market.traffic import Traffic

from .conftest import make_market

N = 4
RATE = st.floats(0.01, 1.0)
MONEY = st.floats(0.0, 5.0)


@st.composite
def markets(draw: st.DrawFn) -> Traffic:
    sizes = draw(st.lists(st.integers(1, N), min_size=1, max_size=8))
    hours = sorted(draw(st.lists(st.integers(0, 23), min_size=len(sizes), max_size=len(sizes))))
    weights = draw(st.lists(st.integers(1, 9), min_size=len(sizes), max_size=len(sizes)))
    who = [i for size in sizes for i in sorted(draw(st.permutations(range(N)))[:size])]
    pctr = draw(st.lists(RATE, min_size=len(who), max_size=len(who)))
    bids = draw(st.lists(MONEY, min_size=len(who), max_size=len(who)))
    return make_market(sizes, hours, weights, who, pctr, bids, N)


BUDGETS = st.lists(st.one_of(st.just(np.inf), st.floats(0, 20)), min_size=N, max_size=N).map(np.array)
NAMES = ("impressions", "clicks", "conversions", "gmv", "cost")


@settings(max_examples=400, deadline=None)
@given(markets(), BUDGETS, st.sampled_from([0.0, 0.3, 1.0]))
def test_the_engine_equals_the_reference_for_every_weight_and_budget(traffic: Traffic, budgets: np.ndarray, reserve: float):
    expected = replay_reference(traffic, 0, traffic.manual_bid, budgets=budgets, reserve=reserve)
    got = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, reserve=reserve)
    for name in NAMES:
        np.testing.assert_allclose(getattr(got, name)[:, :, 0], expected[name], rtol=1e-9, atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(markets(), BUDGETS)
def test_spend_never_exceeds_the_budget_and_revenue_is_the_sum_of_spends(traffic: Traffic, budgets: np.ndarray):
    got = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets)
    spend = got.cost.sum(axis=(0, 2))
    assert (spend <= budgets * (1 + 1e-12)).all()
    np.testing.assert_allclose(got.revenue.sum(), spend.sum())


@settings(max_examples=200, deadline=None)
@given(markets(), BUDGETS, st.integers(2, 9))
def test_a_policy_is_replayed_bit_for_bit_as_if_alone(traffic: Traffic, budgets: np.ndarray, n_policies: int):
    theta = np.linspace(0.2, 2.0, N * n_policies).reshape(N, 1, n_policies)
    together = replay(traffic, coefficients=theta, budgets=budgets)
    for p in range(n_policies):
        alone = replay(traffic, coefficients=theta[:, :, p : p + 1], budgets=budgets)
        for name in NAMES:
            assert (getattr(together, name)[:, :, p] == getattr(alone, name)[:, :, 0]).all()


@settings(max_examples=200, deadline=None)
@given(markets(), st.floats(0.01, 100))
def test_scaling_the_currency_scales_money_and_nothing_else(traffic: Traffic, scale: float):
    budgets = np.full(N, 3.0)
    one = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, reserve=0.2)
    other = replay(traffic, coefficients=np.full((N, 1, 1), scale), budgets=scale * budgets, reserve=scale * 0.2)
    np.testing.assert_allclose(other.cost, scale * one.cost, rtol=1e-6, atol=1e-9 * scale)
    np.testing.assert_allclose(other.clicks, one.clicks, rtol=1e-6, atol=1e-6)


def test_a_cell_is_split_where_the_budget_runs_out():
    # a0 wins at price 1 (a1's bid) and can pay two and a half auctions of ten; a1 takes the rest for nothing.
    traffic = make_market([2], [5], [10], [0, 1], [1.0, 1.0], [2.0, 1.0], 2)
    got = replay(traffic, coefficients=np.ones((2, 1, 1)), budgets=[2.5, np.inf])
    assert got.impressions[5, :, 0].tolist() == [3.0, 7.0]
    assert got.cost[5, :, 0].tolist() == [2.5, 0.0]


def test_an_advertiser_without_budget_left_stays_out_of_later_hours():
    traffic = make_market([2, 2], [1, 2], [3, 3], [0, 1] * 2, [1.0] * 4, [2.0, 1.0] * 2, 2)
    got = replay(traffic, coefficients=np.ones((2, 1, 1)), budgets=[3.0, np.inf])
    assert got.impressions[1].ravel().tolist() == [3.0, 0.0]
    assert got.impressions[2].ravel().tolist() == [0.0, 3.0]


def test_ten_equal_charges_spend_a_budget_of_ten_charges_exactly():
    # 10 x 0.1 in floating point falls short of 1; the advertiser must not win an eleventh auction for it.
    for weights in ([10, 1], [1] * 11):
        n = len(weights)
        traffic = make_market([2] * n, [0] * n, weights, [0, 1] * n, [0.1, 0.1] * n, [2.0, 1.0] * n, 2)
        got = replay(traffic, coefficients=np.ones((2, 1, 1)), budgets=[1.0, np.inf])
        assert got.impressions[0, :, 0].tolist() == [10.0, 1.0]


def test_the_bid_is_the_sum_of_coefficients_times_features():
    traffic = make_market([2], [0], [1], [0, 1], [1.0, 1.0], [0.0, 1.0], 2, pcvr=0.5, item_price=4.0)
    theta = np.zeros((2, 4, 1))
    theta[0] = [[0.1], [0.2], [0.3], [0.0]]
    theta[1] = [[0.0], [0.0], [0.0], [0.8]]
    # a0 bids .1 + .2 x .5 + .3 x .5 x 4 = .8: a tie, which the lower index wins at its own bid.
    got = replay(traffic, coefficients=theta, features=("one", "pcvr", "value", "manual_bid"))
    assert got.cost[0, :, 0].tolist() == [0.8, 0.0]


def test_hourly_coefficients_hold_in_their_hour():
    traffic = make_market([2, 2], [3, 4], [1, 1], [0, 1] * 2, [1.0] * 4, [1.0, 1.0] * 2, 2)
    theta = np.ones((24, 2, 1, 1))
    theta[4, 0] = 0.5
    got = replay(traffic, coefficients=theta)
    assert got.impressions[3, :, 0].tolist() == [1.0, 0.0]
    assert got.impressions[4, :, 0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coefficients": np.ones((3, 1, 1))}, r"expected .* \[2, 1, P\]"),
        ({"coefficients": -np.ones((2, 1, 1))}, "at least 0"),
        ({"coefficients": np.ones((2, 1, 1)), "pricing": "gps"}, "did you mean 'gsp'"),
        ({"coefficients": np.ones((2, 1, 1)), "features": ("manual",)}, "did you mean 'manual_bid'"),
        ({"coefficients": np.ones((2, 1, 1)), "day": 3}, "expected one of 0"),
        ({"coefficients": np.ones((2, 1, 1)), "budgets": [1.0, 2.0, 3.0]}, "budgets: expected"),
        ({"coefficients": np.ones((2, 1, 1)), "budgets": -1.0}, "at least 0"),
    ],
)
def test_wrong_arguments_are_told_with_what_was_expected(arguments: dict, message: str):
    traffic = make_market([2], [0], [1], [0, 1], [1.0, 1.0], [2.0, 1.0], 2)
    with pytest.raises(ValueError, match=message):
        replay(traffic, **arguments)
