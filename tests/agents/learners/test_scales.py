"""The fitted rules as learners: one scale as `fit_value_scale` finds it, pacing by budgets and caps, and what each wants."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import Arrays, iterate, trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.learners.scales.fit import fit_value_scale
from auctionsim.agents.policies.keyword_bids import keyword_bids
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import COST
from auctionsim.errors import InputError
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.fitness import violations
from auctionsim.objectives.goals import day_totals
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

VALUE = FEATURES.index("value")
SELF_BIDDER = '\n[[advertisers]]\ngroup = "self"\ncount = 2\ncontroller = "manual"\nbudget = "baseline*1.0"\n'
BUDGETS = ("advertisers.0.budget='baseline*1.0'",)
CAPS = ("advertisers.0.cpc_cap='baseline*1.0'",)
LONG = ("train.iterations=80", "learner.population=16")


def market_of(algorithm: str, *overrides: str, text: str = SMALL) -> Market:
    return build_market(parse_scenario(text, "small.toml", overrides=[f'learner.algorithm="{algorithm}"', *LONG, *overrides]))


def fitted(market: Market) -> tuple[Arrays, np.ndarray]:
    """The state after all iterations, and the coefficients that are bid with, `[advertisers, 4]`."""
    learner = make_learner(market.scenario)
    state = trained(learner, market, market.scenario.train.iterations)
    policy = learner.policy(market, state)
    assert isinstance(policy, Constant)
    return state, policy.theta[:, :, 0]


def training_totals(market: Market, theta: np.ndarray) -> list[np.ndarray]:
    policy = Constant(theta[:, :, None])
    return [day_totals(simulate_day(market, day, policy).outcome) for day in market.scenario.traffic.train_days]


def revenue_ratio(market: Market, theta: np.ndarray) -> float:
    baseline = [market.baseline[day].cost.sum() for day in market.scenario.traffic.train_days]
    totals = training_totals(market, theta)
    return float(np.mean([day[:, COST].sum() / usual for day, usual in zip(totals, baseline, strict=True)]))


def test_one_scale_is_the_one_that_the_function_fits():
    market = market_of("value-scale")
    state, theta = fitted(market)
    assert theta[:, VALUE] == pytest.approx(np.full(5, fit_value_scale(market)), rel=1e-4)
    assert not np.delete(theta, VALUE, axis=1).any()
    assert state["bracket"][1] - state["bracket"][0] <= 1e-4


def test_a_search_that_is_over_replays_nothing_and_stays():
    market = market_of("value-scale")
    learner = make_learner(market.scenario)
    state = trained(learner, market, 20)
    assert not learner.ask(market, state).tasks
    after, logged = iterate(learner, market, state)
    assert {name for name in after if not np.array_equal(after[name], state[name])} == {"iteration"}
    assert logged["revenue_ratio"] == pytest.approx(1.0, abs=1e-4)


def test_without_budgets_and_caps_pacing_changes_nothing():
    _, paced = fitted(market_of("value-scale-paced"))
    np.testing.assert_allclose(paced, fitted(market_of("value-scale"))[1], rtol=1e-4)


@pytest.mark.long
def test_paced_advertisers_keep_their_budgets_to_the_end_of_a_mean_day():
    # Among 600 auctions spend moves in jumps of a few percent.
    overrides = ("platform.revenue_floor=1.02", "traffic.weight=1", "train.iterations=100", *BUDGETS)
    market = market_of("value-scale-paced", *overrides, text=SMALL + SELF_BIDDER)
    _, theta = fitted(market)
    spent = np.mean([day[:, COST, 0] for day in training_totals(market.without_budgets(), theta)], axis=0)
    scales = theta[market.learners, VALUE]
    assert (spent[market.learners] <= market.budgets[market.learners] * 1.05).all()
    is_paced = scales < scales.max() * (1 - 1e-6)
    assert is_paced.any()
    assert not is_paced.all()
    assert (spent[market.learners][is_paced] >= market.budgets[market.learners][is_paced] * 0.9).all()


def test_caps_are_kept_where_the_floor_leaves_room():
    market = market_of("value-scale-paced", "platform.revenue_floor=0.6", *CAPS)
    _, theta = fitted(market)
    assert revenue_ratio(market, theta) >= 0.6 * (1 - 1e-3)
    days = zip(training_totals(market, theta), market.scenario.traffic.train_days, strict=True)
    over = np.mean([violations(totals, goals_of(market, day))["cpc_cap"] for totals, day in days], axis=0)
    assert over.max() < 0.01


@pytest.mark.long
def test_where_caps_stand_against_the_floor_the_floor_is_held_and_caps_give_way():
    overrides = ("platform.revenue_floor=1.3", *CAPS)
    market = market_of("value-scale-paced", *overrides)
    _, theta = fitted(market)
    assert revenue_ratio(market, theta) >= 1.3 * (1 - 2e-3)
    cheap = market_of("value-scale-paced", "platform.revenue_floor=0.6", *CAPS)
    assert revenue_ratio(cheap, fitted(cheap)[1]) < 1.0


def test_each_objective_has_the_feature_that_is_worth_it():
    groups = "".join(
        f'\n[[advertisers]]\ngroup = "{name}"\ncount = 1\nobjectives = {{ {name} = 1.0 }}\n'
        for name in ("clicks", "conversions", "gmv", "profit")
    )
    market = market_of("objective-scale", text=SMALL.replace("count = 5", "count = 1") + groups + SELF_BIDDER)
    _, theta = fitted(market)
    wanted = [FEATURES[k] for k in np.argmax(theta[1:5], axis=1)]
    assert wanted == ["one", "pcvr", "value", "value"]
    assert (np.count_nonzero(theta[:5], axis=1) == 1).all()
    np.testing.assert_array_equal(theta[5:], keyword_bids(market).theta[5:, :, 0])
    assert revenue_ratio(market, theta) >= 1.0 - 1e-3


def test_two_scales_are_too_few_to_search_with():
    with pytest.raises(InputError, match="^small.toml: learner.population: expected a number >= 4 with 'value-scale', got 2$"):
        market_of("value-scale", "learner.population=2")
