"""The plain rivals of SS-RTB: 24 factors on predictions, and one marginal value for all."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.keyword_bids import (
    common_value_alpha,
    keyword_cost,
    linear_alpha,
    marginal_value_of_spend,
    timetable,
)
from auctionsim.agents.policies.pacing.timetable import hour_factors, purchases_by_hour
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario.file import load_scenario
from auctionsim.traffic.profile import load_profile

TINY = (
    "traffic.auctions_per_day=100000",
    "traffic.queries=40",
    "traffic.weight=20",
    "advertisers.0.count=2",
    "advertisers.1.count=6",
)


def market_of(*overrides: str, name: str = "ss-rtb") -> Market:
    return build_market(load_scenario(name, overrides=(*(TINY if name == "ss-rtb" else ()), *overrides)), 31)


def test_an_hour_s_factor_is_its_purchases_over_the_predicted_ones_relative_to_the_day():
    bought, predicted = np.array([79.0, 921.0]), np.array([80.0, 1920.0])
    np.testing.assert_allclose(hour_factors(bought, predicted), [80 / 41, 922 / 961])
    np.testing.assert_allclose(hour_factors(np.zeros(2), np.zeros(2)), 1.0)
    assert hour_factors(np.array([0.0, 50.0]), np.array([10.0, 40.0]))[0] > 0


def test_predicted_purchases_are_those_of_a_market_whose_predictions_are_right():
    market = market_of("mechanism.outcomes=expected")
    traffic = market.traffic
    right = market.with_rates(traffic.ctr, traffic.pcvr)
    bought, predicted = purchases_by_hour(market, (0,))
    np.testing.assert_allclose(predicted, right.outcome(0, market.static("manual")).conversions[:, :, 0])
    # In expectation the ratio is the profile's curve, but in hours of so many purchases that rates meet their limit of 1.
    curve, early = load_profile("ss-rtb").cvr_hour_factor, slice(0, 17)
    ratio = bought.sum(axis=1) / predicted.sum(axis=1)
    np.testing.assert_allclose(ratio[early], curve[early], rtol=1e-6)
    assert (ratio <= curve * (1 + 1e-12)).all()


@pytest.mark.parametrize("options", [{}, {"own": True}, {"smooth": True}], ids=["all", "own", "smoothed"])
def test_a_timetable_is_fitted_on_the_training_day_alone(options: dict[str, bool]):
    days = "traffic.days=3"
    one, two = (timetable(market_of(days, f"traffic.test_days=[{day}]"), 0, **options) for day in (1, 2))
    assert one.alpha.tobytes() == two.alpha.tobytes()
    other = timetable(market_of(days, "traffic.train_days=[1]", "traffic.test_days=[2]"), 1, **options)
    assert not np.array_equal(one.alpha, other.alpha)


def test_a_timetable_bids_most_when_purchases_peak_and_costs_what_keyword_bids_cost():
    market = market_of()
    policy = timetable(market, 0)
    assert (policy.alpha.argmax(axis=0) == 20).all()
    shape = policy.alpha / policy.alpha[20]
    np.testing.assert_allclose(shape[:, 0], shape[:, 1], rtol=1e-12)
    drawn = market.with_realized_rates()
    cost = simulate_day(drawn, 0, policy).outcome.cost[:, market.learners, 0].sum(axis=0)
    np.testing.assert_allclose(cost, keyword_cost(drawn, 0), rtol=0.01)


def test_own_purchases_give_each_advertiser_factors_of_its_own():
    alpha = timetable(market_of(), 0, own=True).alpha
    assert not np.allclose(alpha[:, 0] / alpha[20, 0], alpha[:, 1] / alpha[20, 1])


def test_averages_of_three_hours_vary_less_from_hour_to_hour():
    market = market_of("traffic.hour_noise=0.5")
    rough, smooth = (np.log(timetable(market, 0, smooth=smooth).alpha[:, 0]) for smooth in (False, True))
    assert np.abs(np.diff(smooth)).mean() < 0.7 * np.abs(np.diff(rough)).mean()


def test_the_rule_of_this_name_is_linear_times_the_factors():
    market = market_of('advertisers.0.controller="timetable"')
    linear = market_of('advertisers.0.controller="linear"')
    factors = hour_factors(*(amount.sum(axis=1) for amount in purchases_by_hour(market, (0,))))
    days = [one.day(1) for one in (market, linear)]
    for hour in range(24):
        for day, one in zip(days, (market, linear), strict=True):
            day.step(one.fixed[:, :, None].copy())
        np.testing.assert_allclose(days[0].coefficients[:2], days[1].coefficients[:2] * factors[hour], rtol=1e-12)


def test_at_a_common_marginal_value_a_unit_of_cost_brings_everybody_more_nearly_the_same():
    market = market_of("traffic.auctions_per_day=2000000", "traffic.queries=100", name="ss-rtb-many")
    spread = {}
    for name, fit in (("linear", linear_alpha), ("common", common_value_alpha)):
        alpha = fit(market.with_realized_rates() if fit is linear_alpha else market, 0)
        marginal = marginal_value_of_spend(market.in_expectation(), 0, alpha)
        spread[name] = marginal.std() / marginal.mean()
    assert spread["common"] < 0.7 * spread["linear"]
