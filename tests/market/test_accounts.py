"""Budgets that campaigns share: never overspent, whoever bids, and divided by floors, ceilings and demand."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.experiments.arms import Arms
from auctionsim.auction.outcome import COST
from auctionsim.bounds.oracle import lp_bound
from auctionsim.envs import AuctionVectorEnv, parallel_env
from auctionsim.errors import InputError
from auctionsim.jobs.whatif.opened import open_source
from auctionsim.market.accounts.allotments import Account, allotments, filled
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

SHARED = """
name = "shared"
[traffic]
auctions_per_day = 1500
queries = 20
candidates = 4
[[accounts]]
account = "acme"
budget = "baseline*0.4"
[[advertisers]]
group = "campaign"
count = 2
account = "acme"
account_floor = 0.3
account_ceiling = 0.6
[[advertisers]]
group = "other"
count = 1
account = "acme"
[[advertisers]]
group = "rival"
count = 3
controller = "manual"
"""
ACME = slice(0, 3)


def shared(*overrides: str) -> Scenario:
    return parse_scenario(SHARED, "s.toml", overrides=overrides)


def bids_of(market: Market, factors: list[float]) -> np.ndarray:
    """Truthful bids, times a factor of each campaign."""
    theta = market.static("truthful").copy()
    theta[ACME] *= np.array(factors)[:, None, None]
    return theta


@pytest.mark.parametrize("outcomes", ["expected", "sampled"])
@pytest.mark.parametrize("factors", [[20, 20, 20], [20, 0, 0.1], [0, 0, 20], [1, 1, 1]])
def test_an_account_never_overspends_whoever_bids(factors: list[float], outcomes: str):
    market = build_market(shared(f"mechanism.outcomes={outcomes}"))
    (account,) = market.accounts
    day = simulate_day(market, 2, Constant(bids_of(market, factors)))
    spent = day.outcome.cost[:, ACME, 0].cumsum(axis=0)
    assert (spent.sum(axis=1) <= account.budget).all()
    assert (spent[-1] <= account.ceilings).all()
    left = account.budget - spent.sum(axis=1)
    # What the campaigns are told they may spend is there for all of them at once, in every hour.
    assert (day.budget_left[:-1, ACME, 0].sum(axis=1) <= left[:-1] + 1e-9 * account.budget).all()
    if factors == [20, 20, 20]:
        assert spent[-1].sum() > 0.99 * account.budget


def test_what_a_floor_reserves_is_there_when_a_campaign_wakes_up_late():
    market = build_market(shared())
    (account,) = market.accounts
    asleep, awake = bids_of(market, [0, 20, 20]), bids_of(market, [20, 20, 20])
    day = market.day(2)
    while not day.is_over:
        day.step(asleep if day.hour < 12 else awake)
    spent = day.cumulative[ACME, COST, 0]
    assert spent[1:].sum() > 0.69 * account.budget
    assert spent[0] == pytest.approx(account.floors[0], rel=1e-6)


def test_money_follows_demand_hour_by_hour():
    market = build_market(shared("advertisers.0.account_floor=0.0", "advertisers.0.account_ceiling=1.0"))
    day = simulate_day(market, 2, Constant(bids_of(market, [0, 1, 0])))
    left = day.budget_left[:, ACME, 0]
    share = left / left.sum(axis=1, keepdims=True)
    assert share[3, 1] > 0.8
    assert day.outcome.cost[:3, 1].sum() > 0
    fixed = simulate_day(market, 2, Constant(bids_of(market, [0, 20, 0])))
    # One campaign alone may have nearly all of it.
    assert fixed.outcome.cost[:, 1].sum() > 0.95 * market.accounts[0].budget


def test_a_day_that_is_copied_in_the_middle_goes_on_alike():
    market = build_market(shared())
    day, theta = market.day(2), bids_of(market, [2, 2, 2])
    for _ in range(5):
        day.step(theta)
    other = copy.deepcopy(day)
    while not day.is_over:
        np.testing.assert_array_equal(day.step(theta), other.step(theta))
    np.testing.assert_array_equal(day.budget_left, other.budget_left)


def test_parallel_copies_equal_single_environments():
    vector, single = AuctionVectorEnv(shared(), 3, autoreset_mode="Disabled"), parallel_env(shared())
    seen, _ = vector.reset(seed=0)
    alone, _ = single.reset(seed=2)
    np.testing.assert_array_equal(seen[2], np.stack(list(alone.values())))
    vector.action_space.seed(0)
    while single.agents:
        actions = vector.action_space.sample()
        seen, rewards, *_ = vector.step(actions)
        alone, expected, *_ = single.step(dict(zip(single.agents, actions[2], strict=True)))
        assert rewards[2].tolist() == list(expected.values())


def test_an_account_of_one_campaign_is_a_budget():
    one = parse_scenario(SHARED.replace("count = 2\naccount", 'count = 2\nbudget = "none"\n# account'), "s.toml", overrides=[
        "advertisers.0.account_floor=0.0", "advertisers.0.account_ceiling=1.0",
    ])  # fmt: skip
    alone = build_market(one)
    plain = build_market(parse_scenario(SHARED.partition("[[accounts]]")[0] + PLAIN, "s.toml"))
    np.testing.assert_allclose(alone.budgets, plain.budgets)
    ours, theirs = (simulate_day(market, 2, Constant(bids_of(market, [1, 1, 5]))).outcome.cost for market in (alone, plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


PLAIN = """
[[advertisers]]
group = "campaign"
count = 2
[[advertisers]]
group = "other"
budget = "baseline*0.4"
[[advertisers]]
group = "rival"
count = 3
controller = "manual"
"""


def test_what_does_not_know_shared_budgets_refuses_them():
    market = build_market(shared())
    with pytest.raises(InputError, match=r"s\.toml: accounts: expected none with budgets that are set anew, got 'acme'"):
        market.day(2, budgets=np.ones(6))
    with pytest.raises(InputError, match=r"s\.toml: accounts: expected none with oracle-lp, got 'acme'"):
        lp_bound(market, 2)
    with pytest.raises(InputError, match=r"s\.toml: accounts: expected none with what-if questions, got 'acme'"):
        open_source(shared())
    with pytest.raises(InputError, match=r"s\.toml: accounts: expected none with experiments, got 'acme'"):
        Arms(market)


def test_pouring_fills_by_weight_up_to_the_room():
    got = filled(np.array([10.0]), np.array([[2.0], [20.0], [20.0]]), np.array([[1.0], [1.0], [2.0]]))
    np.testing.assert_allclose(got[:, 0], [2.0, 8 / 3, 16 / 3])


@given(st.data())
def test_allotments_add_up_to_no_more_than_is_left_and_keep_what_is_reserved(data: st.DataObject):
    m, number = data.draw(st.integers(1, 5)), st.floats(0, 1)
    budget = data.draw(st.floats(1e-6, 1e9))
    ceilings = np.array(data.draw(st.lists(number, min_size=m, max_size=m)))
    floors = ceilings * np.array(data.draw(st.lists(number, min_size=m, max_size=m))) / m
    account = Account("a", np.arange(m), budget, 0.0, floors * budget, ceilings * budget, np.ones(m))
    spent = np.zeros((m, 1))
    for _ in range(3):
        demand = np.array(data.draw(st.lists(st.floats(1e-6, 1e6), min_size=m, max_size=m)))[:, None]
        got = allotments(account, spent, demand)
        left = budget - spent.sum()
        assert (got >= 0).all()
        assert got.sum() <= max(left, 0.0)
        assert (spent + got <= account.ceilings[:, None] * (1 + 1e-9) + spent * 1e-9).all()
        assert (spent + got >= account.floors[:, None] * (1 - 1e-9)).all()
        spent = spent + got * np.array(data.draw(st.lists(number, min_size=m, max_size=m)))[:, None]


def test_value_maximizers_of_an_account_spend_what_it_committed_itself_to():
    text = SHARED.replace("baseline*0.4", "baseline*1.0").replace('account = "acme"\naccount_floor', BIDDER + "account_floor")
    text = text.replace('count = 1\naccount = "acme"', "count = 1\n" + BIDDER)
    free = build_market(parse_scenario(text, "s.toml"))
    bound = build_market(parse_scenario(text, "s.toml", overrides=['accounts.0.min_spend="baseline*0.6"']))
    spent = [
        simulate_day(market, 2, Constant(market.fixed[:, :, None])).outcome.cost[:, ACME].sum() for market in (free, bound)
    ]
    (account,) = bound.accounts
    assert spent[0] < 0.8 * account.min_spend
    assert 0.92 * account.min_spend < spent[1] <= account.budget


BIDDER = 'account = "acme"\ncontroller = "target-roas"\nroas_floor = "baseline*3.0"\n'
