"""Agencies: joint objectives, joint budgets and withheld bids, each with the consequence that is known beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.analysis.economics.auctions import auctions_of
from auctionsim.analysis.economics.competition import competitive_totals
from auctionsim.analysis.experiments.arms import Arms
from auctionsim.auction.outcome import COST
from auctionsim.bounds.oracle import linear_rewards
from auctionsim.envs import parallel_env
from auctionsim.errors import InputError
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives import fitness
from auctionsim.objectives import goals as obj
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

HOUSE = '[[agencies]]\nagency = "house"\nmembers = ["seller[1:4]"]\n'
PAIR = '[[agencies]]\nagency = "pair"\nmembers = ["seller[0]", "seller[4]"]\n'
FREE = ("platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0")


def made(more: str = "", *overrides: str) -> Market:
    return build_market(parse_scenario(SMALL + more, "small.toml", overrides=overrides))


def test_a_member_has_the_sum_of_the_members_objectives_in_units_of_their_mean():
    market, plain = made(HOUSE), made()
    goals, usual = goals_of(market, 2), goals_of(plain, 2)
    totals = obj.day_totals(market.outcome(2, market.static("truthful")))
    profit = obj.objective_vector(totals)[:, 3, 0]
    expected = profit[1:4].sum() / usual.scales[1:4, 3, 0].mean()
    own, alone = obj.own_objective(totals, goals)[:, 0], obj.own_objective(totals, usual)[:, 0]
    np.testing.assert_allclose(own[1:4], expected, rtol=1e-12)
    np.testing.assert_array_equal(own[[0, 4]], alone[[0, 4]])
    # Limits are still relative to an advertiser's own baseline.
    np.testing.assert_array_equal(goals.scales, usual.scales)


def test_money_that_moves_between_members_is_worth_nothing():
    market = made(HOUSE)
    goals, totals = goals_of(market, 2), obj.day_totals(market.outcome(2, market.static("manual")))
    moved = totals.copy()
    moved[1, COST] += 1.0
    moved[3, COST] -= 1.0
    np.testing.assert_allclose(obj.own_objective(moved, goals), obj.own_objective(totals, goals), rtol=1e-12)


def test_members_answer_for_each_others_constraints():
    market = made(HOUSE, "advertisers.0.cpc_cap=0.001", *FREE)
    goals, totals = goals_of(market, 2), obj.day_totals(market.outcome(2, market.static("manual")))
    found, price = fitness.violations(totals, goals), fitness.penalty_price(market.scenario.learner)
    own, joint = fitness.own_charge(found, price), fitness.charge(found, price, goals)
    assert (own > 0).all()
    np.testing.assert_allclose(joint[1:4, 0], own[1:4, 0].sum())
    np.testing.assert_array_equal(joint[[0, 4]], own[[0, 4]])


def test_the_bound_rewards_what_learners_are_rewarded_for():
    market = made(HOUSE, *FREE)
    goals, totals = goals_of(market, 2), obj.day_totals(market.outcome(2, market.static("truthful")))
    rewards = linear_rewards(market, goals, 0.1, 0.0)
    settings = market.scenario.learner
    own = obj.own_score(totals, goals, settings)[market.learners, 0].sum()
    assert (rewards * obj.objective_vector(totals)[:, :, 0]).sum() == pytest.approx(own, rel=1e-12)


def test_objectives_of_an_agency_stand_in_place_of_the_groups():
    market = made(HOUSE + "objectives = {clicks = 2.0}\n")
    weights = goals_of(market, 2).weights[:, :, 0]
    np.testing.assert_array_equal(weights[[1, 2, 3]], [[2.0, 0.0, 0.0, 0.0]] * 3)
    np.testing.assert_array_equal(weights[[0, 4]], [[0.0, 0.0, 0.0, 1.0]] * 2)


def test_members_of_an_environment_share_one_reward():
    env = parallel_env(parse_scenario(SMALL + HOUSE, "small.toml", overrides=[*FREE, "learner.global_weight=0.0"]))
    env.reset(seed=0)
    for i, agent in enumerate(env.agents):
        env.action_space(agent).seed(i)
    rewards = [list(env.step({agent: env.action_space(agent).sample() for agent in env.agents})[1].values()) for _ in range(5)]
    assert all(one[1] == one[2] == one[3] for one in rewards)
    assert len(set(rewards[4])) == 3


@pytest.mark.parametrize("factor", [0.2, 1.0, 20.0])
@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
def test_a_joint_budget_is_never_overspent(factor: float, outcomes: str):
    market = made(HOUSE + 'budget = "baseline*0.3"\n', f"mechanism.outcomes={outcomes}")
    (account,) = market.accounts
    usual = np.mean([made().without_budgets().outcome(day, market.static("manual")).cost[:, 1:4].sum() for day in (0, 1)])
    if outcomes == "expected":
        assert account.budget == pytest.approx(0.3 * usual)
    theta = market.static("truthful").copy()
    theta[1:4] *= factor
    spent = simulate_day(market, 2, Constant(theta)).outcome.cost[:, 1:4].sum(axis=(1, 2)).cumsum()
    assert (spent <= account.budget).all()
    # One that bids much spends it; the same money in an account of the same campaigns is divided alike.
    assert factor < 20 or spent[-1] > 0.99 * account.budget


def test_an_agency_of_all_that_withholds_bids_pays_the_reserve():
    everybody = '[[agencies]]\nagency = "all"\nmembers = ["seller"]\ncoordination = "value"\n'
    market = made(everybody)
    found = market.outcome(2, market.static("truthful"))
    assert found.cost.sum() == pytest.approx(0.01 * found.clicks.sum(), rel=1e-9)
    assert made().outcome(2, market.static("truthful")).cost.sum() > 10 * found.cost.sum()


def test_revenue_falls_by_the_gap_between_second_and_third_where_both_members_lead():
    market, plain = made(PAIR + 'coordination = "value"\n'), made()
    bids = plain.static("truthful")
    fall = plain.outcome(2, bids).cost.sum() - market.outcome(2, bids).cost.sum()
    auctions = auctions_of(plain.traffic, [plain.traffic.pcvr * plain.traffic.item_price], plain.rules, [2])
    score = np.where(auctions.exists, auctions.quality * auctions.value, -1.0)
    order = np.argsort(-score, axis=1, kind="stable")
    rows = np.arange(len(score))
    ranked, who = np.sort(score, axis=1)[:, ::-1], auctions.who[rows[:, None], order]
    both = np.isin(who[:, :2], (0, 4)).all(axis=1)
    winner = order[:, 0]
    price = [np.maximum(one / auctions.quality[rows, winner], plain.rules.reserve) for one in (ranked[:, 1], ranked[:, 2])]
    expected = (auctions.clicks[rows, winner] * (price[0] - price[1]))[both].sum()
    assert both.sum() > 20
    assert fall == pytest.approx(expected, rel=1e-9)


def test_baseline_and_competition_are_those_without_the_ring():
    market, plain = made(HOUSE + 'coordination = "keyword-bid"\n'), made()
    for day in (0, 2):
        np.testing.assert_array_equal(market.baseline[day].cost, plain.baseline[day].cost)
    assert market.outcome(2, market.static("manual")).cost.sum() < plain.outcome(2, plain.static("manual")).cost.sum()
    one, other = competitive_totals(market, (2,)), competitive_totals(plain, (2,))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    # Laid out auction by auction the ring's outcome is the same, and competition that of all members.
    bids = [market.traffic.keyword_bid]
    laid, whole = (auctions_of(own.traffic, bids, own.rules, [2]) for own in (market, plain))
    assert laid.outcome().revenue.sum() == pytest.approx(
        market.without_budgets().outcome(2, market.static("manual")).cost.sum()
    )
    assert laid.competition().revenue.sum() == pytest.approx(whole.competition().revenue.sum())


def test_where_no_budget_may_be_joint_the_message_names_the_agency():
    market = made(HOUSE + "budget = 5.0\n")
    with pytest.raises(InputError, match=r"^small.toml: agencies\[0\].budget: expected none with experiments, got 5.0$"):
        Arms(market)


def test_without_agencies_nothing_is_pooled():
    market = made()
    goals, totals = goals_of(market, 2), obj.day_totals(market.outcome(2, market.static("manual")))
    assert obj.pooled(totals[:, COST], goals) is totals[:, COST] or np.shares_memory(obj.pooled(totals, goals), totals)
    split = replace(goals, agencies=(np.array([0]),))
    np.testing.assert_array_equal(obj.own_objective(totals, split), obj.own_objective(totals, goals))


@pytest.mark.long
def test_an_agency_of_all_learns_to_pay_less_than_independent_learners():
    settings = ("learner.global_weight=0.0", "learner.own_weight=1.0", "learner.population=32", *FREE)
    revenue = []
    for more in ("", '[[agencies]]\nagency = "all"\nmembers = ["seller"]\n'):
        market = made(more, *settings)
        learner = make_learner(market.scenario)
        state = trained(learner, market, 80)
        revenue.append(simulate_day(market, 2, learner.policy(market, state)).outcome.cost.sum())
    assert revenue[1] < 0.6 * revenue[0]


@pytest.mark.long
def test_training_with_agencies_and_adoption_resumes_to_the_same_bytes(tmp_path: Path):
    more = HOUSE + 'budget = "baseline*0.6"\ncoordination = "value"\n' + "[adoption]\nshare = 0.6\n"
    overrides = ("mechanism.preranker.keep=3", "predictions.pctr.noise=0.3", 'mechanism.outcomes="sampled"')
    scenario = parse_scenario(SMALL + more, "small.toml", overrides=overrides)
    whole = auctionsim.train(scenario, tmp_path / "whole")
    auctionsim.train(scenario, tmp_path / "part", until=2)
    resumed = auctionsim.train(scenario, tmp_path / "part", resume=True)
    for name in ("outcomes.parquet", "metrics.jsonl"):
        assert (whole.path / name).read_bytes() == (resumed.path / name).read_bytes()
