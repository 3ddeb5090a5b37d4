"""The study macg in its quick form: every kind of arm is measured, and every metric means what it says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.documents.results import paired_table
from auctionsim.analysis.documents.sections import Table
from auctionsim.auction.outcome import COST, GMV
from auctionsim.cli import main
from auctionsim.jobs.studies.base import RESULTS_SCHEMA, Options
from auctionsim.jobs.studies.macg.arms import ARMS, FRONT, LARGE, REAL, Arm, arms_of, scenario_of, seeds_of, seeds_text
from auctionsim.jobs.studies.macg.cost import cost_sections, generation_costs
from auctionsim.jobs.studies.macg.document import floor_of_arm, gap_shares
from auctionsim.jobs.studies.macg.measure import SECONDS
from auctionsim.jobs.studies.macg.outcomes import WITHOUT_RATIO, bound_measures, measures, total_objective
from auctionsim.jobs.studies.macg.study import STUDY
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.floor_days import FloorDays
from auctionsim.objectives.goals import day_totals
from auctionsim.ratios import NotDefined
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

MIXED = (
    SMALL.replace("count = 5", "count = 3").replace(
        "profit_floor = 1.0", 'objectives = { clicks = 1.0 }\ncpc_cap = "baseline*1.0"'
    )
    + '\n[[advertisers]]\ngroup = "self"\ncount = 2\ncontroller = "manual"\n'
)


def test_the_baseline_measures_one_and_exceeds_no_cap():
    market = build_market(parse_scenario(MIXED, "x.toml"))
    days = market.scenario.traffic.test_days
    by_day = np.stack([day_totals(market.baseline[day])[:, :, 0] for day in days])
    found = measures(market, days, by_day, market.scenario)
    same = ("revenue", "profit", "gmv", "objective", "total_objective", "worst", "self_profit", "objective: seller")
    for name in (*same, *(f"revenue on day {day}" for day in days)):
        assert found[name] == pytest.approx(1.0)
    assert found["revenue a day"] == pytest.approx(by_day[:, :, COST].sum() / 2)
    assert found["profit a day"] == pytest.approx((by_day[:, :, GMV] - by_day[:, :, COST]).sum() / 2)
    # Three of five advertisers learn: own_weight / n x 3 + global_weight.
    learner = market.scenario.learner
    assert found["weighted"] == pytest.approx(learner.own_weight * 3 / 5 + learner.global_weight)
    assert found["caps_exceeded"] == 0.0
    # One learner pays 3 % more per click on both days; one self-bidder earns half.
    dearer = by_day.copy()
    dearer[:, 0, COST] *= 1.03
    profit = dearer[:, 3, GMV] - dearer[:, 3, COST]
    dearer[:, 3, GMV] -= 0.5 * profit
    changed = measures(market, days, dearer, market.scenario)
    assert changed["caps_exceeded"] == pytest.approx(1 / 3)
    assert changed["cpc_excess"] == pytest.approx(0.03)
    both = (by_day[:, 3:, GMV] - by_day[:, 3:, COST]).sum()
    assert changed["self_profit"] == pytest.approx(1 - 0.5 * profit.sum() / both)


def test_a_learner_whose_baseline_loses_money_has_no_ratio_and_is_no_worst_one():
    market = build_market(parse_scenario(SMALL, "x.toml"))
    days = market.scenario.traffic.test_days
    by_day = np.stack([day_totals(market.baseline[day])[:, :, 0] for day in days])
    better = by_day.copy()
    better[:, :, GMV] += by_day[:, :, COST]
    plain = measures(market, days, better, market.scenario)
    # The baseline of the first learner loses money: what it gains is not a loss of several times as much.
    for day in days:
        market.baseline[day].gmv[:, 0] = 0.0
    found = measures(market, days, better, market.scenario)
    assert found[WITHOUT_RATIO] == 1.0
    assert WITHOUT_RATIO not in plain
    assert found["worst"] >= plain["worst"] > 1.0
    assert found["objective"] > 1.0


@pytest.mark.parametrize("arm", [*ARMS, *FRONT], ids=lambda arm: arm.name)
def test_every_arm_is_a_right_scenario(arm: Arm):
    for name in arm.scenarios:
        if name != "real-table":
            scenario = scenario_of(name, arm, quick=True)
            assert scenario.traffic.auctions_per_day == 2000
    assert arm.name in {one.name for name in arm.scenarios for one in arms_of(name, quick=False)}


def table_of(*rows: tuple[str, int, str, float]) -> pl.DataFrame:
    """Rows (arm, seed, metric, value) as results on test days."""
    whole = [("macg", "market", arm, seed, "test", metric, value) for arm, seed, metric, value in rows]
    return pl.DataFrame(whole, schema=RESULTS_SCHEMA, orient="row")


def test_the_gap_that_is_closed_is_the_way_from_the_baseline_to_the_bound_by_seed():
    rows = [("manual", 1.75), ("macg", 2.61), ("oracle-lp", 3.19)]
    results = table_of(*((arm, 0, "weighted", value) for arm, value in rows), ("macg", 1, "weighted", 9.0))
    assert gap_shares(results, "market", "macg") == pytest.approx([0.86 / 1.44])
    assert gap_shares(results, "market", "manual") == pytest.approx([0.0])
    assert gap_shares(results.filter(pl.col("arm") != "oracle-lp"), "market", "macg") == NotDefined("there is no bound")


def test_the_floor_of_an_arm_is_judged_by_day_and_seed():
    days = [(0, 9, 1.02), (0, 10, 0.97), (1, 9, 1.0), (1, 10, 0.99)]
    results = table_of(
        *(("macg", seed, f"revenue on day {day}", value) for seed, day, value in days), ("macg", 0, "revenue", 0.1)
    )
    assert floor_of_arm(results, "market", "macg") == FloorDays(held=2, days=4, worst=0.97, worst_seed=0, worst_day=10)
    assert isinstance(floor_of_arm(results, "market", "manual"), NotDefined)


def test_paired_differences_say_on_how_many_seeds_the_arm_is_above():
    values = {"macg": [1.3, 1.5, 1.4], "rival": [1.2, 1.3, 1.5]}
    results = table_of(*((arm, seed, "profit", value) for arm, own in values.items() for seed, value in enumerate(own)))
    table = paired_table(results, "market", "macg", ["rival", "none"], {"profit": "Total profit"}, signs=True)
    assert len(table.rows) == 1
    assert table.rows[0][1].startswith("0.067 [")
    assert table.rows[0][1].endswith("], 2 of 3")
    assert "Then the number of seeds on which macg is above" in table.note


def test_the_total_objective_is_a_ratio_of_sums_weighted_over_objectives():
    usual = np.array([[20.0, 0, 0, 0], [10.0, 0, 0, 0], [0, 4.0, 0, 0]])
    own = np.array([[30.0, 9, 9, 9], [10.0, 9, 9, 9], [9, 6.0, 9, 9]])
    weights = np.array([[1.0, 0, 0, 0], [1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    # Two of three weights are on clicks, 40 over 30, the third on conversions, 6 over 4.
    assert total_objective(own, usual, weights) == pytest.approx(2 / 3 * 40 / 30 + 1 / 3 * 6 / 4)
    assert np.isnan(total_objective(own, np.zeros((3, 4)), weights))


def test_the_bound_lies_above_what_bids_that_keep_the_constraints_reach():
    market = build_market(parse_scenario(MIXED, "x.toml"))
    days = market.scenario.traffic.test_days
    bound = bound_measures(market, days)
    policy = Constant(market.static("manual"))
    by_day = np.stack([day_totals(simulate_day(market, day, policy).outcome)[:, :, 0] for day in days])
    reached = measures(market, days, by_day, market.scenario)
    assert reached["weighted"] < bound["weighted"]
    assert reached["profit"] < bound["profit"]


_VARIANTS = (
    "macg, margin of 2 %",
    "macg, global credit",
    "macg, multipliers",
    "macg, formula",
    "macg, contextual",
    "macg, no self-bidder floor",
)
"""Arms that no claim rests on."""


def test_splits_are_disjoint_in_time_order_and_seeds_are_those_kept_back():
    for name in ("three-arms", "taobao-mix", "calibrated", LARGE):
        traffic = scenario_of(name, ARMS[0], quick=False).traffic
        assert max(traffic.train_days) < min(traffic.validation_days)
        assert max(traffic.validation_days) < min(traffic.test_days)
    units, traced = STUDY.units(Options(tuple(range(100, 120)), data="data")), {arm.name for arm in FRONT}
    assert (STUDY.first_seed, STUDY.n_seeds) == (100, 20)
    counts = {
        name: len({unit.seed for unit in units if unit.scenario == name and unit.arm not in traced})
        for name in {unit.scenario for unit in units}
    }
    assert counts == {"three-arms": 20, "taobao-mix": 20, "calibrated": 10, LARGE: 10, REAL: 10}
    of_arm = Counter(unit.arm for unit in units if unit.scenario == "taobao-mix")
    assert {arm.name: of_arm[arm.name] for arm in ARMS if arm.most_seeds is not None} == dict.fromkeys(_VARIANTS, 5)
    assert {of_arm[name] for name in ("macg", "independent", "value-scale", "manual", "oracle-lp")} == {20}
    # Where learners changed after the study's seeds had been looked at, they are measured on later ones.
    first = {name: min(unit.seed for unit in units if (unit.scenario, unit.arm) == (name, "macg")) for name in counts}
    assert first == {"three-arms": 200, "taobao-mix": 100, "calibrated": 200, LARGE: 200, REAL: 200}
    assert seeds_of("three-arms", ARMS[0], (7, 8)) == (107, 108)
    assert seeds_of("three-arms", FRONT[0], (7, 8)) == seeds_of("taobao-mix", ARMS[0], (7, 8)) == (7, 8)
    assert len(set(units)) == len(units), "no arm stands twice"


@pytest.mark.long
def test_the_quick_study_ends_with_whole_tables_and_ratios_to_the_bound(tmp_path: Path):
    # Seeds from 100 on are kept back for the study itself.
    command = ["reproduce", "macg", "--quick", "--seed", "0", "--seeds", "1", "--workers", "0", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    results = pl.read_parquet(tmp_path / "out" / "results.parquet")
    test = {(row["scenario"], row["arm"], row["metric"]): row["value"] for row in results.filter(split="test").to_dicts()}
    for scenario in ("three-arms", "taobao-mix"):
        arms = {arm.name for arm in arms_of(scenario, quick=True)}
        assert set(results.filter(scenario=scenario)["arm"]) == arms
        assert test[scenario, "manual", "profit"] == pytest.approx(1.0)
        assert test[scenario, "macg", "profit"] < test[scenario, "oracle-lp", "profit"]
        assert test[scenario, "oracle-lp", "weighted"] > 1
    assert set(results.filter(metric=SECONDS)["split"]) == {"train"}
    page = (tmp_path / "out" / "table.md").read_text()
    titles = (
        "Weighted objective", "Gap closed", "Own objectives (mean of ratios)", "Own objectives (ratio of totals)",
        "Total profit", "Profit gap closed",
        "Worst advertiser", "Revenue", "Days floor held", "Worst day", "Caps exceeded", "Self-bidders' profit",
        "Seconds of training", "macg minus", "click-buyer", "currency a day", "our reconstruction",
    )  # fmt: skip
    for title in titles:
        assert title in page, title
    assert "begin at 100 for three-arms, 0 for taobao-mix: constants and arms were chosen on some of them" in page
    assert "% of 7" in page, "seven test days of one seed"
    assert "study_version" in (tmp_path / "out" / "plan.json").read_text()


def test_seeds_are_called_fresh_only_where_they_are():
    fresh = {"three-arms": 200, "taobao-mix": 100}
    assert "none of those shown had been" in seeds_text(fresh, STUDY.first_seed)
    for scenario, seed in fresh.items():
        assert "no claim rests on these figures" in seeds_text({**fresh, scenario: seed - 1}, STUDY.first_seed)


def test_costs_of_generations_are_measured_and_their_growth_named():
    found = generation_costs((500, 1000), (5, 10))
    assert [(name, size) for name, size, _ in found] == [
        ("seconds by auctions", 500.0), ("seconds by auctions", 1000.0),
        ("seconds by advertisers", 5.0), ("seconds by advertisers", 10.0),
    ]  # fmt: skip
    assert all(seconds > 0 for _, _, seconds in found)
    # Linear in auctions and the square root of advertisers.
    rows = [("seconds by auctions", n, 3.0 * n) for n in (1.0, 2.0, 4.0)] + [
        ("seconds by advertisers", n, 2.0 * n**0.5) for n in (1.0, 2.0, 4.0)
    ]
    curves = pl.DataFrame([("large", *row) for row in rows], schema=["scenario", "curve", "x", "y"], orient="row")
    table = next(section for section in cost_sections(curves) if isinstance(section, Table))
    assert [row[2] for row in table.rows if "power" in row[1]] == ["1.00", "0.50"]
    assert cost_sections(curves.filter(curve="none")) == []
