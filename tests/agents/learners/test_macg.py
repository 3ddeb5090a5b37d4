"""The learner macg-es: solvable markets, local credit, and the story's direction on a small market."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained as trained_state
from auctionsim.agents.learners.es.scores import Scores, day_fitness, score
from auctionsim.agents.learners.registry import make_learner
from auctionsim.auction.day import run_day
from auctionsim.auction.outcome import COST, GMV
from auctionsim.market.market import Market
from auctionsim.objectives import goals as obj
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

NO_FLOORS = ("platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0")


def trained(market: Market, iterations: int) -> np.ndarray:
    learner = make_learner(market.scenario)
    return learner.policy(market, trained_state(learner, market, iterations)).theta


def summed_totals(market: Market, theta: np.ndarray) -> np.ndarray:
    return sum(obj.day_totals(market.outcome(day, theta)) for day in market.scenario.traffic.test_days)


def longer(*overrides: str) -> Scenario:
    base = ("traffic.auctions_per_day=2000", "train.iterations=100", "learner.learning_rate=0.1", "learner.population=16")
    return parse_scenario(SMALL, "small.toml", overrides=[*base, *overrides])


@pytest.mark.long
def test_one_learner_among_truthful_rivals_learns_to_bid_its_value():
    # One slot, GSP: the value of a click is the dominant bid, so nothing earns more on the days it is trained on.
    text = SMALL.replace("count = 5", "count = 1") + '\n[[advertisers]]\ngroup = "rival"\ncount = 4\ncontroller = "truthful"\n'
    over = ["traffic.auctions_per_day=4000", "train.iterations=150", "learner.learning_rate=0.1", "learner.population=16"]
    scenario = parse_scenario(
        text, "x.toml", overrides=[*over, *NO_FLOORS, "learner.global_weight=0.0", "learner.own_weight=1.0"]
    )
    market = build_market(scenario)
    theta = trained(market, 150)
    truthful = market.static("truthful")
    manual = truthful.copy()
    manual[0, :, 0] = [0, 0, 0, 1]
    profit = {}
    for name, coefficients in (("learned", theta), ("truthful", truthful), ("manual", manual)):
        totals = summed_totals(market, coefficients)
        profit[name] = float(totals[0, GMV, 0] - totals[0, COST, 0])
    assert profit["learned"] > 0.97 * profit["truthful"]
    assert profit["truthful"] > 1.05 * profit["manual"]


def test_the_three_arms_tell_their_story_on_held_out_days():
    own = ("learner.own_weight=1.0", "learner.global_weight=0.0", *NO_FLOORS)
    revenue, profit = {}, {}
    for name, overrides in {"competing": own, "colluding": ("learner.own_weight=0.0", *NO_FLOORS), "cooperating": ()}.items():
        market = build_market(longer(*overrides))
        totals = summed_totals(market, trained(market, 100))
        reference = sum(obj.day_totals(market.baseline[day]) for day in market.scenario.traffic.test_days)
        revenue[name] = totals[:, COST].sum() / reference[:, COST].sum()
        profit[name] = (totals[:, GMV] - totals[:, COST]).sum() / (reference[:, GMV] - reference[:, COST]).sum()
    assert revenue["colluding"] < 0.2
    assert revenue["cooperating"] > 0.97
    assert revenue["competing"] > 1.3
    assert profit["colluding"] > profit["cooperating"] > 1.2
    assert profit["cooperating"] > profit["competing"]


def test_an_advertiser_s_share_is_what_happens_in_its_own_auctions(small: Scenario):
    market = build_market(small)
    day = market.day(0, 1, local_credit=True)
    theta = market.static("manual")
    totals = obj.day_totals(run_day(day, lambda _: theta))
    traffic = market.traffic
    cells = traffic.cell_slice(0)
    expected = np.zeros((len(market.advertisers), 2))
    for cell in range(cells.start, cells.stop):
        rows = slice(traffic.cell_start[cell], traffic.cell_start[cell + 1])
        score = traffic.pctr[rows] * traffic.keyword_bid[rows]
        winner = rows.start + int(np.argmax(score))
        cost = traffic.ctr[winner] * np.sort(score)[-2] / traffic.pctr[winner]
        value = traffic.ctr[winner] * traffic.cvr[winner] * traffic.item_price[winner]
        for who in traffic.advertiser[rows]:
            expected[who] += traffic.weight[cell] * np.array([value - cost, cost])
    np.testing.assert_allclose(day.local_credit[:, :, 0], expected, rtol=1e-9)
    # Four of five advertisers meet in each auction, so the shares add up to four times the totals.
    np.testing.assert_allclose(day.local_credit[:, 1, 0].sum(), 4 * totals[:, COST].sum(), rtol=1e-9)


def test_with_every_advertiser_in_every_auction_local_credit_changes_nothing():
    scenario = longer("traffic.candidates=5", "train.iterations=3")
    plain = longer("traffic.candidates=5", "train.iterations=3", "learner.local_credit=false")
    one, other = (trained(build_market(s), 3) for s in (scenario, plain))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_the_floor_costs_by_its_relative_shortfall(small: Scenario):
    flat = np.ones((1, 2))
    day = Scores(
        own=0 * flat,
        profit=np.ones(2),
        revenue=np.array([1.0, 0.9]),
        profit_share=flat,
        revenue_share=np.array([[1.0, 0.9]]),
        charge_elsewhere=np.zeros(1),
        violation=np.zeros(4),
    )
    kept, short = day_fitness(day, small, None)[0]
    assert kept == pytest.approx(1.0)
    assert short == pytest.approx(1.0 - (20**0.1 - 1))
    without = small.model_copy(update={"platform": small.platform.model_copy(update={"revenue_floor": 0.0})})
    assert day_fitness(day, without, None)[0].tolist() == [1.0, 1.0]


def test_penalties_without_bound_leave_no_missing_number_in_a_fitness(small: Scenario):
    # An advertiser that earned next to nothing under the baseline misses its floor by a thousand times.
    steep = small.model_copy(update={"learner": small.learner.model_copy(update={"penalty": 1e300})})
    market = build_market(steep)
    worst = np.tile(np.array([6.0, -6.0, -6.0]), (4, 5, 1))
    worst[0] = 0.0
    for local_credit in (True, False):
        found = score(market, 0, worst, None, local_credit=local_credit)
        assert not np.isnan(day_fitness(found, steep, None)).any()
        assert (day_fitness(found, steep, None)[:, 1:] == -np.inf).all()
