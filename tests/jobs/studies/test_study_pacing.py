"""The study `pacing`: every controller takes part, days are what they say, measures mean what they say, bounds hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

from auctionsim.agents.policies import registry
from auctionsim.auction.bid_formula import STATIC_BIDS
from auctionsim.auction.outcome import COST, GMV
from auctionsim.jobs.studies.base import Options, find_study
from auctionsim.jobs.studies.pacing import figures
from auctionsim.jobs.studies.pacing.cases import CASES, TEST_DAYS, TRAIN_DAYS, auctions_by_hour, case_budgets, case_traffic
from auctionsim.jobs.studies.pacing.controllers import Arm, arm_of, arms, case_market, policy_of
from auctionsim.jobs.studies.pacing.disturbed_day import Account, run_case
from auctionsim.jobs.studies.pacing.measures import measure, oscillation, prepared
from auctionsim.jobs.studies.pacing.multipliers import (
    METHODS,
    Campaigns,
    bid_factor,
    compare,
    random_campaigns,
    unbounded_violation,
)
from auctionsim.market.simulate import simulate_day

PER_HOUR = 3
RESULTS = Path(__file__).parents[3] / "docs" / "results" / "pacing.parquet"


def test_every_registered_controller_takes_part():
    assert {arm.controller for arm in arms()} == {*STATIC_BIDS, *registry._RULES}
    assert {arm.method for arm in arms()} == {"", "dual", "min", "sequential", "pid", "throttle"}
    units = find_study("pacing").units(Options((0, 1)))
    assert {(unit.scenario, unit.arm) for unit in units} >= {(case, arm.name) for case in CASES for arm in arms()}
    assert len({unit.key for unit in units}) == len(units)


def test_the_bound_is_near_what_the_best_constant_multiple_of_the_day_reaches():
    assert measure("steady", Arm("uscb-oracle"), 2, PER_HOUR)["value"] > 0.9
    assert sorted(prepared("steady", 2, PER_HOUR).best_value) == list(TEST_DAYS)


def test_the_steady_case_is_the_day_that_every_market_runs():
    case = CASES["steady"]
    market = case_market(case, 1, PER_HOUR)
    for name in ("pid", "throttle", "manual"):
        hours = run_case(Account.of(case, market.budgets), market, policy_of(Arm(name), market), 2)
        outcome = simulate_day(market, 2, policy_of(Arm(name), market)).outcome
        # Each hour is accounted in units of its own here, of the day there.
        np.testing.assert_allclose(hours[:, :, COST], outcome.cost[:, :, 0], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(hours[:, :, GMV], outcome.gmv[:, :, 0], rtol=1e-6, atol=1e-9)


def test_cases_hold_their_surprise_on_test_days_alone():
    disturbed = CASES["vanish and double"]
    before, after = auctions_by_hour(disturbed, 0, 10), auctions_by_hour(disturbed, 2, 10)
    assert before.tolist() == [10] * 24
    assert after[8:12].tolist() == [0] * 4
    assert after[14:18].tolist() == [20] * 4
    season = auctions_by_hour(CASES["season"], 0, 10)
    assert season.max() == season[20]
    assert season.max() > 5 * season.min()
    dust = CASES["dust"]
    traffic = case_traffic(dust, 0, PER_HOUR)
    assert (case_budgets(dust, traffic) < traffic.market_ecpm[np.isin(traffic.day, TRAIN_DAYS)].min()).all()
    sizes = case_budgets(CASES["large and small"], case_traffic(CASES["large and small"], 0, 20))
    assert (sizes[0] > 8 * sizes[1:]).all()


def test_an_account_is_spent_in_equal_parts_of_what_is_left_and_a_cut_takes_its_share_at_noon():
    account = Account.of(CASES["account, .3 and .1"], np.array([6.0, 6.0]))
    assert account.left(0, np.zeros(2)).tolist() == [6.0, 6.0]
    assert account.left(5, np.array([8.0, 1.0])).tolist() == [1.5, 1.5]
    assert account.left(5, np.array([8.0, 5.0])).tolist() == [0.0, 0.0]
    cut = Account.of(CASES["budget cut"], np.array([10.0, 10.0]))
    assert cut.left(11, np.array([7.0, 2.0])).tolist() == [3.0, 8.0]
    np.testing.assert_allclose(cut.left(12, np.array([7.0, 2.0])), [0.0, 4.1])


def test_overspend_comes_from_cuts_and_late_reports_and_from_nothing_else():
    for arm in (Arm("truthful"), Arm("dual-pacing")):
        for case in ("dust", "account, .3 and .1"):
            assert measure(case, arm, 0, PER_HOUR)["overspend"] <= 1e-6
    # Bidding the value spends a tight budget before noon: all that is cut was spent, 0.39 / 0.61 of three budgets of six.
    cut = measure("budget cut", Arm("truthful"), 0, PER_HOUR)["overspend"]
    assert 0.1 < cut <= 0.5 * 0.39 / 0.61 + 1e-9
    assert measure("late reports", Arm("truthful"), 0, PER_HOUR)["overspend"] > 0.02


@pytest.mark.parametrize(
    ("cases", "arms"),
    [
        (("account, .2 and .2",), (Arm("truthful"), Arm("target-roas", "min"))),
        pytest.param(tuple(CASES), arms(), marks=pytest.mark.long),
    ],
)
def test_no_controller_that_keeps_its_limits_beats_the_bound(cases: tuple[str, ...], arms: tuple[Arm, ...]):
    for case in cases:
        for arm in arms:
            found = measure(case, arm, 2, PER_HOUR)
            if found["overspend"] <= 1e-9 and found["ros_kept"] == 1:
                assert found["value"] <= 1 + 1e-6, (case, arm)


def test_an_autobidder_knows_its_target_and_its_method():
    arm = arm_of("target-roas, sequential")
    assert arm == Arm("target-roas", "sequential")
    market = case_market(CASES["steady"], 0, PER_HOUR, arm)
    group = market.scenario.advertisers[0]
    assert (group.controller, group.autobid.method, group.roas_floor) == ("target-roas", "sequential", 1.0)
    assert policy_of(arm, market) is market.rule_policies[0][1]
    # A budget that cannot be spent at the target tempts who knows no target; who knows it breaks it by little.
    blind, aware = (measure("steady", arm_of(name), 0, 8)["ros_violation"] for name in ("max-value, dual", "target-roas, dual"))
    assert blind > 0.12 > aware


def test_campaigns_that_are_alike_share_an_account_alike_and_the_better_one_gets_more():
    alike, unlike = (
        np.mean([measure(case, Arm("dual-pacing"), seed, 6)["first_share"] for seed in range(2)])
        for case in ("account, .2 and .2", "account, .3 and .1")
    )
    assert alike == pytest.approx(0.5, abs=0.06)
    assert unlike > alike + 0.08


def test_oscillation_is_0_for_steady_spend_and_2_for_spend_in_every_second_hour():
    ones = np.ones((24, 1))
    assert oscillation(3 * ones, ones) == 0
    assert oscillation(np.tile([[1.0], [0.0]], (12, 1)), ones) == pytest.approx(2)
    traffic = np.linspace(1, 24, 24)[:, None]
    assert oscillation(traffic, traffic) == 0
    assert np.isnan(oscillation(0 * ones, ones))


def test_factors_by_hand():
    mu, lam = np.array([1.0, 4.0]), np.array([1.0, 0.5])
    assert bid_factor("dual", mu, lam).tolist() == [1.0, pytest.approx(1.5 / 4.5)]
    assert bid_factor("min", mu, lam).tolist() == [1.0, 0.25]
    assert bid_factor("sequential", mu, lam).tolist() == [2.0, 0.75]
    with pytest.raises(ValueError, match="method: expected one of dual, min, sequential, got 'max'"):
        bid_factor("max", mu, lam)


def test_the_best_in_hindsight_is_that_of_a_linear_program():
    campaigns = random_campaigns(5, 12, steps=6, auctions=4)
    for i in range(12):
        value, price = campaigns.values[:, :, i].ravel(), campaigns.prices[:, :, i].ravel()
        found = linprog(-value, [price, price - value], [campaigns.budgets[i], 0.0], bounds=(0, 1))
        assert campaigns.best[i] == pytest.approx(-found.fun, rel=1e-7)


def test_no_method_spends_beyond_its_budget():
    campaigns = random_campaigns(3, 30, steps=48)
    for method in METHODS:
        _, paid = campaigns.run(method)
        assert (paid <= campaigns.budgets).all()
    free = Campaigns(campaigns.values, 1e-9 * campaigns.prices, campaigns.budgets)
    np.testing.assert_allclose(free.run("dual")[0], campaigns.values.sum(axis=(0, 1)))


@pytest.mark.parametrize("steps", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_sequential_pacing_breaks_the_return_by_an_amount_that_grows_with_time_and_the_others_do_not(steps: int):
    assert unbounded_violation("sequential", steps, 7) == pytest.approx(0.293, abs=0.05)
    for method in ("dual", "min"):
        assert unbounded_violation(method, steps, 7) < np.sqrt(steps) * np.log(steps) / steps / 5


def test_statements_are_measured_and_a_tie_is_no_order():
    rows = [
        ("pacing", figures.CAMPAIGNS, method, seed, "test", metric, value)
        for seed in (0, 1)
        for method in METHODS
        for metric, value in {**compare(method, seed, 60), "kept": 0.5}.items()
    ]
    results = pl.DataFrame(rows, schema=["study", "scenario", "arm", "seed", "split", "metric", "value"], orient="row")
    found = {figure.measure: figure.holds(measured) for figure, measured in figures.checks(results)}
    assert len(found) == 4
    assert not found["return kept: min less sequential"]
    assert [row[0] for row in figures.methods_table(results).rows] == list(METHODS)


def test_the_committed_results_have_every_arm_and_keep_what_is_published_but_one():
    results = pl.read_parquet(RESULTS)
    assert {(case, arm.name) for case in CASES for arm in arms()} <= set(results.select("scenario", "arm").unique().iter_rows())
    assert results["seed"].n_unique() == 10
    missed = [figure.measure for figure, measured in figures.checks(results) if not figure.holds(measured)]
    assert missed == ["value: sequential less min"]
    # Whoever keeps budgets and returns on a day stays within the bound.
    wide = results.pivot(on="metric", index=["scenario", "arm", "seed"], values="value")
    kept = wide.filter(pl.col("scenario").is_in(list(CASES)), pl.col("overspend") <= 1e-9, pl.col("ros_kept") == 1)
    assert kept["value"].max() <= 1 + 1e-6
