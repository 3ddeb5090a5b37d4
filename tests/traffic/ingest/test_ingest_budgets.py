"""Budgets that a log knows become advertisers of a scenario."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from auctionsim import load_scenario, load_traffic
from auctionsim.agents.build import build_market
from auctionsim.cli import main
from auctionsim.market.goals import goals_of

from ...logs import AUCTIONNET, auctionnet_rows, auctions, ingest, tsv


@pytest.fixture
def auctionnet(tmp_path: Path) -> Path:
    log = tmp_path / "period-7.csv"
    log.write_text(tsv(auctionnet_rows(), AUCTIONNET, header=True, sep=","))
    return log


def test_auctionnets_budgets_and_cpa_constraints_become_groups(tmp_path: Path, auctionnet: Path):
    scenario, budgets = tmp_path / "s.toml", tmp_path / "b.csv"
    out = ingest(tmp_path, auctionnet, "auctionnet", "--scenario", str(scenario), "--budgets", str(budgets))
    # Of period 7 the budgets are 100 + 10 i, of period 8 one more: their mean.
    expected = {f"advertiser-{i:02d}": 100.5 + 10 * i for i in range(6)}
    assert dict(pl.read_csv(budgets).iter_rows()) == expected
    assert load_traffic(out, budgets=budgets).budgets.tolist() == list(expected.values())
    loaded = load_scenario(scenario)
    assert {group.group: group.budget for group in loaded.advertisers} == expected
    market = build_market(loaded)
    assert [group.group for group in market.groups] == list(market.advertisers)
    assert market.budgets.tolist() == list(expected.values())
    # Cost at most GMV, and an item's price is the CPA constraint: a conversion costs at most that.
    assert (goals_of(market, loaded.traffic.train_days[0]).limits["roi_floor"] == 0).all()


def test_mapped_budgets_are_written_where_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log, mapping = auctions(tmp_path)
    lines = log.read_text().splitlines()
    caps = (f"{line};{7.5 + int(line.split(';')[3][1:])}" for line in lines[1:])
    log.write_text("\n".join([f"{lines[0]};cap", *caps]) + "\n")
    mapping.write_text(mapping.read_text() + 'budget = "cap"\n')
    scenario, budgets = tmp_path / "s.toml", tmp_path / "b.csv"
    more = ("--mapping", str(mapping), "--budgets", str(budgets))
    ingest(tmp_path, log, "auctions-csv", *more, "--scenario", str(scenario))
    assert dict(pl.read_csv(budgets).iter_rows()) == {f"s{i}": 7.5 + i for i in range(4)}
    assert sorted(group.budget for group in load_scenario(scenario).advertisers) == [7.5, 8.5, 9.5, 10.5]
    capsys.readouterr()
    assert main(["ingest", str(log), "--format", "auctions-csv", "--out", str(tmp_path / "again.parquet"), *more]) == 2
    assert "b.csv: expected a new file, got one that exists" in capsys.readouterr().err
    assert not (tmp_path / "again.parquet").exists()


def test_many_advertisers_are_one_group_with_a_file_of_budgets(tmp_path: Path):
    log, mapping = tmp_path / "log.csv", tmp_path / "map.toml"
    rows = [f"{day},{i % 24},seller {i},1.5,{i + 1}" for day in (0, 1) for i in range(120)]
    log.write_text("\n".join(["d,h,who,bid,cap", *rows]) + "\n")
    mapping.write_text('[columns]\nday = "d"\nhour = "h"\nadvertiser = "who"\nmanual_bid = "bid"\nbudget = "cap"\n')
    scenario, budgets = tmp_path / "s.toml", tmp_path / "b.csv"
    more = ("--mapping", str(mapping), "--scenario", str(scenario), "--budgets", str(budgets))
    out = ingest(tmp_path, log, "auctions-csv", *more)
    loaded = load_scenario(scenario)
    assert [(group.count, group.budget) for group in loaded.advertisers] == [(120, "table")]
    order = load_traffic(out).advertisers
    assert build_market(loaded).budgets.tolist() == [float(name.split()[1]) + 1 for name in order]
