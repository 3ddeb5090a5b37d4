"""Logs whose bids, charges, values and budgets are in different units, and logs that only look so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auctionsim import load_scenario
from auctionsim.cli import main

from ....logs import shown_auctions

COLUMNS = ("item_price", "pctr", "slot", "shown", "clicked", "converted")
MICRO, CENT = 10**6, 100
Change = Callable[[float], float]


def written(
    folder: Path, changes: Mapping[str, float | Change] | None = None, top: str = "", **drawn: Any
) -> tuple[Path, Path]:
    """Write a log some of whose columns are multiplied, or changed by a function, and its mapping."""
    log, mapping = shown_auctions(folder, columns=(*COLUMNS, drawn.pop("cost", "cost_per_click"), "budget"), **drawn)
    head, *lines = (line.split(",") for line in log.read_text().splitlines())
    head.append("budget")
    for line in lines:
        line.append("50")
        for column, change in (changes or {}).items():
            at = head.index(column)
            if line[at]:
                line[at] = repr(change(float(line[at])) if callable(change) else float(line[at]) * change)
    log.write_text("\n".join(map(",".join, [head, *lines])) + "\n")
    mapping.write_text(top + mapping.read_text())
    return log, mapping


def ingested(
    folder: Path, capsys: pytest.CaptureFixture[str], files: tuple[Path, Path], *more: str, out: str = "t.parquet"
) -> dict[str, Any]:
    log, mapping = files
    capsys.readouterr()
    command = ["ingest", str(log), "--format", "auctions-csv", "--mapping", str(mapping), "--out", str(folder / out), "--json"]
    assert main([*command, *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(("changes", "expected"), [
    ({"cost_per_click": MICRO}, [("cost_per_click", "manual_bid", "millionths")]),
    ({"cost_per_click": CENT}, [("cost_per_click", "manual_bid", "hundredths")]),
    ({"manual_bid": CENT}, [("manual_bid", "cost_per_click", "hundredths")]),
    ({"manual_bid": 1000}, [("manual_bid", "cost_per_click", "thousandths"), ("manual_bid", "item_price", "thousandths"),
                            ("manual_bid", "budget", "thousandths")]),
    ({"manual_bid": MICRO, "cost_per_click": MICRO}, [("manual_bid", "item_price", "millionths"),
                                                      ("manual_bid", "budget", "millionths")]),
    ({"item_price": MICRO}, [("item_price", "manual_bid", "millionths")]),
])  # fmt: skip
def test_columns_in_different_units_are_named_and_decide_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, float], expected: list[tuple[str, str, str]]
):
    scenario = tmp_path / "s.toml"
    files = written(tmp_path, changes, n=600, pricing="first", reserve=0.9)
    found = ingested(tmp_path, capsys, files, "--scenario", str(scenario), "--quality", str(tmp_path / "q.html"))
    assert [(one["high"], one["low"], one["part"]) for one in found["units"]] == expected
    mechanism = load_scenario(scenario).mechanism
    assert (mechanism.pricing, mechanism.reserve) == ("gsp", 0.0)
    assert "neither mechanism nor reserve is the log's, as units differ" in scenario.read_text()
    words = found["units"][0]["words"]
    assert words in json.loads(pl.read_parquet_metadata(tmp_path / "t.parquet")["auctionsim-notes"])["units"]
    assert words.split(" (")[0] in (tmp_path / "q.html").read_text()
    if found["units"][0]["is_charge"]:
        assert found["replay"]["mechanisms"] == []
        assert found["replay"]["reason"] == f"{expected[0][0]} and {expected[0][1]} differ in units"


def test_the_line_names_columns_figures_and_what_may_be_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = written(tmp_path, {"manual_bid": MICRO, "cost_per_click": MICRO})
    capsys.readouterr()
    out, scenario = str(tmp_path / "t.parquet"), str(tmp_path / "s.toml")
    command = ["ingest", str(log), "--format", "auctions-csv", "--mapping", str(mapping), "--out", out, "--scenario", scenario]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    first, second, third = (line for line in lines if line.startswith("units ") or "takes over neither" in line)
    assert first.startswith("units     manual_bid is about 100,000 times item_price (medians ")
    assert first.endswith(
        'manual_bid and cost_per_click in millionths? millionths = ["manual_bid", "cost_per_click"] in the mapping file divides'
    )
    assert second.startswith("units     manual_bid is about 20,000 times budget (medians ")
    assert third.strip() == "the scenario takes over neither mechanism nor reserve, as units differ"


@pytest.mark.parametrize(("changes", "drawn"), [
    ({}, {}),
    ({}, {"pricing": "first"}),
    ({}, {"pricing": "vcg", "cost": "cost_per_impression"}),
    ({}, {"reserve": 0.9}),
    ({"cost_per_click": lambda cost: 0.0}, {}),
    # Nobody competes, and every click costs a reserve far below the bids.
    ({"cost_per_click": lambda cost: 0.002 if cost else 0.0}, {}),
    # A click is clicked seldom, and bids are higher than prices: of conversions that are counted alone, too.
    ({"item_price": lambda price: 1.0, "manual_bid": lambda bid: 5000 * bid, "cost_per_click": 5000, "budget": MICRO}, {}),
    ({"item_price": 10_000}, {}),
    ({"budget": 10**7}, {}),
    ({"budget": lambda budget: 0.0}, {}),
    ({"item_price": 0.05}, {}),
], ids=[
    "gsp", "first", "per impression", "reserve", "no charges", "reserve alone", "price 1", "high prices", "large budgets",
    "no budgets", "low prices",
])  # fmt: skip
def test_logs_in_one_unit_are_not_accused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, float | Change], drawn: dict[str, Any]
):
    assert ingested(tmp_path, capsys, written(tmp_path, changes, **drawn))["units"] == []


def test_tiny_numbers_have_a_finite_ratio(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    found = ingested(tmp_path, capsys, written(tmp_path, {"manual_bid": 1e-300, "item_price": 1e-300}))
    assert [(one["high"], one["ratio"]) for one in found["units"]] == [("cost_per_click", 1e15)]


def test_columns_in_millionths_are_divided_exactly(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rounded: Mapping[str, Change] = {"cost_per_click": lambda cost: round(cost, 6)}
    plain = ingested(tmp_path, capsys, written(tmp_path, rounded, reserve=0.9, n=600), out="plain.parquet")
    (tmp_path / "micro").mkdir()
    changes: Mapping[str, float | Change] = {
        "manual_bid": lambda bid: round(bid * MICRO), "cost_per_click": lambda cost: round(cost * MICRO), "budget": CENT
    }  # fmt: skip
    top = "millionths = ['manual_bid', 'cost_per_click']\nhundredths = ['budget']\n"
    found = ingested(tmp_path / "micro", capsys, written(tmp_path / "micro", changes, top, reserve=0.9, n=600))
    assert pl.read_parquet(tmp_path / "micro" / "t.parquet").equals(pl.read_parquet(tmp_path / "plain.parquet"))
    assert (found["replay"], found["logged"]) == (plain["replay"], plain["logged"])
    assert {"manual_bid, cost_per_click: in millionths, divided by 1,000,000", "budget: in hundredths, divided by 100"} < set(
        found["assumed"]
    )
    assert found["units"] == []


def test_a_bid_of_a_thousand_is_no_price_out_of_range_in_millionths(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    changes = dict.fromkeys(("manual_bid", "cost_per_click", "item_price", "budget"), 2000.0 * MICRO)
    top = "millionths = ['manual_bid', 'cost_per_click', 'item_price', 'budget']\n"
    assert ingested(tmp_path, capsys, written(tmp_path, changes, top))["rows_kept"] == 1200


@pytest.mark.parametrize(("top", "said"), [
    ("millionths = ['manual_bit']\n",
     "millionths: no mapped column of prices 'manual_bit'; choose from manual_bid, item_price, cost_per_click, budget "
     "(did you mean 'manual_bid'?)"),
    ("millionths = ['pctr']\n", "millionths: no mapped column of prices 'pctr'; choose from "),
    ("hundredths = 'budget'\n", "hundredths: expected names of columns as [\"bid\", \"cost\"], got 'budget'"),
    ("hundredths = ['budget']\nmillionths = ['budget']\n", "millionths: expected each column once, got 'budget' twice"),
    ("millionth = ['budget']\n", "unknown key 'millionth'; choose from "),
])  # fmt: skip
def test_a_mapping_that_names_no_column_of_prices_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], top: str, said: str
):
    log, mapping = written(tmp_path, top=top)
    out = str(tmp_path / "t.parquet")
    assert main(["ingest", str(log), "--format", "auctions-csv", "--mapping", str(mapping), "--out", out]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"{mapping}: {said}")
    assert message.count("\n") == 1


@pytest.mark.parametrize(("cost", "words"), [
    ("cost_per_click", "logged charges per click"), ("cost_per_impression", "logged charges per impression"),
    ("pcvr", "logged bids, as no charge is mapped"),
])  # fmt: skip
def test_the_line_of_prices_says_what_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str], cost: str, words: str):
    log, mapping = written(tmp_path, cost=cost)
    assert ingested(tmp_path, capsys, (log, mapping))["price_words"] == words
    out = str(tmp_path / "t.parquet")
    assert main(["ingest", str(log), "--format", "auctions-csv", "--mapping", str(mapping), "--out", out]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("prices"))
    assert line.startswith(f"prices    {words}: least ")
