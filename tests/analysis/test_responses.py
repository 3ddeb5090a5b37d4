"""A run stores and reports the responses to a deviation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant, DayState, Reactive
from auctionsim.analysis.economics.deviations import best_multiplier
from auctionsim.analysis.economics.responses import response_rows
from auctionsim.analysis.reports.run_punishment import response_lines
from auctionsim.auction.outcome import COST
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.train import train

from ..jobs.test_runs import new_run, nothing

pytestmark = pytest.mark.usefixtures("without_figures")


def test_fixed_bids_do_not_respond_and_a_grim_trigger_punishes(tmp_path: Path):
    market = build_market(new_run(tmp_path / "run").scenario(), 0)
    # Everybody shades to a tenth of its value: to take the market for an hour pays.
    shaded = 0.1 * market.static("truthful")
    still = response_rows(0, market, Constant(shaded), 2)
    assert (still["rival_bids"] == 0.0).all()
    assert (still["punished"] == 0).all()
    assert still.filter(hours_since=0)["profit"].item() > 0

    def grim(state: DayState) -> np.ndarray:
        # Truthful for the rest of the day once anybody has paid another price than on the undisturbed day.
        paid = state.cumulative[:, COST].sum(axis=0)
        has_deviated = np.abs(paid - paid[0]) > 1e-9
        return np.where(has_deviated, market.static("truthful"), shaded)

    punished = response_rows(0, market, Reactive(grim), 2)
    assert (punished.filter(pl.col("hours_since") <= 0)["rival_bids"] == 0.0).all()
    assert punished.filter(pl.col("hours_since") > 0)["rival_bids"].to_numpy() == pytest.approx(9.0)
    assert (punished["punished"] == 1).all()


def test_a_gain_has_no_share_of_a_loss(tmp_path: Path):
    """Bids of 50 values: whoever loses least still loses, and what it gains by bidding less is no share of that."""
    market = build_market(new_run(tmp_path / "run").scenario(), 0)
    rows = response_rows(0, market, Constant(50 * market.static("truthful")), 2)
    assert rows["profit"].is_nan().all()


def test_the_best_multiple_of_shaded_bids_is_found(tmp_path: Path):
    market = build_market(new_run(tmp_path / "run").scenario(), 0)
    day, who = 2, int(market.learners[0])
    shaded = Constant(0.1 * market.static("truthful"))
    best = best_multiplier(market, day, shaded, who)

    def profit(multiplier: float) -> float:
        theta = 0.1 * market.static("truthful")
        theta[who] *= multiplier
        return float(market.outcome(day, theta).profit[:, who].sum())

    assert profit(best) >= max(profit(multiplier) for multiplier in (0.5, 1.0, 2.0, 8.0, 20.0))
    assert best > 1


def test_a_run_s_report_shows_the_response_and_the_trade_off(tmp_path: Path):
    from auctionsim.analysis.reports.report import write_report

    run = new_run(tmp_path / "run", seeds=(0, 1))
    train(run, SerialPool(), nothing)
    table = run.table("punishment")
    assert table.height == 2 * 24
    bids, gained = response_lines(table)
    assert bids.x.tolist() == list(range(-3, 9))
    assert (gained.mean[:3] == 0).all()
    page = write_report([run], tmp_path / "report").read_text()
    for figure in ("trade-off", "punishment"):
        assert (tmp_path / "report" / "figures" / f"{figure}.svg").is_file()
    assert "Punished: run on 0 of 2 seeds" in page
