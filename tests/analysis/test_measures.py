"""Measures of outcomes on cases with a known answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.documents.curves import line_of, line_over_arms
from auctionsim.analysis.documents.plots.lines import lines_figure
from auctionsim.analysis.reports.violations import violations
from auctionsim.analysis.reports.welfare import economics, pacing_error
from auctionsim.analysis.statistics import gini
from auctionsim.jobs.training.evaluate import write_evaluation
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL


def day_rows(
    name: str,
    spend: list[float],
    *,
    budget: float | None = None,
    gmv: float = 0.0,
    shown: list[float] | None = None,
    arm: str = "learned",
) -> pl.DataFrame:
    """A day of one advertiser: spend and impressions by hour; GMV and as many clicks as impressions spread evenly."""
    hours = len(spend)
    left = None if budget is None else (budget - np.cumsum(spend)).tolist()
    impressions = [1.0] * hours if shown is None else shown
    columns = {
        "arm": [arm] * hours, "seed": [0] * hours, "day": [2] * hours, "hour": list(range(hours)),
        "advertiser": [name] * hours, "group": ["seller"] * hours, "impressions": impressions, "clicks": impressions,
        "conversions": [0.0] * hours, "gmv": [gmv / hours] * hours, "cost": spend, "budget_left": left or [None] * hours,
    }  # fmt: skip
    return pl.DataFrame(columns, schema_overrides={"budget_left": pl.Float64})


def test_money_measures_of_two_advertisers_by_hand():
    rows = pl.concat([day_rows("a", [2.0, 2.0], budget=5.0, gmv=12.0), day_rows("b", [1.0, 0.0], gmv=3.0)])
    (found,) = economics(rows).to_dicts()
    assert found["revenue"] == 5
    assert found["gmv"] == found["welfare"] == 15
    assert found["liquid_welfare"] == 5 + 3  # a can pay for no more than its budget of 5
    assert found["profit"] == 10
    assert found["roi"] == 2
    assert found["cpc"] == 5 / 4
    assert found["take_rate"] == pytest.approx(1 / 3)
    assert found["budget_use"] == 4 / 5
    assert found["gini_profit"] == pytest.approx(gini([8, 2]))


def test_measures_without_clicks_cost_or_budgets_are_null():
    (found,) = economics(day_rows("a", [0.0, 0.0], shown=[0.0, 0.0])).to_dicts()
    assert [found[name] for name in ("roi", "cpc", "take_rate", "budget_use")] == [None] * 4
    assert pacing_error(day_rows("a", [1.0, 1.0]))["pacing_error"].to_list() == [None]


def test_the_pacing_error_is_0_if_spend_follows_traffic_and_near_its_maximum_if_spent_at_once():
    shown = [1.0, 3.0, 4.0, 2.0]
    with_traffic = day_rows("a", [0.1, 0.3, 0.4, 0.2], budget=1.0, shown=shown)
    assert pacing_error(with_traffic)["pacing_error"].to_list() == pytest.approx([0.0])
    early = day_rows("a", [1.0, *[0.0] * 99], budget=1.0)
    assert pacing_error(early)["pacing_error"].to_list() == pytest.approx([0.495])  # the mean of 1 - k / 100
    # Weighted by spend: an advertiser that spends next to nothing does not count.
    both = pl.concat([day_rows("a", [0.5, 0.5], budget=1.0), day_rows("b", [1e-9, 0.0], budget=1.0)])
    assert pacing_error(both)["pacing_error"].to_list() == pytest.approx([0.0], abs=1e-8)


@pytest.fixture
def evaluated(tmp_path: Path) -> Run:
    """Learned: everybody bids double the keyword bid, under limits taken from the baseline and budgets of half its spend."""
    limits = 'profit_floor = 1.0\nbudget = "baseline*0.5"\ncpc_cap = "baseline*1.0"\nroi_floor = "baseline*1.0"'
    text = SMALL.replace("profit_floor = 1.0", limits)
    scenario = parse_scenario(text, "s")
    run = Run.create(tmp_path / "run", scenario, text, seeds=(0,), command="x")
    market = build_market(scenario, 0)
    write_evaluation(run, {0: market}, {0: Constant(2 * market.static("manual"))})
    return run


def test_the_baseline_keeps_limits_taken_from_itself_and_higher_bids_violate_them(evaluated: Run):
    table = violations(evaluated)
    baseline = table.filter(arm="reference")
    assert set(baseline["constraint"]) == {"budget", "cpc_cap", "roi_floor", "profit_floor", "revenue_floor"}
    assert baseline["violated"].to_list() == [0.0] * 5
    learned = {row["constraint"]: row for row in table.filter(arm="learned").iter_rows(named=True)}
    assert learned["budget"]["violated"] == 0  # hard
    assert learned["budget"]["cases"] == 10  # 5 advertisers, 2 days
    assert learned["revenue_floor"]["cases"] == 2
    assert learned["cpc_cap"]["violated"] > 0.7
    assert learned["cpc_cap"]["excess"] > 0.3
    assert learned["roi_floor"]["violated"] > 0.7


def test_measures_of_a_run_add_up(evaluated: Run):
    rows = evaluated.table("outcomes")
    found = economics(rows).filter(arm="learned").to_dicts()[0]
    own = rows.filter(arm="learned")
    assert found["revenue"] == pytest.approx(own["revenue"].sum())
    assert found["welfare"] == pytest.approx(found["revenue"] + found["profit"])
    assert found["liquid_welfare"] <= found["welfare"]
    assert 0.9 < found["budget_use"] <= 1 + 1e-9
    assert 0 < pacing_error(rows).filter(arm="learned")["pacing_error"][0] < 1


def test_lines_are_means_over_seeds_in_the_order_of_x():
    rows = [("s", "x", "arm", seed, "price", x, x + seed) for x in (2.0, -1.0) for seed in (0, 1)]
    names = ["study", "scenario", "arm", "seed", "curve", "x", "y"]
    line = line_of(pl.DataFrame(rows, schema=names, orient="row"), "x", "arm", "price")
    assert line.x.tolist() == [-1.0, 2.0]
    assert line.mean.tolist() == [-0.5, 2.5]
    assert (line.low <= line.mean).all()
    assert (line.mean <= line.high).all()
    results = pl.DataFrame({"scenario": "x", "arm": ["b", "a"], "metric": "m", "value": [3.0, 1.0]})
    assert line_over_arms(results, "x", {"b": 2.0, "a": 0.5}, "m").mean.tolist() == [1.0, 3.0]


def test_a_figure_of_lines_draws_each_line_and_level():
    line = line_of(pl.DataFrame({"scenario": "x", "arm": "a", "curve": "c", "x": [0.0, 1.0], "y": [1.0, 3.0]}), "x", "a", "c")
    axes = lines_figure({"one": line}, "Days", "Price", levels={"Nash": 2.0}).axes[0]
    assert [drawn.get_label() for drawn in axes.lines] == ["one", "Nash"]
    assert list(axes.lines[0].get_ydata()) == [1.0, 3.0]
    assert set(axes.lines[1].get_ydata()) == {2.0}
