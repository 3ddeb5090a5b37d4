"""The kernel equals the plain reference, budgets are exact, and every policy is replayed as if alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import replay
from auctionsim.auction.kernel.noise import hour_rng_key, uniform
from auctionsim.auction.kernel.prices import PRICINGS
from auctionsim.auction.reference import replay_reference
from auctionsim.traffic.table import CELL_COLUMNS, ROW_COLUMNS, Traffic

from ..conftest import fewer, make_market

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
    external_score = draw(st.lists(st.sampled_from([0.0, 0.0, 0.3, 1.0]), min_size=len(sizes), max_size=len(sizes)))
    return make_market(sizes, hours, weights, who, pctr, bids, N, market_ecpm=external_score)


SLOTS = st.sampled_from([(1.0,), (1.0, 0.6), (1.0, 0.6, 0.6), (1.0, 0.5, 0.4, 0.3, 0.2)])
PRICING = st.sampled_from(PRICINGS)


BUDGETS = st.lists(st.one_of(st.just(np.inf), st.floats(0, 20)), min_size=N, max_size=N).map(np.array)
NAMES = ("impressions", "clicks", "conversions", "gmv", "cost")


RULES = st.fixed_dictionaries(
    {
        "reserve": st.sampled_from([0.0, 0.3, 1.0]),
        "pricing": PRICING,
        "slot_effect": SLOTS,
        "squash": st.sampled_from([1.0, 0.0, 0.5]),
        "outcomes": st.sampled_from(["expected", "expected", "sampled"]),
        "seed": st.integers(0, 3),
    }
)


@settings(max_examples=fewer(2000))
@given(markets(), BUDGETS, RULES)
def test_the_kernel_equals_the_reference_for_every_rule_weight_and_budget(traffic: Traffic, budgets: np.ndarray, rules: dict):
    # The largest bid is the bound that the kernel derives from coefficients of 1: units are the same, and so is every bit.
    expected = replay_reference(traffic, 0, traffic.keyword_bid, budgets=budgets, **rules)
    got = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, **rules)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(got, name)[:, :, 0], expected[name])


@settings(max_examples=fewer(200))
@given(markets(), BUDGETS, RULES)
def test_spend_never_exceeds_the_budget_and_revenue_is_the_sum_of_spends(traffic: Traffic, budgets: np.ndarray, rules: dict):
    got = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, **rules)
    spend = got.cost.sum(axis=(0, 2))
    assert (spend <= budgets * (1 + 1e-12)).all()
    np.testing.assert_allclose(got.revenue.sum(), spend.sum())


@settings(max_examples=fewer(200))
@given(markets(), BUDGETS, st.sampled_from([2, 9, 33]), RULES)
def test_a_policy_is_replayed_bit_for_bit_as_if_alone(traffic: Traffic, budgets: np.ndarray, n_policies: int, rules: dict):
    # With sampled outcomes this says as well that an auction draws the same noise whatever policies are beside it.
    theta = np.linspace(0.2, 2.0, N * n_policies).reshape(N, 1, n_policies)
    together = replay(traffic, coefficients=theta, budgets=budgets, **rules)
    for p in range(n_policies):
        alone = replay(traffic, coefficients=theta[:, :, p : p + 1], budgets=budgets, **rules)
        for name in NAMES:
            assert (getattr(together, name)[:, :, p] == getattr(alone, name)[:, :, 0]).all()


@settings(max_examples=fewer(200))
@given(markets(), st.integers(-5, 5), PRICING, SLOTS)
def test_scaling_the_currency_scales_money_and_nothing_else(
    traffic: Traffic, power: int, pricing: str, slot_effect: tuple[float, ...]
):
    # By a power of two, so that it is exact in floating point.
    scale = 2.0**power
    scaled = replace(traffic, market_ecpm=scale * traffic.market_ecpm)
    rules, budgets = {"pricing": pricing, "slot_effect": slot_effect}, np.full(N, 3.0)
    one = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, reserve=0.2, **rules)
    other = replay(scaled, coefficients=np.full((N, 1, 1), scale), budgets=scale * budgets, reserve=scale * 0.2, **rules)
    assert (other.cost == scale * one.cost).all()
    assert (other.clicks == one.clicks).all()


def permuted(traffic: Traffic, order: list[int]) -> Traffic:
    """The same market where advertiser i is called order[i]; candidates keep their order."""
    return replace(traffic, advertiser=np.array(order)[traffic.advertiser])


@settings(max_examples=fewer(200))
@given(markets(), BUDGETS, st.permutations(range(N)), PRICING, SLOTS)
def test_relabelling_advertisers_relabels_outcomes(
    traffic: Traffic, budgets: np.ndarray, order: list[int], pricing: str, slot_effect: tuple[float, ...]
):
    rules = {"pricing": pricing, "slot_effect": slot_effect}
    one = replay(traffic, coefficients=np.ones((N, 1, 1)), budgets=budgets, **rules)
    renamed = np.empty(N)
    renamed[order] = budgets
    other = replay(permuted(traffic, order), coefficients=np.ones((N, 1, 1)), budgets=renamed, **rules)
    for name in NAMES:
        assert (getattr(other, name)[:, order] == getattr(one, name)).all()


@settings(max_examples=fewer(200))
@given(markets(), st.integers(0, N - 1), st.floats(1, 4), PRICING, SLOTS)
def test_a_higher_bid_never_loses_clicks(
    traffic: Traffic, who: int, factor: float, pricing: str, slot_effect: tuple[float, ...]
):
    theta = np.ones((N, 1, 2))
    theta[who, 0, 1] = factor
    got = replay(traffic, coefficients=theta, pricing=pricing, slot_effect=slot_effect)
    assert got.clicks[:, who, 1].sum() >= got.clicks[:, who, 0].sum() - 1e-12


@settings(max_examples=fewer(200))
@given(markets(), st.integers(0, N - 1), st.floats(0, 4), SLOTS, st.sampled_from([0.0, 0.5]))
def test_truthful_bidding_is_a_best_response_under_vcg(
    traffic: Traffic, who: int, factor: float, slot_effect: tuple[float, ...], reserve: float
):
    # The value of a click is what the keyword bid says, and the rivals bid whatever they bid.
    truthful = replace(traffic, item_price=traffic.keyword_bid, cvr=np.ones_like(traffic.cvr))
    theta = np.ones((N, 1, 2))
    theta[who, 0, 1] = factor
    got = replay(truthful, coefficients=theta, pricing="vcg", slot_effect=slot_effect, reserve=reserve)
    honest, deviating = got.profit[:, who].sum(axis=0)
    assert honest >= deviating - 1e-9


@settings(max_examples=fewer(200))
@given(markets(), BUDGETS, PRICING, SLOTS)
def test_aggregated_and_expanded_traffic_agree(
    traffic: Traffic, budgets: np.ndarray, pricing: str, slot_effect: tuple[float, ...]
):
    rules = {"budgets": budgets, "pricing": pricing, "slot_effect": slot_effect}
    one = replay(traffic, coefficients=np.ones((N, 1, 1)), **rules)
    other = replay(expanded(traffic), coefficients=np.ones((N, 1, 1)), **rules)
    for name in NAMES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9)


def expanded(traffic: Traffic) -> Traffic:
    """Every bucket written out as often as its weight says."""
    buckets = np.repeat(np.arange(len(traffic.weight)), traffic.weight)
    size = np.diff(traffic.cell_start)
    rows = np.concatenate([np.arange(traffic.cell_start[b], traffic.cell_start[b + 1]) for b in buckets])
    return replace(
        traffic,
        cell_start=np.concatenate([[0], np.cumsum(size[buckets])]).astype(np.int64),
        **{name: getattr(traffic, name)[buckets] for name in CELL_COLUMNS if name != "weight"},
        weight=np.ones(len(buckets), dtype=np.int64),
        **{name: getattr(traffic, name)[rows] for name in ROW_COLUMNS},
    )


@pytest.mark.parametrize("threads", [2, 3, 40])
def test_threads_change_no_bit(threads: int):
    traffic = make_market([2, 2], [1, 2], [3, 3], [0, 1] * 2, [0.5] * 4, [2.0, 1.0] * 2, 2)
    theta = np.linspace(0.1, 2, 2 * 33).reshape(2, 1, 33)
    alone, together = (replay(traffic, coefficients=theta, budgets=[3.0, 1.0], threads=n) for n in (1, threads))
    assert all((getattr(alone, name) == getattr(together, name)).all() for name in NAMES)


@pytest.mark.parametrize(("pricing", "revenue"), [("gsp", 1000), ("vcg", 800), ("first", 2400)])
def test_revenue_of_the_textbook_example(pricing: str, revenue: float):
    # Edelman et al. 2007: values 10, 4, 2 a click, truthful bids, slots of 200 and 100 clicks an hour.
    traffic = make_market([3], [0], [200], [0, 1, 2], [1.0, 1.0, 1.0], [10.0, 4.0, 2.0], 3)
    got = replay(traffic, coefficients=np.ones((3, 1, 1)), slot_effect=(1.0, 0.5), pricing=pricing)
    assert got.revenue.sum() == pytest.approx(revenue)


def test_squashing_ranks_by_bid_alone_at_zero():
    traffic = make_market([2], [0], [1], [0, 1], [0.9, 0.1], [1.0, 2.0], 2)
    by_ecpm = replay(traffic, coefficients=np.ones((2, 1, 1)))
    by_bid = replay(traffic, coefficients=np.ones((2, 1, 1)), squash=0.0)
    assert by_ecpm.impressions[0, :, 0].tolist() == [1.0, 0.0]
    assert by_bid.impressions[0, :, 0].tolist() == [0.0, 1.0]
    assert by_bid.cost[0, 1, 0] == pytest.approx(1.0 * 0.1)


def test_a_bid_equal_to_the_market_price_wins_and_pays_it():
    traffic = make_market([1, 1], [0, 1], [1, 1], [0, 0], [0.5, 0.5], [1.0, 0.99], 1, market_ecpm=[0.5, 0.5])
    got = replay(traffic, coefficients=np.ones((1, 1, 1)))
    assert got.impressions[:2, 0, 0].tolist() == [1.0, 0.0]
    assert got.cost[0, 0, 0] == pytest.approx(1.0 * 0.5)


def test_the_external_competitor_takes_a_slot_and_pays_nobody():
    traffic = make_market([2], [0], [1], [0, 1], [1.0, 1.0], [3.0, 1.0], 2, market_ecpm=[2.0])
    got = replay(traffic, coefficients=np.ones((2, 1, 1)), slot_effect=(1.0, 0.5))
    assert got.impressions[0, :, 0].tolist() == [1.0, 0.0]
    assert got.revenue[0, 0] == 2.0


def test_several_budgets_run_out_in_one_bucket():
    # Two slots at first price, 1 a click and .5 x .8: 2.5 pays two and a half auctions, 1.0 the same number of its own.
    traffic = make_market([3], [0], [10], [0, 1, 2], [1.0, 1.0, 1.0], [1.0, 0.8, 0.1], 3)
    rules = {"slot_effect": (1.0, 0.5), "pricing": "first"}
    got = replay(traffic, coefficients=np.ones((3, 1, 1)), budgets=[2.5, 1.0, np.inf], **rules)
    assert got.cost[0, :2, 0].tolist() == [2.5, 1.0]
    assert got.impressions[0, :, 0].tolist() == [3.0, 3.0, 7.0]


def test_a_bucket_is_split_where_the_budget_runs_out():
    # a0 wins at price 1 (a1's bid) and can pay two and a half auctions of ten; a1 takes the rest for nothing.
    traffic = make_market([2], [5], [10], [0, 1], [1.0, 1.0], [2.0, 1.0], 2)
    got = replay(traffic, coefficients=np.ones((2, 1, 1)), budgets=[2.5, np.inf])
    assert got.impressions[5, :, 0].tolist() == [3.0, 7.0]
    assert got.cost[5, :, 0].tolist() == [2.5, 0.0]


def test_a_budget_pays_whole_auctions_and_then_what_is_left_of_it():
    # The worked example of `settle_with_budgets`: 1.0 pays three auctions of ten at 0.3, and 0.1 of the fourth.
    traffic = make_market([2], [0], [10], [0, 1], [1.0, 1.0], [2.0, 0.3], 2)
    got = replay(traffic, coefficients=np.ones((2, 1, 1)), budgets=[1.0, np.inf])
    assert got.impressions[0, :, 0].tolist() == [4.0, 6.0]
    assert got.cost[0, :, 0].tolist() == [1.0, 0.0]


def test_an_advertiser_without_budget_left_does_not_participate_in_later_hours():
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
    got = replay(traffic, coefficients=theta, features=("one", "pcvr", "value", "keyword_bid"))
    assert got.cost[0, :, 0].tolist() == [0.8, 0.0]


def one_bidder(auctions: int, *, ctr: float, cvr: float) -> Traffic:
    traffic = make_market([1], [3], [auctions], [0], [0.5], [1.0], 1, pcvr=0.5)
    return replace(traffic, ctr=np.array([ctr]), cvr=np.array([cvr]))


def test_sampled_outcomes_have_the_expected_ones_as_their_mean():
    traffic = one_bidder(20_000, ctr=0.3, cvr=0.2)
    sampled = replay(traffic, coefficients=np.ones((1, 1, 1)), reserve=0.5, outcomes="sampled", seed=1)
    expected = replay(traffic, coefficients=np.ones((1, 1, 1)), reserve=0.5)
    # Five standard deviations of a binomial of 20,000 and of its 6,000 clicks.
    assert sampled.clicks.sum() == pytest.approx(expected.clicks.sum(), abs=5 * np.sqrt(20_000 * 0.3 * 0.7))
    assert sampled.conversions.sum() == pytest.approx(expected.conversions.sum(), abs=5 * np.sqrt(20_000 * 0.06))
    assert sampled.clicks.sum() == int(sampled.clicks.sum())
    assert sampled.cost.sum() == pytest.approx(0.5 * sampled.clicks.sum())
    other = replay(traffic, coefficients=np.ones((1, 1, 1)), reserve=0.5, outcomes="sampled", seed=2)
    assert other.clicks.sum() != sampled.clicks.sum()


def test_the_auction_sees_predictions_and_clicks_follow_the_truth():
    got = replay(one_bidder(100, ctr=0.1, cvr=0.25), coefficients=np.ones((1, 1, 1)))
    assert got.clicks.sum() == pytest.approx(10)
    assert got.conversions.sum() == pytest.approx(2.5)
    # Ranked and priced by pctr .9 against .5, although its true rate is the lowest.
    traffic = make_market([2], [0], [1], [0, 1], [0.9, 0.5], [1.0, 1.0], 2)
    traffic = replace(traffic, ctr=np.array([0.01, 0.5]))
    got = replay(traffic, coefficients=np.ones((2, 1, 1)))
    assert got.impressions[0, :, 0].tolist() == [1.0, 0.0]
    assert got.cost[0, 0, 0] == pytest.approx(0.5 / 0.9 * 0.01)


def test_sampling_noise_is_uniform_and_differs_by_every_part_of_its_key():
    keys = [hour_rng_key(seed, day, hour) for seed in (0, 1) for day in (0, 1) for hour in (0, 1)]
    draws = np.array(
        [uniform(key, bucket, auction, row, what) for key in keys for bucket in range(8) for auction in range(8)
         for row in range(8) for what in (0, 1)]
    )  # fmt: skip
    assert len(np.unique(draws)) == len(draws)
    counts = np.histogram(draws, bins=16, range=(0, 1))[0]
    # Chi-squared with 15 degrees of freedom: 37.7 is its 0.1 % point.
    assert ((counts - len(draws) / 16) ** 2 / (len(draws) / 16)).sum() < 37.7
    by_part = draws.reshape(8, 8, 8, 8, 2)
    for axis in range(5):
        one, other = np.take(by_part, 0, axis).ravel(), np.take(by_part, 1, axis).ravel()
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(len(one))


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
        ({"coefficients": -np.ones((2, 1, 1))}, "expected finite numbers >= 0, got a negative"),
        ({"coefficients": np.ones((2, 1, 1)), "pricing": "gps"}, "did you mean 'gsp'"),
        ({"coefficients": np.ones((2, 1, 1)), "slot_effect": (0.9,)}, r"expected 1\.0 for the first slot"),
        ({"coefficients": np.ones((2, 1, 1)), "slot_effect": (1.0, 0.5, 0.6)}, "that do not rise"),
        ({"coefficients": np.ones((2, 1, 1)), "slot_effect": (1.0,) * 8}, "1 to 7 slots"),
        ({"coefficients": np.ones((2, 1, 1)), "squash": -1.0}, "squash: expected"),
        ({"coefficients": np.ones((2, 1, 1)), "outcomes": "sample"}, "did you mean 'sampled'"),
        ({"coefficients": np.ones((2, 1, 1)), "reserve": float("nan")}, "reserve: expected"),
        ({"coefficients": np.ones((2, 1, 1)), "features": ("keyword_bit",)}, "did you mean 'keyword_bid'"),
        ({"coefficients": np.ones((2, 1, 1)), "day": 3}, "expected one of 0"),
        ({"coefficients": np.ones((2, 1, 1)), "budgets": [1.0, 2.0, 3.0]}, "budgets: expected"),
        ({"coefficients": np.ones((2, 1, 1)), "budgets": -1.0}, "budgets: expected numbers >= 0, got -1.0"),
    ],
)
def test_wrong_arguments_are_told_with_what_was_expected(arguments: dict, message: str):
    traffic = make_market([2], [0], [1], [0, 1], [1.0, 1.0], [2.0, 1.0], 2)
    with pytest.raises(ValueError, match=message):
        replay(traffic, **arguments)
