"""The parts of the evidence: clearing in numpy, chance, coalitions, and the library of labeled outcomes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auctionsim.analysis.economics.auctions import auctions_of, played
from auctionsim.analysis.economics.best_response_gap import best_response_gains
from auctionsim.analysis.economics.collusion import Verdict, combine, judge_auctions
from auctionsim.analysis.economics.outcome_library.kinds import drawn, kinds
from auctionsim.analysis.economics.outcome_library.markets import HELD_BACK, TUNING
from auctionsim.auction.reference import replay_reference
from auctionsim.market.policy import Constant
from auctionsim.market.simulate import simulate_day

from .test_verdict import made


@pytest.mark.parametrize("pricing", ["gsp", "first", "vcg"])
@pytest.mark.parametrize("slots", ["[1.0]", "[1.0, 0.6, 0.3]"])
def test_clearing_in_numpy_pays_what_the_reference_charges(pricing: str, slots: str):
    market = made(f'mechanism.pricing="{pricing}"', f"mechanism.slot_effect={slots}", "traffic.auctions_per_day=200")
    bids = np.random.default_rng(0).uniform(0, 1, len(market.traffic.advertiser)) * market.phi[:, 2]
    bids[::7] = market.rules.reserve / 2
    auctions = auctions_of(market.traffic, [bids], market.rules, [2])
    done = auctions.outcome()
    exact = replay_reference(
        market.traffic, 2, bids, budgets=np.full(5, np.inf), pricing=pricing,
        slot_effect=market.rules.slot_effect, reserve=market.rules.reserve,
    )  # fmt: skip
    assert done.revenue.sum() == pytest.approx(exact["cost"].sum())
    assert done.clicks.sum() == pytest.approx(exact["clicks"].sum())


def test_budgets_end_bids_when_the_kernel_does():
    market = made()
    spend = market.outcome(2, market.static("truthful")).cost.sum(axis=(0, 2))
    limited = replace(market, budgets=0.4 * spend)
    policy = Constant(limited.static("truthful"))
    exact = simulate_day(limited, 2, policy).outcome.cost.sum()
    # The last charge of an advertiser is not capped here: one auction's worth.
    assert played(limited, policy, (2,)).outcome().revenue.sum() == pytest.approx(exact, rel=0.02)


def test_values_are_best_responses_in_one_slot_and_nobody_gains_by_its_own_multiple_of_them():
    market = made('mechanism.pricing="vcg"', "mechanism.slot_effect=[1.0, 0.5]")
    auctions = played(market, Constant(market.static("truthful")), (2,))
    now, gain = best_response_gains(auctions)
    assert (now > 0).all()
    assert gain == pytest.approx(np.zeros(5), abs=1e-9)


def test_competition_has_one_outcome_under_every_pricing_rule():
    revenues = []
    for pricing in ("gsp", "first", "vcg"):
        market = made(f'mechanism.pricing="{pricing}"')
        revenues.append(played(market, Constant(market.static("manual")), (2,)).competition().revenue.sum())
    assert len(set(revenues)) == 1


def test_a_verdict_under_budgets_needs_both_markets():
    assert combine("unexplained shortfall", "competitive") == "pacing"
    assert combine("coordination", "competitive") == "pacing"
    assert combine("competitive", "coordination") == "competitive"
    assert combine("coordination", "unexplained shortfall") == "unexplained shortfall"
    assert combine("unexplained shortfall", "coordination") == "coordination"
    assert combine("unexplained shortfall", "not defined") == "not defined"


def test_the_halves_of_the_library_share_no_seed_and_no_number_of_advertisers_or_candidates():
    assert abs(TUNING.seed - HELD_BACK.seed) > 10_000
    for name in ("advertisers", "candidates", "queries", "auctions", "value_noise", "keyword_error", "days"):
        assert not set(getattr(TUNING, name)) & set(getattr(HELD_BACK, name)), name


def test_the_library_has_as_many_kinds_of_collusion_as_of_innocence_and_draws_the_same_twice():
    by_truth = [sum(kind.colludes is truth for kind in kinds()) for truth in (False, True)]
    assert min(by_truth) >= 20
    kind = next(kind for kind in kinds() if kind.name == "failed learners by hour")
    one, two = (drawn(kind, TUNING, 0).auctions for _ in range(2))
    assert np.array_equal(one.bid, two.bid)


@pytest.mark.parametrize(
    "name",
    [
        "rotation by hour, first", "ring of 3 of 12, best member bids, gsp", "paced within budgets of 0.6",
        "still learning, from a common share", "still learning, from bids alike, few",
        "cartel, all shade alike, from a common share", "cartel, all shade alike, from low shares of their own",
        "hours in a row", "opening hours", "low at night", "low on rare queries", "entries and exits", "days off, of two",
        "shares that drift by the day", "some way to competition, from own shares", "still learning, one came later",
        "rotation by hour, no bids aside", "division by query, no bids aside", "ring of 3 of 12, no bids aside",
        "turns by day, two weeks",
    ],
)  # fmt: skip
def test_outcomes_of_the_library_get_the_verdict_that_their_cause_asks_for(name: str):
    kind = next(kind for kind in kinds() if kind.name == name)
    outcome = drawn(kind, TUNING, 7)
    assert (judge_auctions(outcome.auctions, outcome.control, outcome.start).kind == "coordination") is kind.colludes


def test_a_sample_takes_one_auction_of_each_stretch_whatever_turns_there_are():
    market = made()
    auctions = played(market, Constant(market.static("truthful")), (2, 3))
    number = 12 * (len(auctions) // 12)
    auctions = replace(auctions.rows(np.arange(number)), query=np.arange(number) % 4)
    sampled = auctions.sample(number // 4)
    # Every fourth auction would have one query alone.
    assert len(sampled) == number // 4
    assert np.bincount(sampled.query).min() > 0.7 * number / 16
    stretch = np.arange(number) // 4
    where = auctions.sample(number // 4)
    assert np.array_equal(where.query, sampled.query), "the same auctions each time"
    assert set(np.bincount(stretch)) == {4}


def test_spared_hours_in_a_row_and_queries_of_little_traffic_may_have_a_common_cause():
    market = made("traffic.auctions_per_day=3000")
    auctions = played(market, Constant(market.static("truthful")), (2, 3))
    low = np.where(auctions.exists, 0.03 * auctions.value, 0.0)

    def judged_where(is_low: np.ndarray) -> Verdict:
        return judge_auctions(replace(auctions, bid=np.where(is_low[:, None], low, auctions.bid)))

    scattered, in_a_row = (
        judged_where(np.isin(auctions.hour, (1, 7, 12, 19))),
        judged_where(np.isin(auctions.hour, (23, 0, 1, 2))),
    )
    assert scattered.kind == "coordination"
    assert in_a_row.kind != "coordination"
    assert "the hours from 23 to 2, which may be everybody's night" in in_a_row.tests["spared segments"].reason
    order = np.argsort(np.bincount(auctions.query), kind="stable")
    number = np.bincount(auctions.query)[order]
    rare, mixed = order[number > 0][:6], order[number > 0][::4][:5]
    assert judged_where(np.isin(auctions.query, mixed)).kind == "coordination"
    by_traffic = judged_where(np.isin(auctions.query, rare))
    assert by_traffic.kind != "coordination"
    assert "they are queries of little traffic" in by_traffic.tests["spared segments"].reason
