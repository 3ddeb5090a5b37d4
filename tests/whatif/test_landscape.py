"""Curves of bids and budgets: against single replays, known answers, targets and wrong words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.analysis.whatif.curves import Curve, best_table, marginal_cpc, meeting_table
from auctionsim.analysis.whatif.replays import Replays
from auctionsim.cli import main
from auctionsim.names.display import some
from auctionsim.ratios import NotDefined

from .tables import frame, table, uniform_values

pytestmark = pytest.mark.usefixtures("without_figures")


def test_every_point_equals_a_replay_with_that_bid_or_budget():
    traffic = table(n=400)
    budgets = dict.fromkeys(traffic.advertisers, 1.0)
    rows = auctionsim.landscape(traffic, "shop 2", budgets=budgets, intervals=False).table
    i = traffic.advertisers.index("shop 2")
    assert rows.height == 40
    for row in rows.iter_rows(named=True):
        bids, limits = np.ones((6, 1, 1)), np.ones(6)
        if row["curve"] == "bid":
            bids[i] = row["factor"]
        else:
            limits[i] = row["x"]
        truth = auctionsim.replay(traffic, coefficients=bids, budgets=limits)
        assert row["clicks"] == pytest.approx(truth.clicks[:, i].sum(), rel=1e-9)
        assert row["spend"] == pytest.approx(truth.cost[:, i].sum(), rel=1e-9)


def test_who_has_no_budget_is_given_shares_of_its_spend_and_spends_them():
    rows = auctionsim.landscape(table(n=400), "shop 1", intervals=False).table.filter(curve="budget")
    assert rows["factor"].to_list() == pytest.approx(np.linspace(0.05, 1.0, 20).tolist())
    assert rows["spend"].to_list() == pytest.approx(rows["x"].to_list())


def test_truthful_bidding_is_best_under_vcg_and_clicks_rise_with_bids():
    rows = auctionsim.landscape(uniform_values(3000), "bidder 0", base=["mechanism.pricing=vcg"]).table.filter(curve="bid")
    assert rows["factor"][int(rows["profit"].arg_max())] == 1.0
    assert rows["clicks"].is_sorted()
    # A second-price click beyond the own bid costs more than its value, and one below it less.
    costs = rows["marginal_cpc"].to_numpy()
    assert (costs[:10] < rows["x"].to_numpy()[:10] * 2).all()
    assert ((rows["profit_low"] < rows["profit"]) & (rows["profit"] < rows["profit_high"])).all()


def test_marginal_cost_per_click_is_that_of_the_clicks_beyond_the_point_before():
    totals = np.zeros((4, 5))
    totals[:, 1], totals[:, 4] = [0, 2, 5, 5], [0, 1, 4, 4]
    assert marginal_cpc(totals).tolist() == pytest.approx([np.nan, 0.5, 1.0, np.nan], nan_ok=True)


def curve(cost: list[float], conversions: list[float]) -> Curve:
    totals = np.zeros((1, len(cost), 5))
    totals[0, :, 2], totals[0, :, 4] = conversions, cost
    totals[0, :, 3] = 10 * np.array(conversions)
    return Curve("a", "bid", "fixed", np.arange(len(cost)) + 1.0, np.ones(len(cost)), Replays(totals, totals.sum(axis=1)))


def test_the_target_is_met_between_two_points():
    found = curve([0, 2, 6, 14], [0, 1, 2, 3])
    # Costs per conversion are 2, 3 and 4.67. Half-way from bid 3 to 4 it is 10 / 2.5 = 4.
    assert found.meeting("cpa", 4.0) == pytest.approx(3.5)
    assert found.meeting("roas", 10 / 4.0) == pytest.approx(3.5)
    assert found.meeting("cpa", 100.0) == 4.0
    assert found.meeting("cpa", 1.0) == NotDefined("no point from 1 to 4 meets the target")
    assert curve([0, 0], [0, 0]).meeting("cpa", 1.0) == NotDefined("no point buys anything")
    # What costs nothing returns whatever is asked.
    assert curve([0, 0], [1, 2]).meeting("roas", 3.0) == 2.0


def test_of_equal_profits_the_best_point_is_what_there_is():
    bids = replace(curve([0, 0, 0], [1, 1, 1]), factor=np.array([0.1, 1.0, 2.0]))
    assert best_table([bids])["factor"].to_list() == [1.0]


@pytest.mark.parametrize(
    ("conversions", "x", "where"),
    [
        ([1, 2, 3], 3.0, "upper end"),
        ([3, 2, 1], 1.0, "lower end"),
        ([1, 3, 1], 2.0, "inside"),
        ([1, 3, 3], 2.0, "inside"),
        ([0, 0, 0], 1.0, "inside"),
    ],
)
def test_a_best_point_at_an_end_of_the_range_is_no_optimum(conversions: list[float], x: float, where: str):
    row = best_table([curve([0] * 3, conversions)]).row(0, named=True)
    assert (row["x"], row["range"]) == (x, where)


def test_a_target_that_is_met_at_the_upper_end_may_be_met_beyond():
    found = [meeting_table([curve([0, 2, 6, 14], [0, 1, 2, 3])], "cpa", level).row(0, named=True) for level in (100, 4, 1)]
    assert [(row["x"], row["range"]) for row in found] == [(4.0, "upper end"), (pytest.approx(3.5), "inside"), (None, None)]


def test_ends_of_the_range_are_told_in_text_json_tables_and_the_page(tmp_path: Path):
    # Every click is worth far more than it costs, so that the highest bid earns most and meets the target.
    rich = auctionsim.landscape(frame(n=150).with_columns(item_price=1e6), "shop 1", target_roas=0.01, intervals=False)
    bid = rich.best.row(0, named=True)
    assert (bid["factor"], bid["range"], rich.targets["range"][0]) == (8.0, "upper end", "upper end")
    text, page = str(rich), rich.write(tmp_path / "out").with_name("report.md").read_text()
    for said in ("may bring a higher profit.", "may meet the target too."):
        assert f"At the upper end of the range: a higher bid or budget than was replayed {said}" in text
        assert said in page
    assert rich.as_dict()["best"][0]["range"] == "upper end"
    assert pl.read_csv(tmp_path / "out" / "best.csv")["range"].to_list() == rich.best["range"].to_list()
    poor = replace(rich, curves=(curve([0, 2, 6], [0.1, 0, 0]),), levels={})
    assert "At the lower end of the range: a lower bid or budget than was replayed may bring a higher profit." in str(poor)


def test_rivals_that_adapt_shade_their_bids_under_first_price():
    n = 2000
    opened = auctionsim.landscape(uniform_values(n), "bidder 0", adapt=True, base=["mechanism.pricing=first"], intervals=False)
    bids = opened.table.filter(curve="bid")
    fixed, adapting = (bids.filter(rivals=name) for name in ("fixed", "adapting"))
    # Against bids of c >= 1/2 times uniform values the best response is to bid half of one's own (Vickrey 1961). Bids of c then
    # win 1 - 1/(4c) of the auctions.
    for row, still in zip(adapting.iter_rows(named=True), fixed.iter_rows(named=True), strict=True):
        if row["factor"] > 0.6:
            assert row["clicks"] / n == pytest.approx(1 - 1 / (4 * row["factor"]), abs=0.05)
            assert row["clicks"] >= still["clicks"]
    settled = opened.as_dict()["adapting"]
    assert [one["curve"] for one in settled] == ["bid", "budget"]
    assert all(one["exploitability"] < 0.05 for one in settled)


def test_the_command_prints_json_and_writes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = frame(n=150)
    hostile = "<script>alert(1)</script>"
    rows.with_columns(advertiser=rows["advertiser"].str.replace("shop 0", hostile)).write_csv(tmp_path / "log.csv")
    out = tmp_path / "curves"
    words = ["landscape", str(tmp_path / "log.csv"), "--advertiser", hostile, "--advertiser", "shop 3", "--target-cpa", "9"]
    assert main([*words, "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["advertiser"] for row in found["curves"]} == {hostile, "shop 3"}
    assert len(found["targets"]) == 4
    assert pl.read_csv(out / "curves.csv").height == 80
    page = (out / "index.html").read_text()
    assert hostile not in page
    assert page.count("<figure>") == 2
    assert main(words) == 0
    assert "highest profit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--advertiser", "shpo 1"], "--advertiser shpo 1: expected one of the 6 advertisers of LOG "
         "(LISTED), got 'shpo 1' (did you mean 'shop 1'?)"),
        (["--target-cpa", "0"], "--target-cpa: expected a finite number > 0, got 0.0"),
        (["--advertiser", "shop 1", "--base", "advertisers.0.controller=pid"],
         "--advertiser shop 1: expected bids that hold all day, got a rule that bids hour by hour"),
    ],
)  # fmt: skip
def test_wrong_words_end_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str):
    log = tmp_path / "log.parquet"
    frame(n=50).write_parquet(log)
    assert main(["landscape", str(log), *words]) == 2
    listed = some(list(frame(n=50)["advertiser"].unique(maintain_order=True)))
    assert capsys.readouterr().err == line.replace("LOG", str(log)).replace("LISTED", listed) + "\n"
