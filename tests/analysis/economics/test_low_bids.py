"""Low bids: what they have in common, beside what the platform's ranking does and what all began with."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl
import pytest

from auctionsim import scenario_for
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.analysis.economics.auctions import Auctions, played
from auctionsim.analysis.economics.collusion import judge_auctions, judge_bids, verdict
from auctionsim.analysis.economics.low_bids import SPREAD, chance_of_agreement, low_bids
from auctionsim.auction.rules import Rules
from auctionsim.market.policy import Constant

from .test_verdict import made


def auctions(value: list[list[float]], bid: list[list[float]], quality: list[list[float]]) -> Auctions:
    """Lay out auctions by hand, with advertiser k in column k."""
    shape = np.shape(value)
    whole = np.zeros(shape[0], dtype=np.int64)
    return Auctions(
        tuple("abc"[: shape[1]]), Rules((1.0,), "gsp", 0.0), np.tile(np.arange(shape[1]), (shape[0], 1)),
        np.array(value), np.array(bid), np.array(quality), np.array(quality), np.ones(shape, dtype=bool),
        np.ones(shape, dtype=bool), np.zeros(shape[0]), whole, whole, whole, np.full(shape[1], np.inf),
    )  # fmt: skip


def test_the_match_by_chance_is_that_of_exchanged_bids():
    # By values the second ad of each auction wins, worth 0.3 x 10 and 0.2 x 8 clicks. In the first auction the bids agree, and
    # exchanged they let the first win, worth 0.2 x 9. In the second the first wins, worth 0.1 x 9, and exchanged the second.
    found = low_bids(auctions([[9, 10], [9, 8]], [[1, 2], [3, 1]], [[0.2, 0.3], [0.1, 0.2]]))
    best, done = 3.0 + 1.6, 3.0 + 0.9
    by_chance = (3.0 + 1.8) / 2 + (0.9 + 1.6) / 2
    assert found.matching == pytest.approx((done - by_chance) / (best - by_chance))


def test_an_advertiser_that_came_later_leaves_the_start_of_the_others_as_it_is():
    market = made()
    value, who = market.phi[:, 2], market.traffic.advertiser
    began = 0.1 * value
    for start in (began, np.where(who == 4, np.nan, began)):
        assert judge_bids(market.traffic, 0.2 * value, market.rules, (2, 3), start=start).kind == "unexplained shortfall"
    # Of too many nothing is known.
    of_two = np.where(who > 1, np.nan, began)
    assert judge_bids(market.traffic, 0.2 * value, market.rules, (2, 3), start=of_two).kind == "coordination"


@pytest.mark.parametrize("step", [0.2, 0.4, 0.6])
def test_steps_towards_competition_are_no_agreement_and_a_common_level_is(step: float):
    market = made()
    value, who = market.phi[:, 2], market.traffic.advertiser
    began = np.array([0.07, 0.08, 0.1, 0.12, 0.15])
    now = (1 - step) * began + step * 0.8
    judged = partial(judge_bids, market.traffic, rules=market.rules, days=(2, 3), start=began[who] * value)
    assert judged(bids=now[who] * value).kind in ("unexplained shortfall", "competitive")
    assert judged(bids=np.full(5, 0.2)[who] * value).kind == "coordination"


def test_candidates_that_do_not_take_part_exchange_nothing():
    whole = auctions([[9, 5, 10]], [[1, 4, 2]], [[0.2, 0.3, 0.3]])
    without = replace(whole, is_in=np.array([[True, False, True]]))
    alone = auctions([[9, 10]], [[1, 2]], [[0.2, 0.3]])
    assert low_bids(without).matching == low_bids(alone).matching == 1.0


@pytest.mark.parametrize("pricing", ["gsp", "first", "vcg"])
def test_bids_that_know_nothing_of_values_match_no_ads_though_the_platform_ranks_by_quality(pricing: str):
    market = made(f'mechanism.pricing="{pricing}"')
    one = played(market, Constant(market.static("truthful")), (2,))
    alike = replace(one, bid=np.where(one.exists, 0.1 * np.median(one.value[one.exists]), 0.0))
    noise = np.exp(0.15 * np.random.default_rng(0).normal(size=one.bid.shape))
    assert abs(low_bids(replace(alike, bid=alike.bid * noise)).matching) < 0.3
    assert low_bids(replace(one, bid=0.1 * one.value)).matching == pytest.approx(1.0)


def test_rising_bids_that_began_together_are_not_set_in_common_and_fallen_ones_are():
    market = made()
    values = market.static("truthful")
    low, lower, high = Constant(0.2 * values), Constant(0.1 * values), Constant(0.9 * values)
    rising = verdict(market, low, (2, 3), start=lower)
    assert rising.kind == "unexplained shortfall"
    assert "the low ones began no higher" in rising.sentence
    assert verdict(market, low, (2, 3), start=low).kind == "unexplained shortfall", "bids that stayed were not set by learning"
    assert verdict(market, low, (2, 3), start=high).kind == "coordination"


def test_bids_that_learned_to_follow_values_without_rising_are_set_in_common():
    # As of advertisers that share the market at the revenue that it had: their keyword bids did not follow values.
    market = made("traffic.manual_error=0.6", advertisers=8)
    low, manual = Constant(0.5 * market.static("truthful")), Constant(0.85 * market.static("manual"))
    before, after = (low_bids(played(market, one, (2,))) for one in (manual, low))
    assert before.matching < 0.8 < 0.99 < after.matching
    assert before.missing == pytest.approx(after.missing, abs=0.2)
    assert verdict(market, low, (2, 3), start=manual).kind == "coordination"
    assert verdict(market, manual, (2, 3), start=manual).kind == "unexplained shortfall"


def test_rising_bids_that_came_together_are_set_in_common():
    market = made()
    values, shares = market.static("truthful"), np.array([0.02, 0.05, 0.11, 0.15, 0.19])
    apart = Constant(shares[:, None, None] * values)
    found = verdict(market, Constant(0.2 * values), (2, 3), start=apart)
    assert found.kind == "coordination"
    assert "whose bids began no higher" in found.tests["common level"].reason


def test_competitors_that_began_with_low_bids_alike_are_accused_at_no_iteration():
    """A log as an outside reader made it: bids of about a tenth of the values, whatever these are, and hardly any spread."""
    auctions, days, hours = 3, 3, 24
    n, rng = days * hours * auctions, np.random.default_rng(0)
    day, hour = np.divmod(np.arange(n) // auctions, hours)
    rows = [
        {"day": int(day[k]), "hour": int(hour[k]), "cell": k, "weight": 1, "query": f"q{k % 3}", "advertiser": str(who)}
        for k in range(n)
        for who in rng.choice(["ant", "bee", "cat", "dog"], 3, replace=False)
    ]
    table = pl.DataFrame(rows).with_columns(
        pctr=rng.uniform(0.05, 0.13, 3 * n), pcvr=0.2, item_price=rng.uniform(40, 50, 3 * n),
        manual_bid=0.75 * np.exp(0.12 * rng.normal(size=3 * n)),
    )  # fmt: skip
    market = build_market(scenario_for(table, overrides=["learner.global_weight=0", "learner.own_weight=1"]))
    learner = make_learner(market.scenario)
    state, kinds = learner.start(market), []
    for iteration in range(41):
        if iteration % 10 == 0:
            kinds.append(verdict(market, learner.policy(market, state), market.scenario.traffic.test_days).kind)
        state, _ = iterate(learner, market, state)
    assert set(kinds) == {"unexplained shortfall"}, "revenue is far from that of competition all the while"


def test_bids_without_their_start_are_judged_as_they_are():
    market = made()
    traffic, value = market.traffic, market.phi[:, 2]
    days = (2, 3)
    assert judge_bids(traffic, 0.2 * value, market.rules, days).kind == "coordination"
    assert judge_bids(traffic, 0.2 * value, market.rules, days, start=0.1 * value).kind == "unexplained shortfall"
    with pytest.raises(ValueError, match="start: expected a finite number"):
        judge_bids(traffic, value, market.rules, days, start=value[:-1])
    low = played(market, Constant(0.2 * market.static("truthful")), days)
    assert judge_auctions(low, start=replace(low, bid=0.5 * low.bid)).kind == "unexplained shortfall"


def test_a_start_at_which_nobody_bid_says_nothing():
    market = made()
    low = played(market, Constant(0.2 * market.static("truthful")), (2,))
    found = low_bids(low, replace(low, bid=np.zeros_like(low.bid)))
    assert (found.agreement, found.began_so) == (low_bids(low).agreement, False)


@pytest.mark.parametrize("n", [3, 5, 14, 40])
def test_independent_levels_agree_as_closely_as_one_percent_says_in_one_percent(n: int):
    grid = np.linspace(0.002, 0.5, 250)
    largest = max(one for one in grid if chance_of_agreement(one, n, SPREAD) <= 0.01)
    draws = np.random.default_rng(3)
    in_logs = draws.uniform(0, SPREAD, (20_000, n)).std(axis=1)
    as_shares = np.log(draws.uniform(0.05, 0.25, (20_000, n))).std(axis=1)
    assert (in_logs <= largest).mean() < 0.014
    assert 0.004 < (as_shares <= largest).mean() < 0.014
