"""The study `auctionnet`: its rules by hand, one follower per copy of a day, half-hours, and the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.documents.sections import Table, Text
from auctionsim.cli import main
from auctionsim.jobs.studies.auctionnet import policies
from auctionsim.jobs.studies.auctionnet.document import auctionnet_sections
from auctionsim.jobs.studies.auctionnet.field import OneAmongRivals
from auctionsim.jobs.studies.auctionnet.policies import Abid, FixedTarget, OnlineLp, SpendPid
from auctionsim.jobs.studies.auctionnet.study import STUDY, arms, measures
from auctionsim.market.market import Market
from auctionsim.market.policy import DayState
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario.file import load_scenario

EVERYBODY = np.arange(48)


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(load_scenario("auctionnet", overrides=("traffic.weight=5000",)))


def state(left: float, spent: float, steps_done: int) -> DayState:
    last = np.zeros((48, 5, 1))
    last[:, 4] = spent
    return DayState(2, steps_done // 2, steps_done, np.full((48, 1), left), last, last)


def test_the_scenario_has_auctionnet_s_advertisers_slots_and_volume(market: Market):
    assert len(market.advertisers) == len(market.learners) == 48
    assert market.budgets.sum() == pytest.approx(150_000, rel=0.01)
    assert sorted(set(policies.targets(market))) == [60, 70, 80, 90, 100, 110, 120, 130]
    assert market.rules.slot_effect == (1.0, 0.8, 0.6)
    assert market.traffic.weight[market.traffic.cell_slice(2)].sum() == pytest.approx(500_000, rel=0.05)
    assert (np.diff(market.traffic.cell_start) == 48).all(), "everybody meets everybody"
    assert (market.traffic.pctr == 1.0).all(), "bids are per exposure"
    assert market.traffic.pcvr.mean() == pytest.approx(0.0005, rel=0.25)


def test_the_spend_pid_moves_alpha_by_projected_spending(market: Market):
    actor = SpendPid(market, EVERYBODY).begin(market, 2, 1)

    def alpha(*given: float | int) -> float:
        return float(actor.act(state(given[0], given[1], int(given[2])))[0, 1, 0])

    assert alpha(1000.0, 0.0, 0) == 15.0
    # 10 x 38 steps to come = 380 is below 0.7 x 1000, 100 x 37 above 1.1 x 1000, and 25 x 36 = 900 between.
    assert alpha(1000.0, 10.0, 10) == pytest.approx(18.0)
    assert alpha(1000.0, 100.0, 11) == pytest.approx(12.6)
    assert alpha(1000.0, 25.0, 12) == pytest.approx(12.6)


def test_the_plan_of_the_online_lp_sorts_auctions_by_cost_per_conversion():
    price, value = np.array([3.0, 1.0, 2.0]), np.array([0.01, 0.02, 0.01])
    ratio, cost, step = policies._plan(price, value, np.array([10.0, 10.0, 5.0]), np.array([0, 1, 2]))
    np.testing.assert_allclose(ratio, [50.0, 200.0, 300.0])
    np.testing.assert_allclose(cost, [10.0, 10.0, 30.0])
    assert step.tolist() == [1, 2, 0]


def test_the_online_lp_bids_more_the_more_budget_is_left_up_to_one_and_a_half_targets(market: Market):
    actor = OnlineLp(market, EVERYBODY).begin(market, 2, 1)
    target = policies.targets(market)
    alphas = np.stack([actor.act(state(left, 0.0, 24))[:, 1, 0] for left in (1.0, 100.0, 500.0, 2000.0)])
    assert (np.diff(alphas, axis=0) >= 0).all()
    assert (alphas <= 1.5 * target).all()
    assert (alphas[0] < alphas[-1]).all(), "with little left it buys the cheapest conversions alone"
    # The budget buys all that is left of the day.
    np.testing.assert_allclose(actor.act(state(1e9, 0.0, 24))[:, 1, 0], target)


def test_abid_bids_the_square_of_the_prediction_over_its_mean(market: Market):
    actor = Abid(market, EVERYBODY).begin(market, 2, 1)
    theta = np.broadcast_to(actor.act(state(1000.0, 0.0, 20)), (48, 4, 1))
    rows = slice(0, 48)
    assert actor.source is not None
    bids = (actor.source.phi[rows] * theta[:, :, 0]).sum(axis=1)
    mean = policies._step_means(market, 2)[20]
    np.testing.assert_allclose(bids, policies.targets(market) * market.traffic.pcvr[rows] ** 2 / mean)


def test_in_each_copy_of_a_day_one_advertiser_follows_the_policy(market: Market):
    nothing = Constant(np.zeros((48, 4, 1)))
    field = OneAmongRivals(nothing, [(FixedTarget(market, EVERYBODY), np.ones(48, bool))])
    day = simulate_day(market, 2, field, n_policies=48)
    assert len(day.step_hours) == 48, "half-hours"
    cost = day.outcome.cost.sum(axis=0)
    assert (np.diag(cost) == 0).all()
    assert ((cost > 0).sum(axis=0) == 47).all()


@pytest.mark.long
def test_a_policy_that_bids_nothing_scores_nothing_and_the_target_something(market: Market):
    assert measures(market, lambda market, who: Constant(np.zeros((len(who), 4, 1))))["score"] == 0.0
    found = measures(market, FixedTarget)
    assert 0 < found["score"] <= found["conversions"]
    assert 0 < found["budget_used"] <= 1.0


@pytest.mark.long
def test_the_quick_study_scores_every_arm(tmp_path: Path):
    out = tmp_path / "out"
    assert main(["reproduce", "auctionnet", "--quick", "--seeds", "1", "--workers", "0", "--out", str(out)]) == 0
    results = pl.read_parquet(out / "results.parquet")
    assert set(results.filter(metric="score")["arm"]) == set(arms())
    assert set(results["seed"]) == {STUDY.first_seed}, "no seed that the scenario was looked at"
    assert "Scales differ between papers" in (out / "table.md").read_text()


def page(scores: dict[str, list[float]]) -> tuple[str, list[list[str]]]:
    """Return the headline of a page, and the rows beside published orders."""
    rows = [
        {"study": "s", "scenario": "m", "arm": arm, "seed": seed, "split": "test", "metric": "score", "value": value}
        for arm, values in scores.items()
        for seed, value in enumerate(values)
    ]
    sections = auctionnet_sections(pl.DataFrame(rows), "m")
    tables = [part for part in sections if isinstance(part, Table) and part.header[0] == "published table"]
    return next(part.text for part in sections if isinstance(part, Text)), tables[0].rows


def test_policies_that_few_tables_share_allow_no_claim():
    headline, rows = page({"fixed-target": [1.0, 2.0], "online-lp": [2.0, 3.1], "bc": [0.5, 0.6]})
    assert headline.startswith("The best is online-lp")
    assert rows[0][1:] == ["bc, online-lp", "rho 1.00, tau 1.00, p = 1 (n = 2)", "no claim: n = 2, and p < 0.05 needs 5"]
    assert rows[2][2:] == ["not defined: 0 in common, an order needs 2", "no claim"]


def test_five_shared_policies_in_the_published_order_are_a_claim():
    values = {"bc": 1.0, "online-lp": 2.0, "iql": 3.0, "ppo": 4.0, "oil": 5.0, "fixed-target": 9.0}
    headline, rows = page({name: [value, value] for name, value in values.items()})
    assert headline == "No policy scores above fixed-target, which bids the target and reacts to nothing."
    assert rows[0][3] == "same order"
    assert rows[1][3].startswith("no claim: p = "), "on sparse data iql is the worst"
