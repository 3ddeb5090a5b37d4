"""The margin above the revenue floor, chosen on validation days: its statistics, and what it does to a policy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import ReplicatedLearner, iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.learners.validated.aimed import Aimed
from auctionsim.agents.learners.validated.learner import MAX_MARGIN, ValidatedFloor, moved_margin
from auctionsim.agents.learners.validated.prediction import lower_prediction_bound, one_sided_t
from auctionsim.agents.learners.validated.raised import MAX_FACTOR, NEXT_BEST, raised_policy, raised_until_held, validated
from auctionsim.agents.policies.base import Constant, DayPolicy, Reactive
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.constraints import trained_revenue_floor
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

DAYS = ("traffic.days=9", "traffic.validation_days=[4,5,6,7]")


def market(*overrides: str) -> Market:
    return build_market(parse_scenario(SMALL, "small.toml", overrides=(*DAYS, 'learner.floor_margin="validated"', *overrides)))


def keyword_bids(of: Market, share: float) -> Constant:
    return Constant(share * of.static("manual"))


@pytest.mark.parametrize("freedom", [1, 2, 7, 30, 31, 60, 1000])
def test_quantiles_are_those_of_the_t_distribution(freedom: int):
    assert one_sided_t(freedom) == pytest.approx(stdtrit(freedom, 0.95), abs=1e-4)


@pytest.mark.parametrize("n", [2, 4, 7])
def test_a_further_normal_value_lies_above_the_bound_with_the_stated_probability(n: int):
    drawn = np.random.default_rng(1).normal(3.0, 2.0, (4000, n + 1))
    above = [row[-1] > lower_prediction_bound(row[:-1]) for row in drawn]
    # The standard error of 4,000 draws is 0.0034.
    assert np.mean(above) == pytest.approx(0.95, abs=0.012)


def test_bids_that_miss_the_floor_are_raised_until_a_further_day_keeps_it_and_no_further():
    of = market()
    policy = keyword_bids(of, 0.9)
    assert not validated(of, policy).holds
    found = raised_until_held(of, policy)
    assert found.holds
    assert 1.1 < found.factor < MAX_FACTOR
    assert not validated(of, policy, found.factor * 0.998).holds


def test_bids_that_keep_the_floor_are_left_as_they_are():
    of = market()
    policy = keyword_bids(of, 1.5)
    assert raised_until_held(of, policy).factor == 1.0
    assert raised_policy(of, policy, 1.0) is policy


def test_a_floor_out_of_reach_leaves_bids_as_they_are_and_says_so():
    of = market("platform.revenue_floor=3.0")
    found = raised_until_held(of, keyword_bids(of, 1.0))
    assert found.factor == 1.0
    assert not found.holds


def test_where_budgets_bind_bids_are_raised_a_little_to_keep_the_floor_on_more_days():
    # Nobody can spend more than the baseline does on a day that uses up all budgets, so that no factor holds the floor.
    of = market('advertisers.0.budget="baseline*0.95"')
    policy = keyword_bids(of, 0.99)
    first, found = validated(of, policy), raised_until_held(of, policy)
    assert not found.holds
    assert found.factor in NEXT_BEST
    assert found.held == max(validated(of, policy, factor).held for factor in NEXT_BEST)
    assert found.held > first.held


def test_only_learners_bids_are_raised():
    text = SMALL + '\n[[advertisers]]\ngroup = "self"\ncount = 2\ncontroller = "manual"\n'
    of = build_market(parse_scenario(text, "s.toml", overrides=(*DAYS, 'learner.floor_margin="validated"')))
    theta = of.static("manual")
    for policy in (Constant(theta), Reactive(lambda _: theta)):
        bids = simulate_day(of, 4, raised_policy(of, policy, 1.1)).bids[0]
        assert bids[of.learners] == pytest.approx(1.1 * theta[of.learners])
        assert bids[~of.is_controlled] == pytest.approx(theta[~of.is_controlled])


class AimsAtFloor:
    """Bid keyword bids times the floor that training aims at."""

    aims_at_floor = True

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        return keyword_bids(market, 0.9 * trained_revenue_floor(market.scenario)).begin(market, day, n_policies)


def test_a_policy_that_adapts_within_the_day_aims_higher_in_place_of_bidding_higher():
    of, policy = market(), AimsAtFloor()
    assert trained_revenue_floor(of.scenario) == 1.0
    found, usual = raised_until_held(of, policy), raised_until_held(of, keyword_bids(of, 0.9))
    assert found.holds
    assert found.factor == pytest.approx(usual.factor)
    bids = simulate_day(of, 4, raised_policy(of, policy, found.factor)).bids[0]
    assert bids == pytest.approx(0.9 * found.factor * of.static("manual"))


def test_bids_of_the_auction_aim_higher_where_the_floor_is_raised():
    of = market('learner.policy="auction"', "advertisers.0.profit_floor=0.0")
    learner = make_learner(of.scenario)
    assert isinstance(learner, ValidatedFloor)
    policy = learner.policy(of, learner.start(of))
    assert isinstance(policy, Aimed)
    low, high = (validated(of, policy.policy, factor) for factor in (1.0, 1.1))
    assert sum(day.revenue for day in high.days) > 1.02 * sum(day.revenue for day in low.days)


def test_the_margin_moves_towards_the_bound_and_stays_in_its_range():
    assert moved_margin(0.02, 0.98) == pytest.approx(1.02 / 0.98**0.5 - 1)
    assert moved_margin(0.02, 1.2) == 0.0
    assert moved_margin(0.02, 0.5) == MAX_MARGIN
    assert moved_margin(0.02, float("inf")) == 0.02


@pytest.mark.parametrize("algorithm", ["macg-es", "openai-es", "cma-es"])
def test_every_evolution_strategy_is_given_the_margin_and_logs_it(algorithm: str):
    of = market(f'learner.algorithm="{algorithm}"', "platform.revenue_floor=1.6")
    learner = make_learner(of.scenario)
    assert isinstance(learner, ValidatedFloor)
    assert isinstance(learner, ReplicatedLearner) is (algorithm != "cma-es")
    plain = make_learner(parse_scenario(SMALL, "small.toml", overrides=(*DAYS, f'learner.algorithm="{algorithm}"')))
    assert set(learner.start(of)) > set(plain.start(of))
    state, margins = learner.start(of), []
    for _ in range(of.scenario.train.iterations):
        state, logged = iterate(learner, of, state)
        margins.append(logged["floor_margin"])
    # The first quarter of training is without a margin; a floor far above what is earned then asks for the largest.
    assert margins[0] == 0.0
    assert margins[-1] == MAX_MARGIN


@pytest.mark.parametrize("algorithm", ["value-scale", "value-scale-paced", "objective-scale"])
def test_a_fitted_rule_is_raised_until_a_further_day_keeps_the_floor(algorithm: str):
    of = market(f'learner.algorithm="{algorithm}"', "train.iterations=12", "traffic.auctions_per_day=300")
    learner = make_learner(of.scenario)
    assert isinstance(learner, ValidatedFloor)
    state = learner.start(of)
    for _ in range(of.scenario.train.iterations):
        state, logged = iterate(learner, of, state)
    assert logged["floor_margin"] == 0.0
    _, found = learner.choice(of, state)
    assert found.holds
    assert found.factor > 1.0
    assert validated(of, learner.policy(of, state)).bound == pytest.approx(found.bound)


def test_the_margin_changes_what_the_learner_inside_climbs():
    of = market("platform.revenue_floor=1.6")
    learner = make_learner(of.scenario)
    state = learner.start(of)
    batch = learner.ask(of, state)
    results = batch.results(of)
    without, _ = learner.tell(of, state, results)
    with_margin, _ = learner.tell(of, {**state, "validated_margin": np.array([0.1])}, results)
    assert not np.array_equal(without["mean"], with_margin["mean"])


def test_without_a_floor_nothing_is_validated():
    assert not isinstance(make_learner(market("platform.revenue_floor=0.0").scenario), ValidatedFloor)
