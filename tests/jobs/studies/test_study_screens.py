"""The study of screens: its quick form, and what its committed table promises."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from auctionsim.analysis.screens.innocent import CASES
from auctionsim.analysis.screens.measures import MEASURES
from auctionsim.cli import main

RESULTS = Path(__file__).parents[3] / "docs" / "results" / "screens.parquet"


def test_the_quick_form_screens_innocent_logs_and_the_library(tmp_path: Path):
    assert main(["reproduce", "screens", "--quick", "--seeds", "1", "--workers", "0", "--out", str(tmp_path / "out")]) == 0
    results = pl.read_parquet(tmp_path / "out" / "results.parquet")
    assert set(results["scenario"]) == {"innocent logs", "outcome library"}
    text = (tmp_path / "out" / "table.md").read_text()
    assert "Not measured: the public bids are not there" in text
    assert "A screen is a reason to look, not a proof." in text


def test_the_committed_table_keeps_its_promises():
    results = pl.read_parquet(RESULTS)
    innocent = results.filter(scenario="innocent logs")
    assert set(innocent["arm"]) == set(CASES)
    flagged = innocent.filter(metric="flagged")
    assert flagged["seed"].n_unique() == 10
    # 140 logs at 5 %: more than 14 come by chance less than once in 100.
    assert flagged["value"].mean() <= 14 / 140  # type: ignore[operator]
    for one in MEASURES:
        alarms = innocent.filter(metric=f"alarm {one.name}")["value"]
        assert alarms.mean() <= 9 / 60, one.name  # type: ignore[operator]


def test_the_committed_table_holds_the_published_figures():
    city = pl.read_parquet(RESULTS).filter(scenario="tsuchiura", arm="all auctions")
    value = dict(city.select("metric", "value").iter_rows())
    assert value["demand 2 % lower"] == pytest.approx(0.693839, abs=1e-4)
    assert value["demand as bid"] == pytest.approx(0.25017, abs=1e-4)
    assert value["least collusive share"] == pytest.approx(0.303379, abs=1e-4)
    assert value["p missing bids"] <= 0.01
    assert value["auc low variation low"] > 0.5
