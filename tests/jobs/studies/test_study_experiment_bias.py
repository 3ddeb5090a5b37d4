"""The study of experiments: instances in closed form, and statements that the committed results bear out."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from auctionsim.jobs.studies.base import Options, Unit, find_study
from auctionsim.jobs.studies.experiment_bias.autobidders import TARGET_CHANGES, run_test, true_revenue
from auctionsim.jobs.studies.experiment_bias.markets import CHANGES
from auctionsim.jobs.studies.experiment_bias.study import _checks

RESULTS = Path(__file__).parents[3] / "docs" / "results" / "experiment-bias.parquet"
FIRST, TARGETS = TARGET_CHANGES.values()


def test_auto_bidders_with_one_target_show_an_effect_where_there_is_none():
    control, treatment = true_revenue(FIRST)
    assert control == pytest.approx(2 * 960)
    assert treatment == pytest.approx(control)
    # alpha = 4/3 in both arms: prices of 4/3 and 8/3.
    assert run_test(FIRST, 0, 0, is_split=False).effect[0] == pytest.approx(4 / 3 * 960, rel=0.03)
    assert run_test(FIRST, 0, 0, is_split=True).effect[0] == pytest.approx(0, abs=1e-4 * control)


def test_auto_bidders_with_one_target_hide_an_effect_that_there_is():
    control, treatment = true_revenue(TARGETS)
    assert treatment / control == pytest.approx(1.04, abs=1e-6)
    assert run_test(TARGETS, 1, 0, is_split=False).effect[0] == pytest.approx(0, abs=1e-3 * control)
    assert run_test(TARGETS, 1, 0, is_split=True).effect[0] == pytest.approx(0.04 * control, rel=1e-3)


def test_a_unit_is_the_same_whenever_it_is_measured():
    study, unit = find_study("experiment-bias"), Unit("one budget", "user", 3)
    found = [study.run(unit, Options((3,), quick=True)).results for _ in range(2)]
    assert found[0] == found[1]
    values = {metric: value for _, metric, value in found[0]}
    assert values["bias"] == pytest.approx(2 / 3, abs=0.05)
    assert values["truth"] == pytest.approx(0, abs=1e-9)


def test_the_committed_results_bear_out_every_statement():
    results = pl.read_parquet(RESULTS)
    assert set(results["scenario"]) == {*CHANGES, *TARGET_CHANGES}
    assert results["seed"].n_unique() == 5
    assert [figure.measure for figure, measured in _checks(results) if not figure.holds(measured)] == []
    shared = results.filter(pl.col("arm") == "user", pl.col("metric") == "coverage")
    with_budgets = shared.filter(pl.col("scenario") != "bids, no budgets")
    assert with_budgets["value"].max() == 0
