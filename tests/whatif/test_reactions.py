"""Advertisers that react: best responses of small markets whose equilibria are known, and what is compared with what."""

from __future__ import annotations

import numpy as np
import pytest

import auctionsim
from auctionsim.agents.learners.registry import make_learner
from auctionsim.analysis.economics.deviations import best_responses
from auctionsim.errors import InputError
from auctionsim.jobs.whatif.change import read_changes
from auctionsim.jobs.whatif.changed import changed_market
from auctionsim.jobs.whatif.opened import open_source
from auctionsim.jobs.whatif.replaying import own_bids
from auctionsim.jobs.whatif.settling import SETTLED, settle
from auctionsim.market.policy import Constant
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario.file import parse_scenario

from .tables import frame, table, uniform_values


def settled_bids(base: list[str], **options: int):
    opened = open_source(table(**options), base=base)
    own = own_bids(opened.market)
    return opened, own, settle(opened.market, (0,), own, np.arange(len(own)))


def test_who_bids_a_share_of_its_value_comes_back_to_it_under_vcg():
    # Truthful bidding is a best response under VCG; two bidders begin at a third and at twice their values.
    traffic = uniform_values(4000)
    opened = open_source(traffic, base=["mechanism.pricing=vcg"])
    own = own_bids(opened.market)
    start = np.array([[1 / 3], [2.0]])
    found = settle(opened.market, (0,), own, np.arange(2), start=start)
    assert found.multiplier[:, 0] == pytest.approx([1.0, 1.0], abs=0.05)
    assert found.is_settled


def test_bids_are_shaded_to_half_of_uniform_values_under_first_price():
    # Two bidders, values uniform on [0, 1]: the equilibrium of the first-price auction is to bid half (Vickrey 1961).
    opened = open_source(uniform_values(4000), base=["mechanism.pricing=first"])
    found = settle(opened.market, (0,), own_bids(opened.market), np.arange(2))
    assert found.multiplier[:, 0] == pytest.approx([0.5, 0.5], abs=0.05)
    assert found.exploitability[0] < 0.01


def test_the_exploitability_that_is_told_is_that_of_the_measure_of_best_responses():
    opened, own, found = settled_bids(["mechanism.slot_effect=[1,0.6]"], n=500, candidates=4)
    measured = best_responses(opened.market, 0, Constant(found.bids(own)))
    # The measure searches multiples of truthful bids too, and more finely.
    assert found.exploitability[0] <= measured.exploitability + 1e-9
    assert found.is_settled == bool(found.exploitability[0] <= SETTLED)
    before = best_responses(opened.market, 0, Constant(own)).exploitability
    assert found.exploitability[0] < 0.1 * before


RING = """
name = "ring"
[traffic]
days = 3
auctions_per_day = 300
queries = 10
candidates = 4
train_days = [0, 1]
test_days = [2]
[[advertisers]]
group = "a"
count = 4
controller = "manual"
budget = "baseline*0.5"
[[agencies]]
agency = "house"
members = ["a[0:3]"]
coordination = "keyword-bid"
"""


def test_a_share_of_the_spend_is_that_without_the_ring_as_in_the_scenario():
    opened = open_source(parse_scenario(RING, "ring.toml"))
    same, halved = read_changes(opened, ["advertisers.budget=baseline*0.5", "advertisers.budget=baseline*0.25"], [])
    for is_refitted in (False, True):
        found = changed_market(opened.market, same, is_refitted=is_refitted)
        np.testing.assert_array_equal(found.budgets, opened.market.budgets)
        np.testing.assert_allclose(changed_market(opened.market, halved).budgets, 0.5 * opened.market.budgets)
        assert found.rules.rings == opened.market.rules.rings
        np.testing.assert_array_equal(found.baseline[2].cost, opened.market.baseline[2].cost)


def test_who_does_not_react_keeps_its_bids():
    opened = open_source(table(n=300))
    found = settle(opened.market, (0,), own_bids(opened.market), np.array([2, 3]))
    assert (found.multiplier[[0, 1, 4, 5]] == 1.0).all()
    assert (found.multiplier[[2, 3]] != 1.0).all()


def test_first_price_and_second_price_bring_the_same_after_reactions_and_not_before():
    # Revenue equivalence (Myerson 1981), of two bidders with uniform values.
    traffic = uniform_values(4000)
    still = auctionsim.whatif(traffic, "mechanism.pricing=first", intervals=False).as_dict()
    assert still["changes"][0]["change"]["revenue"]["relative"] == pytest.approx(1.0, abs=0.05)
    answer = auctionsim.whatif(traffic, "mechanism.pricing=first", react="best-response", intervals=False)
    found = answer.as_dict()
    assert [one["set"] for one in found["changes"]] == ["unchanged, advertisers react", "mechanism.pricing=first"]
    assert found["compared_with"] == "unchanged, advertisers react"
    assert found["unchanged"] == still["unchanged"]
    assert found["changes"][1]["change"]["revenue"]["relative"] == pytest.approx(0.0, abs=0.06)
    assert found["changes"][1]["reaction"]["settled"] in (True, False)
    assert found["changes"][1]["reaction"]["multipliers"]["bidder 0"] == pytest.approx(0.5, abs=0.05)
    assert "deviating alone would still gain" in str(answer)


def test_rules_are_fitted_to_the_changed_market_on_request():
    scenario = auctionsim.load_scenario(
        "three-arms",
        overrides=["traffic.auctions_per_day=600", "advertisers.0.controller=ortb", "advertisers.0.budget=baseline*0.5"],
    )
    kept = auctionsim.whatif(scenario, "mechanism.pricing=first", intervals=False).as_dict()
    fitted = auctionsim.whatif(scenario, "mechanism.pricing=first", react="rules", intervals=False).as_dict()
    assert kept["days"] == fitted["days"] == list(scenario.traffic.test_days)
    assert fitted["changes"][0]["revenue"] == kept["unchanged"]["revenue"]
    assert fitted["changes"][1]["revenue"] != kept["changes"][0]["revenue"]
    assert fitted["changes"][1]["reaction"] == {"how": "rules", "days": [0, 1], "rules_refitted": 12}


def test_learners_are_trained_on_the_changed_market():
    overrides = ["traffic.auctions_per_day=300", "advertisers.0.count=4", "train.iterations=3", "learner.population=8"]
    scenario = auctionsim.load_scenario("three-arms", overrides=overrides)
    answer = auctionsim.whatif(scenario, "mechanism.pricing=first", react="learners")
    first, second = (one["reaction"] for one in answer.as_dict()["changes"])
    assert (first["algorithm"], first["iterations"]) == (scenario.learner.algorithm, 3)
    assert 0 <= second["exploitability"] < np.inf
    assert "was trained for 3 iterations" in str(answer)
    # The learned policy of the unchanged market is the one that training in a run gives.
    learner = make_learner(scenario)
    market = auctionsim.build_market(scenario)
    state = learner.start(market)
    for _ in range(3):
        state, _ = learner.tell(market, state, learner.ask(market, state).results(market))
    truth = sum(float(simulate_day(market, day, learner.policy(market, state)).outcome.cost.sum()) for day in answer.days)
    assert answer.as_dict()["changes"][0]["revenue"] == pytest.approx(truth)


def test_fitted_bids_are_replayed_on_other_days_than_they_were_fitted_to():
    answer = auctionsim.whatif(table(n=100, days=3), "mechanism.reserve=0.3", react="best-response", intervals=False)
    assert answer.days == (2,)
    assert "fitted to days 0, 1: not the days that are replayed" in " ".join(answer.notes)
    one = auctionsim.whatif(table(n=100), "advertisers.controller=ortb", budgets={f"shop {i}": 1.0 for i in range(6)})
    assert "the same days, so that they look better" in " ".join(one.notes)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("best", "--react: unknown 'best'; choose from rules, best-response, learners"),
        ("best-response", "conversions with a value"),
    ],
)
def test_a_wrong_reaction_ends_in_one_line(how: str, words: str):
    rows = frame(n=50).with_columns(item_price=0.0)
    with pytest.raises(InputError, match=words):
        auctionsim.whatif(rows, "mechanism.reserve=0.3", react=how)
