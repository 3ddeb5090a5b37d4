"""What a log says about its own auctions: a replay against winners and charges, slots, clicks alone, the data-quality page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auctionsim import load_scenario
from auctionsim.cli import main

from ...logs import AUCTIONNET, auctionnet_rows, ingest, shown_auctions, tsv

ALL = ("item_price", "pctr", "slot", "shown", "clicked", "converted")


def told(tmp_path: Path, capsys: pytest.CaptureFixture[str], log: Path, mapping: Path, *more: str) -> dict[str, Any]:
    capsys.readouterr()
    ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping), "--json", *more)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(("pricing", "squash", "cost"), [
    ("gsp", 1.0, "cost_per_click"), ("first", 0.0, "cost_per_click"), ("vcg", 1.0, "cost_per_impression"),
    ("gsp", 0.0, "cost_per_impression"),
])  # fmt: skip
def test_the_mechanism_of_a_log_is_found_by_replaying_its_bids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pricing: str, squash: float, cost: str
):
    log, mapping = shown_auctions(tmp_path, pricing=pricing, squash=squash, columns=(*ALL, cost))
    scenario = tmp_path / "s.toml"
    replayed = told(tmp_path, capsys, log, mapping, "--scenario", str(scenario))["replay"]
    best = replayed["mechanisms"][0]
    assert replayed["reserve"] == 0
    assert (best["pricing"], best["squash"], best["winners"]) == (pricing, squash, 1.0)
    # Charges by VCG, and those per impression, depend on the effects of slots, which are estimated.
    assert best["charges"] == pytest.approx(1.0, abs=1e-6 if (pricing, cost[-5:]) == ("gsp", "click") else 0.15)
    assert replayed["mechanisms"][-1]["winners"] < 0.7
    mechanism = load_scenario(scenario).mechanism
    assert (mechanism.pricing, mechanism.squash) == (pricing, squash)


def test_a_reserve_shows_in_the_lowest_charge(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = shown_auctions(tmp_path, n=600, reserve=0.9, columns=(*ALL, "cost_per_click"))
    scenario = tmp_path / "s.toml"
    replayed = told(tmp_path, capsys, log, mapping, "--scenario", str(scenario))["replay"]
    assert replayed["reserve"] == 0.9
    assert replayed["mechanisms"][0]["error"] < 1e-6
    assert load_scenario(scenario).mechanism.reserve == 0.9


def test_a_page_of_ten_slots_is_replayed_though_scenarios_have_seven(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    effect = [0.85**slot for slot in range(10)]
    log, mapping = shown_auctions(tmp_path, slot_effect=effect, sellers=13, columns=(*ALL, "cost_per_click"))
    scenario = tmp_path / "s.toml"
    best = told(tmp_path, capsys, log, mapping, "--scenario", str(scenario))["replay"]["mechanisms"][0]
    assert (best["pricing"], best["squash"], best["winners"]) == ("gsp", 1.0, 1.0)
    assert len(load_scenario(scenario).mechanism.slot_effect) <= 7


@pytest.mark.parametrize("pricing", ["gsp", "vcg"])
def test_an_ad_far_down_the_page_is_a_loser_and_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str], pricing: str):
    log, mapping = shown_auctions(tmp_path, pricing=pricing, columns=(*ALL, "cost_per_click"))
    lines = [line.split(",") for line in log.read_text().splitlines()]
    # Of 600 shown ads one stands on a late page.
    next(row for row in lines[1:] if row[9] == "2")[9] = "1000"
    log.write_text("\n".join(",".join(row) for row in lines) + "\n")
    best = told(tmp_path, capsys, log, mapping)["replay"]["mechanisms"][0]
    assert best["winners"] == pytest.approx(599 / 600)


def test_the_first_line_says_how_well_a_replay_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = shown_auctions(tmp_path, columns=(*ALL, "cost_per_click"))
    lines = log.read_text().splitlines()
    # In three of 300 auctions the log shows the two ads the other way round: 6 of 600 winners.
    swapped = [line.split(",") for line in lines]
    for row in swapped[1:]:
        if int(row[0]) < 3 and row[9]:
            row[9] = str(3 - int(row[9]))
    log.write_text("\n".join(",".join(row) for row in swapped) + "\n")
    capsys.readouterr()
    ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping))
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("replay of the log's own bids: 99.0% of the winners, charges 1.000 of the log's")
    assert "(gsp, ranked by eCPM; charges by vcg " in first


def test_without_slots_the_shown_ads_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = shown_auctions(tmp_path, columns=("pctr", "shown"))
    replayed = told(tmp_path, capsys, log, mapping)["replay"]
    assert (replayed["per"], replayed["mechanisms"][0]["squash"], replayed["mechanisms"][0]["winners"]) == (None, 1.0, 1.0)
    assert replayed["mechanisms"][0]["charges"] is None


def test_without_a_shown_column_nothing_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = shown_auctions(tmp_path, columns=("pctr", "clicked"))
    ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "replay of the log's own bids: not defined: the log has no shown column"
    assert "position effects: not defined: the log has no slot or shown column" in lines


def test_a_log_of_winners_alone_is_not_called_reproduced(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = shown_auctions(tmp_path, columns=("pctr", "slot"))
    rows = [line for line in log.read_text().splitlines() if line.split(",")[9] in ("slot", "1")]
    log.write_text("\n".join(rows) + "\n")
    ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping))
    expected = "replay of the log's own bids: not defined: no auction of the log has two candidates"
    assert capsys.readouterr().out.splitlines()[0] == expected


def test_auctionnets_winners_and_costs_are_reproduced(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = tmp_path / "period-7.csv"
    log.write_text(tsv(auctionnet_rows(), AUCTIONNET, header=True, sep=","))
    ingest(tmp_path, log, "auctionnet")
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(
        "replay of the log's own bids: 100.0% of the winners, charges 1.000 of the log's, 0.0% off on average"
    )


def test_position_effects_of_a_log_become_the_scenarios(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = shown_auctions(tmp_path, n=3000, columns=(*ALL, "cost_per_click"))
    scenario = tmp_path / "s.toml"
    second = told(tmp_path, capsys, log, mapping, "--scenario", str(scenario))["position_effects"]["slots"][1]
    assert abs(second["effect"] - 0.5) < 2 * second["error"] < 0.12
    assert load_scenario(scenario).mechanism.slot_effect == (1.0, pytest.approx(second["effect"], abs=1e-6))
    assert f"standard errors {second['error']:.3g}." in scenario.read_text()


def test_estimated_click_rates_are_those_of_the_first_slot(tmp_path: Path):
    log, mapping = shown_auctions(tmp_path, n=3000, columns=("slot", "shown", "clicked"), ctr=0.35)
    out = ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping))
    shown = (
        pl.read_csv(log)
        .with_columns(estimate=pl.read_parquet(out)["pctr"])
        .filter((pl.col("shown") == 1) & (pl.col("day") > 0))
    )
    # Half of the impressions are in a slot of effect 0.5. As full trials they would give three quarters of the rate.
    assert shown["estimate"].mean() / shown["pctr"].mean() == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("written", [("0", "0", "1"), ("", "", "1"), ("", "0", "true"), ("1", "0", "1")])
def test_only_shown_rows_are_trials_of_a_click_however_the_others_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: tuple[str, str, str]
):
    log, mapping = shown_auctions(tmp_path, columns=("shown", "clicked"))
    plain = pl.read_parquet(ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping), out="plain.parquet"))
    words = dict(zip(("", "0", "1"), written, strict=True))
    rows = [line.split(",") for line in log.read_text().splitlines()]
    changed = [rows[0], *([*row[:11], words[row[11]], *row[12:]] for row in rows[1:])]
    log.write_text("\n".join(",".join(row) for row in changed) + "\n")
    capsys.readouterr()
    table = pl.read_parquet(ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping)))
    assert table.equals(plain)
    assert ("600  not counted, of rows that were not shown" in capsys.readouterr().out) == (written[0] == "1")


def test_a_log_with_clicks_alone_is_trained_for_clicks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = shown_auctions(tmp_path, n=60, columns=("pctr", "slot", "clicked"))
    scenario, run = tmp_path / "s.toml", tmp_path / "run"
    ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping), "--scenario", str(scenario))
    assert "objective: clicks: the log has no conversions and no pcvr" in capsys.readouterr().out
    assert [group.objectives for group in load_scenario(scenario).advertisers] == [{"clicks": 1.0}]
    small = ["--set", "train.iterations=2", "--set", "learner.population=4"]
    assert main(["train", str(scenario), *small, "--out", str(run)]) == 0
    assert (run / "report" / "index.html").is_file()


@pytest.mark.parametrize("columns", [("pctr", "clicked", "converted"), ("pctr", "pcvr")])
def test_a_log_with_conversions_is_trained_for_conversions(tmp_path: Path, columns: tuple[str, ...]):
    log, mapping = shown_auctions(tmp_path, columns=columns)
    scenario = tmp_path / "s.toml"
    ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping), "--scenario", str(scenario))
    assert [group.objectives for group in load_scenario(scenario).advertisers] == [{"conversions": 1.0}]


def test_slots_without_clicks_keep_their_number(tmp_path: Path):
    log, mapping = shown_auctions(tmp_path, columns=("pctr", "slot"))
    scenario = tmp_path / "s.toml"
    ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping), "--scenario", str(scenario))
    assert load_scenario(scenario).mechanism.slot_effect == (1.0, 1.0)
    assert "Assumed: as many slots as the log shows" in scenario.read_text()


def test_two_kinds_of_cost_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = shown_auctions(tmp_path, columns=("cost_per_click", "cost_per_impression"))
    command = ["ingest", str(log), "--format", "auctions-csv", "--mapping", str(mapping), "--out", str(tmp_path / "t.parquet")]
    assert main(command) == 2
    assert f"{mapping}: columns: expected cost_per_click or cost_per_impression, got both" in capsys.readouterr().err


def test_the_quality_page_is_whole_and_escaped(tmp_path: Path):
    log, mapping = shown_auctions(tmp_path, columns=(*ALL, "cost_per_click"))
    lines = log.read_text().replace("item_price", "<b>worth</b>", 1).splitlines()
    lines[40] = lines[40].replace(",9.5,", ",<script>alert(1)</script>,")
    log.write_text("\n".join(lines) + "\n")
    mapping.write_text(mapping.read_text().replace("item_price = 'item_price'", "item_price = '<b>worth</b>'"))
    page = tmp_path / "q.html"
    command = ["ingest", str(log), "--format", "auctions-csv", "--mapping", str(mapping), "--quality", str(page)]
    assert main([*command, "--out", str(tmp_path / "t.parquet")]) == 0
    text = page.read_text()
    assert "<script>alert" not in text
    assert "<b>" not in text
    assert "&lt;b&gt;worth&lt;/b&gt;: expected a number &gt;= 0 and &lt; 1e9" in text
    assert "First of them: &lt;b&gt;worth&lt;/b&gt;: expected a number" in text
    assert f"{log}: line 41, auction 9" in text
    assert "http" not in text.replace("http-equiv", "")
    for title in (
        "Rows that were dropped", "Columns that were read", "Volume by day and hour", "Candidates per auction",
        "Calibration of click rates", "Position effects", "Replay of the log",
    ):  # fmt: skip
        assert re.search(rf'<h2 id="s\d+">{title}', text), title
    assert text.count("data:image/svg+xml") == 3
    assert main([*command, "--out", str(tmp_path / "again.parquet")]) == 2
    assert not (tmp_path / "again.parquet").exists()


def test_the_quality_page_counts_what_the_log_holds(tmp_path: Path):
    log, mapping = shown_auctions(tmp_path, columns=("slot", "clicked"))
    page = tmp_path / "q.html"
    ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping), "--quality", str(page))
    text = page.read_text()
    # Two of an auction's four candidates are shown; the others have neither slot nor click.
    assert "<td>slot</td><td>600</td><td>50.00%</td><td></td><td>0</td><td>1 to 2</td>" in text
    assert "Candidates per auction: 4.00 on average, from 4 to 4" in text
