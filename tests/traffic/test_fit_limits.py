"""Tables at the limits of what the generator draws: they are fitted, or refused in one line before anything is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from auctionsim import load_scenario
from auctionsim.agents.build import build_market
from auctionsim.cli import main

COLUMNS = ("day", "hour", "cell", "weight", "query", "advertiser", "pctr", "pcvr", "item_price", "manual_bid")
Row = dict[str, object]


def table(path: Path, *, days: Sequence[int] = (0, 1), change: Callable[[Row], Row] = lambda row: {}) -> Path:
    rows = []
    for i, day in enumerate(days):
        for hour in range(24):
            for who in "ab":
                own = (day, hour, i * 24 + hour, 1, "q", who, 0.1, 0.1, 10.0, 1.0 + (who == "b"))
                row: Row = dict(zip(COLUMNS, own, strict=True))
                rows.append(row | change(row))
    pl.DataFrame(rows).write_parquet(path)
    return path


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: {"weight": 10**15}, "row 19, column weight: expected weights of cells that sum to <= 9007199254740992"),
        (lambda row: {"weight": 10**12}, "column weight: expected <= 1e+12 auctions a day, got 2.4e+13"),
        (lambda row: {"pctr": 1e-300}, "row 1, column pctr: expected a number >= 1e-09"),
        (lambda row: {"pcvr": 5e-324}, "row 1, column pcvr: expected 0 or a number >= 1e-12"),
        (lambda row: {"item_price": 1e-300}, "row 1, column item_price: expected 0 or a number >= 1e-12"),
        (lambda row: {"manual_bid": 1e-300}, "row 1, column manual_bid: expected 0 or a number >= 1e-12"),
        (lambda row: {"manual_bid": float(row["advertiser"] == "a")}, "column manual_bid: expected auctions with two bids > 0"),
        (lambda row: {"day": int(row["day"]) * 10**9}, "column day: expected days that span <= 10000 days, got 1000000001"),
        (lambda row: {"pcvr": 1e-12 if int(row["hour"]) % 2 else 1.0}, "spread of pcvr within a query, advertiser and day"),
    ],
)
def test_a_table_beyond_the_generator_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Row], Row], said: str
):
    path = table(tmp_path / "t.parquet", change=change)
    assert main(["fit", str(path), "--out", str(tmp_path / "s.toml")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert f"{path}: {said}" in lines[0]
    assert [left.name for left in tmp_path.iterdir()] == ["t.parquet"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("which", ["one day", "heavy", "equal bids", "one hour"])
def test_a_table_without_variation_is_fitted_and_its_scenario_builds(tmp_path: Path, which: str):
    changes: dict[str, Callable[[Row], Row]] = {
        "one day": lambda row: {},
        "heavy": lambda row: {"weight": 10**9},
        "equal bids": lambda row: {"manual_bid": 1.0},
        "one hour": lambda row: {"hour": 5},
    }
    path = table(tmp_path / "t.parquet", days=(0,) if which == "one day" else (0, 1), change=changes[which])
    out = tmp_path / "s.toml"
    assert main(["fit", str(path), "--out", str(out)]) == 0
    market = build_market(load_scenario(out))
    assert math.isfinite(market.traffic.keyword_bid.mean())
    assert "nan" not in (tmp_path / "s-fit" / "table.md").read_text()


@pytest.mark.filterwarnings("error")
def test_fitted_budgets_keep_their_ratio_to_spend(tmp_path: Path):
    path, budgets, out = table(tmp_path / "t.parquet"), tmp_path / "b.csv", tmp_path / "s.toml"
    budgets.write_text("advertiser,budget\na,0.6\nb,0.6\n")
    assert main(["fit", str(path), "--budgets", str(budgets), "--out", str(out)]) == 0
    # 24 auctions a day cost 0.1 each: 1.2 an advertiser.
    assert load_scenario(str(out)).advertisers[0].budget == "profile*0.5"
    assert math.isfinite(build_market(load_scenario(str(out))).budgets.sum())


def test_budgets_that_a_profile_cannot_hold_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path, budgets = table(tmp_path / "t.parquet"), tmp_path / "b.csv"
    budgets.write_text("advertiser,budget\na,1e-300\nb,1e308\n")
    assert main(["fit", str(path), "--budgets", str(budgets), "--out", str(tmp_path / "s.toml")]) == 2
    assert f"{path}: budgets: expected finite budgets >= 1e-12 of their median, got 1e-300" in capsys.readouterr().err
    assert not (tmp_path / "s-profile.toml").exists()
