"""One scale for all, fitted: known by hand on a tiny market, the floor held, and more revenue for a larger scale."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.scales.bracket import Bracket
from auctionsim.agents.learners.scales.directions import objective_direction, value_direction
from auctionsim.agents.learners.scales.fit import fit_value_scale, measured_day, scaled_bids
from auctionsim.agents.policies.keyword_bids import keyword_bids
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

SELF_BIDDER = '\n[[advertisers]]\ngroup = "self"\ncount = 2\ncontroller = "manual"\n'


def two_sellers(*overrides: str) -> Market:
    """Two sellers in one auction a day, whose clicks are worth 2 and 1; by keyword the first wins and pays 0.8 a click."""
    auction = {"hour": 0, "weight": 10, "query": "q", "pctr": 0.1, "pcvr": 0.5}
    rows = [
        {"day": day, "cell": day, **auction, "advertiser": name, "item_price": price, "keyword_bid": bid}
        for day in (0, 1)
        for name, price, bid in (("north", 4.0, 1.0), ("south", 2.0, 0.8))
    ]
    return build_market(auctionsim.scenario_for(pl.DataFrame(rows), overrides=["platform.revenue_floor=1.0", *overrides]))


def revenue_ratio(market: Market, scale: float, day: int) -> float:
    value = np.tile(np.array([0.0, 0.0, 1.0, 0.0]), (len(market.learners), 1))
    return float(measured_day(market, day, scaled_bids(market, value, np.full((len(value), 1), scale))).revenue[0])


def test_the_scale_of_two_sellers_is_the_one_by_hand():
    # The price is lambda times the lower value, 1: it is to be the 0.8 of the baseline, and 0.4 under half of the floor.
    assert fit_value_scale(two_sellers()) == pytest.approx(0.8, rel=1e-5)
    assert fit_value_scale(two_sellers(), floor=0.5) == pytest.approx(0.4, rel=1e-5)


def test_the_margin_counts_as_a_part_of_the_floor():
    assert fit_value_scale(two_sellers("learner.floor_margin=0.25")) == pytest.approx(1.0, rel=1e-5)


def test_the_floor_holds_on_training_days_and_just_holds(small: Scenario):
    market = build_market(small)
    scale, days = fit_value_scale(market), small.traffic.train_days
    assert np.mean([revenue_ratio(market, scale, day) for day in days]) >= 1.0
    assert np.mean([revenue_ratio(market, scale * (1 - 1e-4), day) for day in days]) < 1.0


def test_a_higher_floor_needs_a_higher_scale(small: Scenario):
    market = build_market(small)
    scales = [fit_value_scale(market, floor=floor) for floor in (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)]
    assert scales == sorted(scales)
    assert len(set(scales)) == len(scales)


def test_without_a_floor_one_seller_among_truthful_rivals_bids_its_value():
    text = SMALL.replace("count = 5", "count = 1") + SELF_BIDDER.replace("manual", "truthful").replace("2", "4")
    own = ["platform.revenue_floor=0.0", "learner.global_weight=0.0", "advertisers.0.profit_floor=0.0"]
    market = build_market(parse_scenario(text, "small.toml", overrides=own))
    scale = fit_value_scale(market)

    def profit(lambda_: float) -> float:
        bids = scaled_bids(market, np.array([[0.0, 0.0, 1.0, 0.0]]), np.array([[lambda_]]))
        outcomes = [market.outcome(day, bids) for day in market.scenario.traffic.train_days]
        return float(sum(one.profit[:, 0].sum() for one in outcomes))

    # The dominant bid in a second-price auction; no other scale earns more.
    assert profit(scale) == pytest.approx(profit(1.0), rel=1e-9)


def test_a_floor_that_budgets_put_out_of_reach_is_missed_by_as_little_as_a_scale_can(small: Scenario):
    scenario = small.model_copy(
        update={"advertisers": tuple(g.model_copy(update={"budget": "baseline*0.5"}) for g in small.advertisers)}
    )
    market, days = build_market(scenario), small.traffic.train_days
    best = np.mean([revenue_ratio(market, fit_value_scale(market, floor=5.0), day) for day in days])
    for scale in np.linspace(0.05, 3.0, 60):
        assert best >= np.mean([revenue_ratio(market, float(scale), day) for day in days]) - 1e-9


def test_self_bidders_bid_as_before():
    market = build_market(parse_scenario(SMALL + SELF_BIDDER, "small.toml"))
    bids = scaled_bids(market, value_direction(market), np.ones((5, 3)))
    np.testing.assert_array_equal(bids[5:], np.repeat(keyword_bids(market).theta[5:], 3, axis=2))


def test_nobody_to_scale_is_refused():
    market = build_market(parse_scenario(SMALL.replace("count = 5", 'count = 5\ncontroller = "manual"'), "small.toml"))
    with pytest.raises(InputError, match=r"^small.toml: advertisers: expected a group with controller = 'learner', got none$"):
        fit_value_scale(market)


def test_a_scale_of_1_bids_about_as_the_keyword_bids():
    text = SMALL.replace("profit_floor = 1.0", "objectives = { clicks = 1.0, gmv = 3.0 }")
    market = build_market(parse_scenario(text, "small.toml"))
    mean = market.mean_features[market.learners]
    keyword_bid = mean[:, FEATURES.index("keyword_bid")]
    assert (value_direction(market) * mean).sum() == pytest.approx(keyword_bid.sum())
    by_feature = objective_direction(market) * mean
    np.testing.assert_allclose(by_feature[:, FEATURES.index("one")], keyword_bid / 4)
    np.testing.assert_allclose(by_feature[:, FEATURES.index("value")], keyword_bid * 3 / 4)


def test_a_bracket_keeps_the_first_number_that_holds_between_its_ends():
    bracket, logs = Bracket(0.0, 3.0), np.arange(4.0)
    np.testing.assert_allclose(bracket.grid(4), np.exp(logs))
    assert bracket.around_first(logs >= 2, logs) == (Bracket(1.0, 2.0), 2)
    assert bracket.around_first(logs >= 0, logs) == (Bracket(0.0, 0.0), 0)
    # None holds: the best of them lies between 1 and 3.
    assert bracket.around_first(logs > 9, np.array([0.0, 1.0, 3.0, 2.0])) == (Bracket(1.0, 3.0), 2)
    assert bracket.around_best(np.array([5.0, 5.0, 1.0, 0.0])) == (Bracket(0.0, 1.0), 0)


def test_a_fitted_scale_does_not_depend_on_days_that_are_not_given(small: Scenario):
    market = build_market(small)
    scale = fit_value_scale(market, days=(1,))
    assert revenue_ratio(market, scale, 1) == pytest.approx(1.0, abs=1e-3)
    assert simulate_day(market, 0, keyword_bids(market)).outcome.cost.sum() > 0
    assert scale != fit_value_scale(market, days=(0,))
