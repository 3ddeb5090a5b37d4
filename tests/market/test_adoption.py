"""Adoption: who adopts, and that none and all of them are the plain markets to the bit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.market.agencies.adoption import first_adopters
from auctionsim.market.market import Market
from auctionsim.market.policy import Constant
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

MANUAL = ('advertisers.0.controller="manual"',)
PACED = ("advertisers.0.controller=dual-pacing", "advertisers.0.budget=baseline*0.5")


def made(share: float | None, *overrides: str, seed: int = 0, more: str = "") -> Market:
    adoption = "" if share is None else f"[adoption]\nshare = {share}\n{more}"
    return build_market(parse_scenario(SMALL + adoption, "small.toml", overrides=overrides), seed)


def adopters(market: Market) -> set[int]:
    return {i for i, group in enumerate(market.groups) if group.controller not in ("manual", "truthful")}


def outcome(market: Market) -> np.ndarray:
    return simulate_day(market, 2, Constant(market.fixed[:, :, None])).outcome.cost


def test_adopters_of_a_smaller_share_are_among_those_of_a_larger_one():
    by_seed = {}
    for seed in range(4):
        found = [adopters(made(share, seed=seed)) for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
        assert [len(one) for one in found] == [0, 1, 2, 3, 4, 5]
        assert all(one < other for one, other in pairwise(found))
        by_seed[seed] = tuple(sorted(found[2]))
    assert len(set(by_seed.values())) > 1
    # Learners are the adopters, and the rest bids for itself.
    market = made(0.4)
    assert set(market.learners.tolist()) == adopters(market)
    np.testing.assert_array_equal(np.flatnonzero(market.fixed[:, 3] == 1.0), sorted({0, 1, 2, 3, 4} - adopters(market)))


def test_the_number_of_adopters_is_rounded_half_up_as_decimals_are():
    # As doubles 0.29 x 50 is 14.499999999999998, and 0.145 x 100 too.
    for share, n, expected in ((0.29, 50, 15), (0.145, 100, 15), (0.5, 5, 3), (0.49, 5, 2), (0.0, 3, 0), (1.0, 3, 3)):
        assert len(first_adopters(0, np.arange(n), share)) == expected


def test_no_adoption_is_the_market_of_keyword_bids_to_the_bit():
    none, manual = made(0.0), made(None, *MANUAL)
    assert len(none.learners) == 0
    np.testing.assert_array_equal(none.fixed, manual.fixed)
    np.testing.assert_array_equal(outcome(none), outcome(manual))
    paced = made(0.0, *PACED)
    assert not paced.rule_policies
    np.testing.assert_array_equal(outcome(paced), outcome(made(None, *MANUAL, PACED[1])))


def test_adoption_by_all_is_the_plain_run_to_the_bit():
    whole, plain = made(1.0), made(None)
    states = [trained(make_learner(market.scenario), market, 2) for market in (whole, plain)]
    for name in states[0]:
        np.testing.assert_array_equal(states[0][name], states[1][name])
    np.testing.assert_array_equal(outcome(made(1.0, *PACED)), outcome(made(None, *PACED)))


def test_rules_are_prepared_for_adopters_alone_and_the_others_may_be_truthful():
    market = made(0.4, *PACED, more='otherwise = "truthful"\n')
    ((who, _),) = market.rule_policies
    assert set(who.tolist()) == adopters(market)
    assert (market.fixed[[i for i in range(5) if i not in adopters(market)], 2] == 1.0).all()


def test_a_share_of_some_groups_leaves_the_others_alone():
    other = '[[advertisers]]\ngroup = "other"\ncount = 2\n'
    scenario = parse_scenario(SMALL + other + '[adoption]\nshare = 0.0\ngroups = ["seller"]\n', "s")
    assert build_market(scenario).learners.tolist() == [5, 6]


def test_goals_that_change_leave_adopters_as_they_are():
    market = made(0.4)
    assert market.with_goals(market.scenario).groups == market.groups


@pytest.mark.parametrize("pricing", ["gsp", "first"])
def test_the_first_adopter_of_a_learned_bid_gains_by_it(pricing: str):
    # What one learner, alone among keyword bids, learns for itself cannot be much worse than the keyword bid.
    settings = ("learner.global_weight=0.0", "learner.own_weight=1.0", "learner.population=16", "platform.revenue_floor=0.0",
                "advertisers.0.profit_floor=0.0", f"mechanism.pricing={pricing}")  # fmt: skip
    market = made(0.2, *settings)
    learner = make_learner(market.scenario)
    found = simulate_day(market, 2, learner.policy(market, trained(learner, market, 30))).outcome
    (one,) = market.learners.tolist()
    assert found.profit[:, one].sum() > market.baseline[2].profit[:, one].sum()
