"""Pacing to the revenue floor: a day ends there whatever it brings, and nothing is used before it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import ReplicatedLearner, iterate, trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.learners.validated.raised import raised_policy
from auctionsim.agents.policies.base import Action, Constant, DayPolicy, DayState, Participation, Policy, Reactive
from auctionsim.agents.policies.floor_paced import LEAST, MOST, ROOM, FloorPaced
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.goals import day_totals, of_all
from auctionsim.scenario.file import load_scenario, parse_scenario
from auctionsim.traffic.steps import minutes_steps

from ...conftest import SMALL

FEW = ("traffic.auctions_per_day=4000", "train.iterations=2", "learner.population=4")


@pytest.fixture(scope="module", params=["three-arms", "calibrated"])
def market(request: pytest.FixtureRequest) -> Market:
    return build_market(load_scenario(request.param), 3)


def value_bids(of: Market, scale: float) -> Constant:
    return Constant(scale * of.static("truthful"))


def revenue_ratio(of: Market, day: int, policy: Policy) -> float:
    paid, usual = (one.cost.sum() for one in (simulate_day(of, day, policy).outcome, of.baseline[day]))
    return float(paid / usual)


@pytest.mark.parametrize("off", [0.93, 1.0, 1.12])
def test_a_day_ends_at_the_floor_from_bids_that_would_miss_it_by_far(market: Market, off: float):
    for day in market.scenario.traffic.test_days:
        scale = off / revenue_ratio(market, day, value_bids(market, 1.0))
        assert revenue_ratio(market, day, value_bids(market, scale)) == pytest.approx(off, abs=0.01)
        assert revenue_ratio(market, day, FloorPaced(value_bids(market, scale))) == pytest.approx(1 + ROOM, abs=0.005)


def test_what_a_day_brings_beyond_the_floor_is_left_to_the_advertisers(market: Market):
    day = market.scenario.traffic.test_days[0]
    bids = value_bids(market, 1.1 / revenue_ratio(market, day, value_bids(market, 1.0)))
    plain, paced = (simulate_day(market, day, policy).outcome for policy in (bids, FloorPaced(bids)))
    # At one scale for all, an hour's factor moves payments and leaves the winners as they are, but for the reserve.
    assert paced.gmv.sum() == pytest.approx(plain.gmv.sum(), rel=1e-3)
    gained = (paced.gmv - paced.cost).sum() - (plain.gmv - plain.cost).sum()
    assert gained == pytest.approx(plain.cost.sum() - paced.cost.sum(), rel=0.05)
    assert gained > 0


def test_the_factor_stays_in_its_range_where_the_floor_is_out_of_reach(market: Market):
    day = market.scenario.traffic.test_days[0]
    for scale, factor in ((0.01, MOST), (30.0, LEAST)):
        bids = value_bids(market, scale)
        run = simulate_day(market, day, FloorPaced(bids))
        np.testing.assert_allclose(run.bids[-1], factor * bids.theta)


def test_bids_of_an_hour_use_nothing_of_the_day_before_it_is_over(market: Market):
    day = market.scenario.traffic.test_days[0]
    bids = FloorPaced(value_bids(market, 0.5))
    usual = market.baseline[day]
    later = np.where(np.arange(24)[:, None, None] >= 12, 3.0, 1.0)
    other = replace(market, baseline={**market.baseline, day: replace(usual, cost=usual.cost * later)})
    before, after = (simulate_day(one, day, bids).bids for one in (market, other))
    np.testing.assert_array_equal(before[:13], after[:13])
    assert (before[13] != after[13]).any()


def test_policies_side_by_side_are_paced_each_for_itself(market: Market):
    day = market.scenario.traffic.test_days[0]
    scales = (0.4, 0.5, 0.7)
    alone = [simulate_day(market, day, FloorPaced(value_bids(market, scale))).outcome.cost[:, :, 0] for scale in scales]
    together = Constant(np.concatenate([value_bids(market, scale).theta for scale in scales], axis=2))
    both = simulate_day(market, day, FloorPaced(together), n_policies=3).outcome.cost
    np.testing.assert_array_equal(both, np.stack(alone, axis=2))
    # One policy on several copies of the day.
    copies = simulate_day(market, day, FloorPaced(value_bids(market, 0.5)), n_policies=2).outcome.cost
    np.testing.assert_array_equal(copies[:, :, 0], copies[:, :, 1])


@pytest.mark.parametrize("minutes", [5, 30])
def test_steps_within_an_hour_are_paced_as_the_hour_is(market: Market, minutes: int):
    day, bids = market.scenario.traffic.test_days[0], value_bids(market, 0.6)

    class InParts:
        def begin(self, of: Market, day: int, n_policies: int) -> DayPolicy:
            return DayPolicy(bids.begin(of, day, n_policies).act, steps=minutes_steps(of.traffic, day, minutes))

    parts, hours = (simulate_day(market, day, FloorPaced(one)) for one in (InParts(), bids))
    assert len(parts.bids) == 24 * 60 // minutes
    np.testing.assert_allclose(parts.coefficients, hours.coefficients, rtol=1e-9)
    np.testing.assert_allclose(parts.outcome.cost, hours.outcome.cost, rtol=1e-9)


def test_only_learners_are_paced_and_shares_of_auctions_stay():
    text = SMALL + '\n[[advertisers]]\ngroup = "self"\ncount = 2\ncontroller = "manual"\n'
    of = build_market(parse_scenario(text, "s.toml"))
    theta = of.static("manual")

    def half(state: DayState) -> Action:
        return Participation(0.9 * theta, np.full((len(theta), 1), 0.5))

    run = simulate_day(of, 2, FloorPaced(Reactive(half)))
    first, last = run.bids[0], run.bids[-1]
    np.testing.assert_array_equal(last[~of.is_controlled], 0.9 * theta[~of.is_controlled])
    np.testing.assert_allclose(last[of.learners], MOST * 0.9 * theta[of.learners])
    assert (first[of.learners] < last[of.learners])[theta[of.learners] > 0].all()
    assert all(share is not None and (share == 0.5).all() for share in run.shares)


def test_a_higher_aim_raises_the_revenue_and_not_the_bids(market: Market):
    day = market.scenario.traffic.test_days[0]
    scale = 1.0 / revenue_ratio(market, day, value_bids(market, 1.0))
    raised = raised_policy(market, FloorPaced(value_bids(market, scale)), 1.05)
    assert revenue_ratio(market, day, raised) == pytest.approx(1.05 * (1 + ROOM), abs=0.005)


@pytest.mark.parametrize("algorithm", ["macg-es", "cma-es", "value-scale"])
def test_learning_is_the_same_with_and_without_pacing_and_so_is_what_workers_hold(algorithm: str):
    name = (f'learner.algorithm="{algorithm}"', 'learner.start="keyword-bid"')
    few = ("traffic.auctions_per_day=600", *FEW[1:])
    scenarios = [
        load_scenario("three-arms", overrides=(*few, *name, f"learner.pace_to_floor={word}")) for word in ("true", "false")
    ]
    paced, plain = (make_learner(one) for one in scenarios)
    markets = [build_market(one) for one in scenarios]
    assert isinstance(paced, ReplicatedLearner) is isinstance(plain, ReplicatedLearner)
    states = [trained(learner, of, 2) for learner, of in zip((paced, plain), markets, strict=True)]
    for key, array in states[1].items():
        np.testing.assert_array_equal(states[0][key], array)
    assert iterate(paced, markets[0], states[0])[1] == iterate(plain, markets[1], states[1])[1]
    assert isinstance(paced.policy(markets[0], states[0]), FloorPaced)
    if isinstance(paced, ReplicatedLearner):
        results = paced.ask(markets[0], states[0]).results(markets[0])
        after, _, update = paced.tell_with_update(markets[0], states[0], results)
        np.testing.assert_array_equal(paced.apply_update(markets[0], states[0], update)["mean"], after["mean"])


def test_without_a_floor_nothing_is_paced():
    of = build_market(load_scenario("three-arms", overrides=(*FEW, "platform.revenue_floor=0.0")))
    learner = make_learner(of.scenario)
    assert isinstance(learner.policy(of, learner.start(of)), Constant)


def test_learned_bids_beat_the_fitted_rule_once_days_end_at_the_floor():
    # The rule's bids hold the floor in the mean of the training days, and the test days bring more than that.
    of = build_market(load_scenario("calibrated", overrides=("learner.population=8", "train.iterations=5")), 0)
    rule = of.scenario.model_copy(
        update={"learner": of.scenario.learner.model_copy(update={"algorithm": "value-scale", "pace_to_floor": False})}
    )
    profits = []
    for scenario, iterations in ((of.scenario, 5), (rule, 20)):
        learner, own = make_learner(scenario), of.with_goals(scenario)
        policy = learner.policy(own, trained(learner, own, iterations))
        totals = [day_totals(simulate_day(own, day, policy).outcome) for day in scenario.traffic.test_days]
        profits.append([float(of_all(one[:, 3] - one[:, 4])[0]) for one in totals])
        assert all(np.isfinite(profits[-1]))
    assert (np.array(profits[0]) > np.array(profits[1])).all()
