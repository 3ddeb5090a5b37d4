"""The policy `auction`: its start, what it sees of a day, and where it is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.auction_level.plan import day_plan
from auctionsim.agents.policies.auction_level.policy import PARAMETERS, AuctionLevelBids
from auctionsim.auction.outcome import COST
from auctionsim.bounds.mean_day import mean_day
from auctionsim.bounds.oracle import lp_bound
from auctionsim.errors import InputError
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.policy import Policy
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives import goals as obj
from auctionsim.objectives.fitness import violations
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

MIXED = """
name = "mixed"
[traffic]
profile = "alimama"
auctions_per_day = 4000
queries = 60
train_days = [0, 1]
test_days = [2, 3]
[mechanism]
reserve = 0.001
[platform]
revenue_floor = 1.0
self_bidder_floor = 1.0
[[advertisers]]
group = "click-buyer"
count = 3
objectives = { clicks = 1.0 }
budget = "baseline*1.3"
cpc_cap = "baseline*1.0"
[[advertisers]]
group = "gmv-buyer"
count = 3
objectives = { gmv = 1.0 }
budget = "baseline*1.3"
cpc_cap = "baseline*1.0"
[[advertisers]]
group = "self-bidder"
count = 2
controller = "manual"
budget = "baseline*1.0"
[learner]
policy = "auction"
floor_margin = 0.01
"""


@pytest.fixture(scope="module")
def mixed() -> Market:
    return build_market(parse_scenario(MIXED, "mixed.toml"))


def start_policy(market: Market) -> Policy:
    form = AuctionLevelBids()
    return form.policy(market, form.start(market)[None])


def weighted(market: Market, day: int, totals: np.ndarray) -> float:
    """The objective that `lp_bound` bounds."""
    goals, settings = goals_of(market, day), market.scenario.learner
    own = obj.own_score(totals, goals, settings)[market.learners, 0].sum()
    return float(own + settings.global_weight * obj.global_profit(totals, goals)[0])


def test_the_start_reaches_on_its_own_days_most_of_what_its_program_promises_and_holds_the_floor(mixed: Market):
    policy, promised = start_policy(mixed), mean_day(mixed).bound.value
    reached, before, revenue = [], [], []
    for day in mixed.scenario.traffic.train_days:
        totals, baseline = obj.day_totals(simulate_day(mixed, day, policy).outcome), obj.day_totals(mixed.baseline[day])
        reached.append(weighted(mixed, day, totals))
        before.append(weighted(mixed, day, baseline))
        assert reached[-1] < lp_bound(mixed, day).value
        revenue.append(totals[:, COST].sum() / baseline[:, COST].sum())
    assert (np.mean(reached) - np.mean(before)) / (promised - np.mean(before)) > 0.8
    # A day this small may miss the floor by a few percent.
    assert min(revenue) > 0.94
    assert np.mean(revenue) > 0.98


def test_the_start_exceeds_caps_on_its_own_days_by_more_than_a_fiftieth_for_at_most_one_in_ten():
    over = []
    for seed in range(5):
        market = build_market(parse_scenario(f"seed = {seed}\n{MIXED}", "mixed.toml"))
        policy = start_policy(market)
        for day in market.scenario.traffic.train_days:
            totals = obj.day_totals(simulate_day(market, day, policy).outcome)
            over.append(violations(totals, goals_of(market, day))["cpc_cap"][market.learners, 0])
    assert (np.array(over) > 0.02).mean() <= 0.1
    assert np.max(over) < 0.05


def test_start_parameters_are_finite_and_one_set_for_each_learner(mixed: Market):
    start = AuctionLevelBids().start(mixed)
    assert start.shape == (len(mixed.learners), len(PARAMETERS))
    assert np.isfinite(start).all()
    np.testing.assert_array_equal(start, AuctionLevelBids().start(mixed))


def test_a_day_s_plan_uses_nothing_of_the_baseline_before_its_hour_is_over(mixed: Market):
    plan = day_plan(mixed, 2)
    outcome = mixed.baseline[2]
    later = np.where(np.arange(24)[:, None, None] >= 12, 3.0, 1.0)
    changed = replace(outcome, cost=outcome.cost * later, clicks=outcome.clicks / later, gmv=outcome.gmv * later)
    other = day_plan(replace(mixed, baseline={**mixed.baseline, 2: changed}), 2)
    for name in ("room", "room_per_unit", "cap", "revenue", "self_bidders", "self_bidder_scale"):
        before, after = getattr(plan, name), getattr(other, name)
        np.testing.assert_array_equal(before[:13], after[:13])
        if name not in ("room", "room_per_unit"):
            assert (before[14:] != after[14:]).any(), name


def test_bids_before_an_hour_do_not_depend_on_the_auctions_after_it(mixed: Market):
    traffic, policy = mixed.traffic, start_policy(mixed)
    late = (traffic.row_hour >= 12) & (traffic.row_day == 2)
    # Half, so that the day's largest figures stay, from which the accounts' units are chosen.
    largest = traffic.item_price[traffic.row_day == 2].max()
    changed = replace(
        traffic, item_price=np.where(late & (traffic.item_price < largest), traffic.item_price / 2, traffic.item_price)
    )
    source = type(mixed.traffic_source)(changed, mixed.rules)
    other = replace(mixed, source=changed, traffic_source=source)
    one, two = (simulate_day(market, 2, policy).outcome for market in (mixed, other))
    np.testing.assert_array_equal(one.cost[:12], two.cost[:12])
    assert (one.gmv[12:] != two.gmv[12:]).any()


@pytest.mark.long
def test_an_infeasible_program_is_lowered_until_it_is_feasible(mixed: Market):
    scenario = parse_scenario(MIXED, "mixed.toml", overrides=["platform.revenue_floor=3.0"])
    start = AuctionLevelBids().start(mixed.with_goals(scenario))
    assert np.isfinite(start).all()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mechanism.slot_effect=[1.0, 0.5]", "one slot (mechanism.slot_effect = [1.0]) with 'auction', got 2"),
        ('mechanism.pricing="first"', "mechanism.pricing 'gsp' or 'vcg' with 'auction', got 'first'"),
    ],
)
def test_a_market_whose_price_is_not_the_runner_up_s_bid_is_refused_in_one_line(override: str, message: str):
    market = build_market(parse_scenario(SMALL, "small.toml", overrides=['learner.policy="auction"', override]))
    with pytest.raises(InputError) as caught:
        AuctionLevelBids().start(market)
    assert str(caught.value) == f"small.toml: learner.policy: expected {message}"
