"""The verdict on collusion names cartels, rings and turns, and acquits competition, budgets and failed learners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant, DayPolicy
from auctionsim.analysis.economics.collusion import EVERYBODY, Verdict, judge_bids, verdict
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.sources import TableSource
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

DAYS = (2, 3)
COORDINATION = "tacit or explicit coordination of "
PRICINGS = ("gsp", "first", "vcg")
VALUE = FEATURES.index("value")


def made(*overrides: str, advertisers: int = 5) -> Market:
    return build_market(parse_scenario(SMALL.replace("count = 5", f"count = {advertisers}"), "small.toml", overrides=overrides))


@dataclass(frozen=True)
class Rows:
    """Bid a share of the value that a function gives for each row of the table; NaN bids nothing."""

    share: Callable[[Market], np.ndarray]

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        phi = np.zeros((len(market.traffic.advertiser), 4))
        phi[:, VALUE] = market.phi[:, VALUE] * self.share(market)
        theta = market.static("truthful")
        return DayPolicy(lambda state: theta, TableSource(market.traffic, market.rules, phi))


@dataclass(frozen=True)
class ByHour:
    """Bid a share of the value that depends on the day, the hour and the advertiser."""

    share: Callable[[int, int], np.ndarray]

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:
        return DayPolicy(lambda state: self.share(day, state.hour)[:, None, None] * market.static("truthful"))


def judged(market: Market, policy: object, **more: object) -> Verdict:
    return verdict(market, policy, DAYS, **more)  # type: ignore[arg-type]


def on_turn(turn: np.ndarray) -> Callable[[Market], np.ndarray]:
    """Return the shares by which only the advertiser bids whose turn it is, given the turn of each row."""
    return lambda market: (market.traffic.advertiser == turn).astype(float)


def best_of_ring(ring: list[int]) -> Callable[[Market], np.ndarray]:
    """Return the shares by which a ring's members but the best of each auction do not compete."""

    def share(market: Market) -> np.ndarray:
        is_member = np.isin(market.traffic.advertiser, ring)
        score = np.where(is_member, market.quality * market.phi[:, VALUE], 0.0)
        start = market.traffic.cell_start
        best = np.repeat(np.maximum.reduceat(score, start[:-1]), np.diff(start))
        return np.where(is_member & (score < best), 0.0, 1.0)

    return share


@pytest.mark.parametrize("pricing", PRICINGS)
@pytest.mark.parametrize("share", [0.02, 0.08])
def test_all_that_shade_alike_are_a_cartel_under_every_pricing_rule(pricing: str, share: float):
    market = made(f'mechanism.pricing="{pricing}"', "mechanism.reserve=0.001")
    found = judged(market, Constant(share * market.static("truthful")))
    assert found.label == COORDINATION + EVERYBODY
    assert found.tests["missing revenue"].statistic > 0.8


@pytest.mark.parametrize("pricing", ["gsp", "vcg"])
def test_rotation_by_hour_is_coordination(pricing: str):
    market = made(f'mechanism.pricing="{pricing}"')
    found = judged(market, ByHour(lambda day, hour: (np.arange(5) == hour % 5).astype(float)))
    assert found.label == COORDINATION + EVERYBODY
    assert found.tests["winner by hour"].speaks


def test_division_by_query_is_coordination():
    market = made()
    owner = np.zeros(len(market.traffic.queries), dtype=int)
    for query in np.unique(market.traffic.query):
        cell = int(np.flatnonzero(market.traffic.query == query)[0])
        there = market.traffic.advertiser[market.traffic.cell_start[cell] : market.traffic.cell_start[cell + 1]]
        owner[query] = there[query % len(there)]
    rows = np.repeat(owner[market.traffic.query], np.diff(market.traffic.cell_start))
    found = judged(market, Rows(on_turn(rows)))
    assert found.kind == "coordination"
    assert found.tests["winner by query"].speaks


def test_turns_by_auction_are_coordination_and_turns_of_two_days_may_be_chance():
    market = made()
    cells = np.arange(len(market.traffic.day)) % 5
    rows = np.repeat(cells, np.diff(market.traffic.cell_start))
    assert judged(market, Rows(on_turn(rows))).label == COORDINATION + EVERYBODY
    by_day = judged(market, ByHour(lambda day, hour: (np.arange(5) == day % 5).astype(float)))
    # Two that bid on one of two days each miss one another in half of all cases.
    assert by_day.kind == "unexplained shortfall"


def test_whoever_makes_no_bid_is_judged_as_whoever_bids_0():
    market = made()
    value, who = market.phi[:, VALUE], market.traffic.advertiser
    hour = market.traffic.row_hour
    for aside in (0.0, np.nan):
        found = judge_bids(market.traffic, np.where(who == hour % 5, value, aside), market.rules, DAYS)
        assert found.label == COORDINATION + EVERYBODY
    # Rivals that are gone could come back, and would gain by it.
    nobody = judge_bids(market.traffic, np.full(len(who), np.nan), market.rules, DAYS)
    assert nobody.kind == "unexplained shortfall"
    assert nobody.tests["missing revenue"].statistic == 1.0


@pytest.mark.parametrize(
    "target", ["controller = 'target-roas'\nroas_floor = 5.0", "controller = 'target-cpa'\ncpa_cap = 10.0"]
)
def test_targets_in_place_of_profit_are_no_collusion(target: str):
    scenario = SMALL.replace("count = 5", f"count = 5\n{target}").replace("profit_floor = 1.0", "")
    market = build_market(parse_scenario(scenario, "small.toml"))
    found = verdict(market, market.rule_policies[0][1], DAYS)
    assert found.kind == "competitive"
    assert "above that of competition" in found.sentence
    # The same bids, if each click is taken to be worth all of its GMV.
    bids = np.where(np.isin(market.traffic.row_day, DAYS), market.phi[:, VALUE] / 5, np.nan)
    assert judge_bids(market.traffic, bids, market.rules, DAYS).kind == "coordination"
    assert judge_bids(market.traffic, bids, market.rules, DAYS, value=market.phi[:, VALUE] / 5).kind == "competitive"


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_a_ring_of_twelve_is_found_and_named(size: int):
    market = made("traffic.candidates=6", advertisers=12)
    found = judged(market, Rows(best_of_ring(list(range(size)))))
    assert found.label == COORDINATION + ", ".join(market.advertisers[:size])
    assert found.coalition == market.advertisers[:size]
    # Outsiders gain by lower prices; the platform pays.
    assert found.tests["harm to outsiders"].statistic <= 1e-9


def test_collusion_on_a_tenth_of_the_queries_is_found():
    market = made("traffic.queries=40", "traffic.auctions_per_day=1500")
    spared = np.argsort(-np.bincount(market.traffic.query, minlength=40), kind="stable")[4:8]
    is_spared = np.repeat(np.isin(market.traffic.query, spared), np.diff(market.traffic.cell_start))
    found = judged(market, Rows(lambda _: np.where(is_spared, 0.03, 1.0)))
    assert found.kind == "coordination"
    assert found.tests["spared segments"].speaks


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pricing", PRICINGS)
def test_failed_learners_are_an_unexplained_shortfall(seed: int, pricing: str):
    market = made(f'mechanism.pricing="{pricing}"', f"seed={seed}", "traffic.candidates=5", advertisers=8)
    share = np.random.default_rng(seed).uniform(0.05, 0.25, (24, 8))
    by_hour = judged(market, ByHour(lambda day, hour: share[hour]))
    assert by_hour.label == "unexplained shortfall"
    rows = np.random.default_rng(seed).uniform(0.05, 0.25, len(market.traffic.advertiser))
    assert judged(market, Rows(lambda _: rows)).label == "unexplained shortfall"


@pytest.mark.parametrize("slots", ["[1.0]", "[1.0, 0.6]", "[1.0, 0.6, 0.3]"])
@pytest.mark.parametrize("pricing", ["gsp", "vcg"])
def test_truthful_bids_are_competitive_with_one_to_three_slots(pricing: str, slots: str):
    market = made(f'mechanism.pricing="{pricing}"', f"mechanism.slot_effect={slots}")
    assert judged(market, Constant(market.static("truthful"))).label == "competitive"


@pytest.mark.parametrize("share", [0.7, 0.85])
def test_uniform_honest_shading_in_the_first_price_is_competitive(share: float):
    market = made('mechanism.pricing="first"')
    assert judged(market, Constant(share * market.static("truthful"))).label == "competitive"


def test_low_keyword_bids_are_an_unexplained_shortfall():
    market = made("traffic.manual_share=0.15")
    assert judged(market, Constant(market.static("manual"))).label == "unexplained shortfall"


def test_an_equilibrium_of_several_slots_is_competitive_though_its_revenue_is_below_truthful_bids():
    market = made("mechanism.slot_effect=[1.0, 0.7, 0.5]")
    found = judged(market, Constant(0.8 * market.static("truthful")))
    assert found.label == "competitive"


def test_thin_markets_and_a_high_reserve_are_competitive():
    for market in (made("traffic.candidates=2", advertisers=2), made("mechanism.reserve=0.5")):
        assert judged(market, Constant(market.static("truthful"))).label == "competitive"


def test_no_verdict_is_given_where_competition_has_no_price():
    market = made("mechanism.reserve=0.0")
    traffic = replace(market.traffic, pcvr=np.zeros_like(market.traffic.pcvr))
    found = judge_bids(traffic, market.traffic.keyword_bid, market.rules, DAYS)
    assert found.label == "not defined"
    assert found.sentence == "not defined here: no candidate has a value, so competition has no price"
    assert not found.tests


def test_a_gap_is_no_share_of_profits_where_nobody_earns_any():
    market = made("mechanism.reserve=1.0")
    high = judge_bids(market.traffic, 1e-3 * market.phi[:, VALUE], market.rules, DAYS)
    gap = high.tests["best-response gap"]
    assert np.isnan(gap.statistic)
    assert not gap.speaks
    assert gap.reason == "best-response gap: not defined: these bids earned nothing, so best responses have no share of it"
    assert high.label == "unexplained shortfall"
    assert "best-response" not in high.sentence


def test_budgets_that_bind_are_pacing_if_the_control_competes():
    market = made()
    spend = market.outcome(0, market.static("truthful")).cost.sum(axis=(0, 2))
    limited = replace(market, budgets=0.5 * spend)
    low = Constant(0.05 * market.static("truthful"))
    assert judged(limited, low, control=Constant(market.static("truthful"))).label == "pacing"
    assert judged(limited, low, control=low).label == COORDINATION + EVERYBODY


def test_given_bids_are_judged_without_a_policy():
    market = made()
    value = market.phi[:, VALUE]
    assert judge_bids(market.traffic, value, market.rules, DAYS).label == "competitive"
    assert judge_bids(market.traffic, 0.03 * value, market.rules, DAYS).label == COORDINATION + EVERYBODY
    limits = np.full(5, 5.0)
    without = judge_bids(market.traffic, 0.03 * value, market.rules, DAYS, budgets=limits)
    assert without.label == "not defined"
    assert "needs a control" in without.sentence
    with pytest.raises(ValueError, match="expected a finite number >= 0, or NaN for no bid"):
        judge_bids(market.traffic, value[:-1], market.rules, DAYS)


def test_a_ring_among_five_hundred_is_found_though_the_search_is_bounded():
    market = made("traffic.candidates=8", "traffic.auctions_per_day=8000", "traffic.queries=400", advertisers=500)
    busiest = int(np.bincount(market.traffic.query).argmax())
    cell = int(np.flatnonzero(market.traffic.query == busiest)[0])
    ring = sorted(market.traffic.advertiser[market.traffic.cell_start[cell] :][:4].tolist())
    found = judged(market, Rows(best_of_ring(ring)))
    assert found.coalition == tuple(market.advertisers[i] for i in ring)


def test_the_same_outcome_gets_the_same_verdict_whatever_the_currency_and_the_order_of_calls():
    market = made()
    value = market.phi[:, VALUE]
    one = judge_bids(market.traffic, 0.1 * value, market.rules, DAYS)
    dear = replace(market.traffic, item_price=1000 * market.traffic.item_price)
    two = judge_bids(dear, 100 * value, replace(market.rules, reserve=1000 * market.rules.reserve), DAYS)
    assert one.label == two.label
    assert one.tests["best-response gap"].statistic == pytest.approx(two.tests["best-response gap"].statistic)


def test_days_are_judged_once_and_in_order_however_they_are_named():
    market = made()
    value = market.phi[:, VALUE]
    limits = 0.3 * market.outcome(2, market.static("truthful")).cost.sum(axis=(0, 2))
    one, *others = (
        judge_bids(market.traffic, value, market.rules, days, budgets=limits, control=value)
        for days in ((2, 3), (3, 2), (2, 3, 2), range(2, 4), np.array([3, 2]))
    )
    assert {other.sentence for other in others} == {one.sentence}
    limited, policy = replace(market, budgets=limits), Constant(market.static("truthful"))
    assert (
        verdict(limited, policy, (3, 2), control=policy).sentence == verdict(limited, policy, (2, 3), control=policy).sentence
    )


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("days: expected one or more of 0, 1, 2, 3, got ()", {"days": ()}),
        ("days: expected one or more of 0, 1, 2, 3, got 2", {"days": 2}),
        ("days: expected one of 0 to 3, got 9", {"days": (9,)}),
        ("budgets: expected numbers >= 0, or infinity for no budget, got -1.0", {"budgets": [-1.0] * 5}),
        ("budgets: expected numbers >= 0, or infinity for no budget, got nan", {"budgets": [np.nan] * 5}),
        ("bids: expected a number >= 0, or NaN for no bid, for each of the 9600 rows, got 'low'", {"bids": "low"}),
        ("bids: expected a finite number >= 0, or NaN for no bid, for each of the 9600 rows, got inf", {"bids": np.inf}),
        ("start: expected a finite number >= 0, or NaN for no bid, for each of the 9600 rows, got -1.0", {"start": -1.0}),
        ("traffic: expected ", {"traffic": None}),
        ("rules: expected ", {"rules": None}),
    ],
)
def test_what_is_wrong_with_given_bids_is_said(message: str, wrong: dict[str, object]):
    market = made()
    value = market.phi[:, VALUE]
    given = {"traffic": market.traffic, "bids": value, "rules": market.rules, "days": DAYS}
    for name, one in wrong.items():
        given[name] = np.full(len(value), one) if isinstance(one, float) else one
    with pytest.raises(InputError) as error:
        judge_bids(**given)  # type: ignore[arg-type]
    assert str(error.value).startswith(message)


def test_lists_of_bids_are_judged_as_arrays_are():
    market = made()
    value = 0.1 * market.phi[:, VALUE]
    one, two = (judge_bids(market.traffic, given, market.rules, DAYS, start=given) for given in (value, value.tolist()))
    assert one.sentence == two.sentence
