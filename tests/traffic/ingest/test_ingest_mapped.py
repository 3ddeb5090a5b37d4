"""Logs named by a mapping file, and auctions put together into weighted cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim import load_traffic, replay
from auctionsim.cli import main
from auctionsim.traffic.ingest.formats.auctions_csv import TEMPLATE

from ...logs import (
    auctions,
    impressions,
    ingest,
)


def test_a_mapped_table_becomes_auctions_and_its_unit_is_noted(tmp_path: Path):
    log, mapping = auctions(tmp_path)
    traffic = load_traffic(ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping)))
    raw = pl.read_csv(log, separator=";")
    assert len(traffic.weight) == 400
    assert traffic.keyword_bid.tolist() == raw["cpc"].to_list()
    assert traffic.pctr.tolist() == raw["rate"].to_list()
    assert [traffic.advertisers[i] for i in traffic.advertiser] == raw["seller"].to_list()
    assert traffic.days == (0, 1)
    assert traffic.notes["prices"] == "EUR per click, as in the log"
    assert traffic.notes["first day"] == "2024-03-04"
    assert "pcvr" in traffic.notes["rates"]


def test_the_template_is_a_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["ingest", "--template"]) == 0
    mapping, log = tmp_path / "map.toml", tmp_path / "log.csv"
    mapping.write_text(capsys.readouterr().out)
    assert mapping.read_text() == TEMPLATE
    log.write_text(
        "auction_id,timestamp,keyword,advertiser,bid,item_price,pctr,pcvr,market_ecpm,weight,clicked,converted,budget\n"
        '7,2024-03-04 05:06:07,"shoes, red",a,1.5,20,0.1,,0.02,3,,,50\n'
    )
    traffic = load_traffic(ingest(tmp_path, log, "auctions-csv", "--mapping", str(mapping)))
    assert traffic.queries == ("shoes, red",)
    assert (traffic.hour[0], traffic.weight[0], traffic.market_ecpm[0], traffic.pctr[0]) == (5, 3, 0.02, 0.1)


@pytest.mark.parametrize("aggregate", ["hour", "quarter"])
def test_cells_put_together_keep_the_means(tmp_path: Path, aggregate: str):
    log, mapping = auctions(tmp_path, 1600)
    more = ("--mapping", str(mapping))
    single = load_traffic(ingest(tmp_path, log, "auctions-csv", *more))
    cells = load_traffic(ingest(tmp_path, log, "auctions-csv", *more, "--aggregate", aggregate, out="cells.parquet"))
    assert cells.weight.sum() == single.weight.sum()
    assert len(cells.weight) < len(single.weight)
    weight = np.repeat(cells.weight, np.diff(cells.cell_start))
    one = np.ones(len(single.pctr))
    for row in range(4):
        ours, theirs = (
            weight * (cells.advertiser == row),
            one * (single.advertiser == single.advertisers.index(cells.advertisers[row])),
        )
        for value in (
            lambda t: t.pctr,
            lambda t: t.pctr * t.pcvr,
            lambda t: t.pctr * t.pcvr * t.item_price,
            lambda t: t.keyword_bid,
        ):
            assert (ours * value(cells)).sum() == pytest.approx((theirs * value(single)).sum(), rel=1e-12)


def test_aggregated_impressions_cost_what_they_cost(tmp_path: Path, joined: Path):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou", "--aggregate", "hour"))
    day = replay(traffic, day=0, coefficients=np.ones((2, 1, 1)) * 2)
    paid = [row["payprice"] for row in impressions() if row["timestamp"].startswith("20130606")]
    assert day.impressions.sum() == len(paid)
    assert day.cost.sum() == pytest.approx(sum(paid), rel=1e-12)


def test_weights_of_a_log_that_cannot_be_counted_are_refused_with_file_and_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log, mapping = tmp_path / "log.csv", tmp_path / "map.toml"
    rows = [f"{hour},0,{hour},{who},1.5,{2**52}" for hour in range(3) for who in "ab"]
    log.write_text("\n".join(["a,d,h,who,bid,n", *rows]) + "\n")
    mapping.write_text(
        '[columns]\nauction = "a"\nday = "d"\nhour = "h"\nadvertiser = "who"\nmanual_bid = "bid"\nweight = "n"\n'
    )
    out = tmp_path / "t.parquet"
    command = ["ingest", str(log), "--format", "auctions-csv", "--mapping", str(mapping), "--out", str(out)]
    assert main(command) == 2
    assert f"{log}: line 6, column weight: expected weights of auctions that sum to <= {2**53}" in capsys.readouterr().err
    assert not out.exists()
    # Two rows of an auction are one auction: two auctions of 2^52 are counted to the last one.
    log.write_text("\n".join(["a,d,h,who,bid,n", *rows[:4]]) + "\n")
    assert main([*command, "--aggregate", "hour"]) == 0
    assert load_traffic(out).auctions == 2**53
