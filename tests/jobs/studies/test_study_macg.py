"""The study macg in its quick form: every kind of arm is measured, and every metric means what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.analysis.documents.sections import Table
from auctionsim.auction.outcome import COST, GMV
from auctionsim.cli import main
from auctionsim.jobs.studies.macg.arms import ARMS, FRONT, Arm, arms_of, scenario_of
from auctionsim.jobs.studies.macg.cost import cost_sections, generation_costs
from auctionsim.jobs.studies.macg.measure import measured, measures
from auctionsim.objectives.goals import day_totals
from auctionsim.scenario.file import load_scenario, parse_scenario

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
    found = measures(market, days, by_day)
    for name in ("revenue", "profit", "gmv", "objective", "worst", "self_profit", "objective: seller"):
        assert found[name] == pytest.approx(1.0)
    assert found["caps_exceeded"] == 0.0
    # One learner pays 3 % more per click on both days; one self-bidder earns half.
    dearer = by_day.copy()
    dearer[:, 0, COST] *= 1.03
    profit = dearer[:, 3, GMV] - dearer[:, 3, COST]
    dearer[:, 3, GMV] -= 0.5 * profit
    changed = measures(market, days, dearer)
    assert changed["caps_exceeded"] == pytest.approx(1 / 3)
    assert changed["cpc_excess"] == pytest.approx(0.03)
    both = (by_day[:, 3:, GMV] - by_day[:, 3:, COST]).sum()
    assert changed["self_profit"] == pytest.approx(1 - 0.5 * profit.sum() / both)


@pytest.mark.parametrize("arm", [*ARMS, *FRONT], ids=lambda arm: arm.name)
def test_every_arm_is_a_right_scenario(arm: Arm):
    for name in arm.scenarios:
        if name != "real-table":
            scenario = scenario_of(name, arm, quick=True)
            assert scenario.traffic.auctions_per_day == 2000
    assert arm.name in {one.name for name in arm.scenarios for one in arms_of(name, quick=False)}


def test_advertisers_trained_alone_bid_together():
    market = build_market(parse_scenario(MIXED, "x.toml"))
    found = {row[1]: row[2] for row in measured(market, Arm("alone", kind="alone")).results if row[0] == "train"}
    assert found["objective"] > 1.0


def test_the_quick_study_ends_with_a_report_and_ratios_to_the_bound(tmp_path: Path):
    assert main(["reproduce", "macg", "--quick", "--seeds", "1", "--workers", "0", "--out", str(tmp_path / "out")]) == 0
    results = pl.read_parquet(tmp_path / "out" / "results.parquet")
    arms = set(results.filter(scenario="three-arms")["arm"])
    assert {"manual", "macg", "oracle-lp", "floor 0", "floor 1"} <= arms
    profit = {
        row["arm"]: row["value"] for row in results.filter(scenario="three-arms", split="test", metric="profit").to_dicts()
    }
    assert profit["manual"] == pytest.approx(1.0)
    assert profit["macg"] < profit["oracle-lp"]
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    assert "our reconstruction" in page
    assert load_scenario("taobao-mix").name in page


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
