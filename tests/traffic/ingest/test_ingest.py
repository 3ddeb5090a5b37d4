"""Released logs to traffic tables: what is replayed equals what the log says."""

from __future__ import annotations

import bz2
import gzip
import zipfile
from pathlib import Path

import duckdb
import numpy as np
import pytest

from auctionsim import load_traffic, replay
from auctionsim.auction.reference import clear
from auctionsim.cli import main

from ...logs import (
    AUCTIONNET,
    BIDS,
    CRITEO,
    JOINED,
    RAW,
    auctionnet_rows,
    criteo_rows,
    impressions,
    ingest,
    tsv,
)


@pytest.mark.parametrize("bid", [50, 120, 250])
def test_a_constant_bid_wins_and_pays_what_one_query_on_the_log_says(tmp_path: Path, joined: Path, bid: int):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    wins, cost, clicks = duckdb.execute(
        f"SELECT count(*), sum(payprice), sum(click) FROM read_csv('{joined}', delim='\t') WHERE payprice <= {bid}"
    ).fetchall()[0]
    constant = np.full((len(traffic.advertisers), 1, 1), float(bid))
    days = [replay(traffic, day=day, coefficients=constant, features=("one",)) for day in traffic.days]
    assert len(days) == 3
    assert 0 < wins < 600
    assert sum(day.impressions.sum() for day in days) == wins
    assert sum(day.cost.sum() for day in days) == cost
    assert sum(day.conversions.sum() for day in days) == clicks


def test_the_logged_bids_win_what_was_won(tmp_path: Path, joined: Path):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    day = replay(traffic, day=1, coefficients=np.ones((2, 1, 1)))
    rows = [row for row in impressions() if row["timestamp"].startswith("20130607")]
    assert day.impressions.sum() == len(rows)
    assert day.cost.sum() == sum(row["payprice"] for row in rows)
    by_hour = np.bincount([int(row["hour"]) for row in rows], minlength=24)
    assert (day.impressions.sum(axis=(1, 2)) == by_hour).all()


@pytest.mark.parametrize("lacks", [(), ("click", "weekday", "hour"), ("weekday", "hour"), ("usertag",), ("keypage",)])
def test_a_joined_log_is_read_by_its_columns_without_a_header(tmp_path: Path, joined: Path, lacks: tuple[str, ...]):
    whole = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    bare = tmp_path / "bare.txt"
    bare.write_text(tsv(impressions(), [name for name in JOINED if name not in lacks], header=False))
    read = load_traffic(ingest(tmp_path, bare, "ipinyou", out="bare.parquet"))
    assert (read.market_ecpm == whole.market_ecpm).all()
    assert read.advertisers == whole.advertisers
    assert read.cvr.sum() == (0 if "click" in lacks else whole.cvr.sum())


def test_raw_logs_in_a_folder_give_what_the_joined_log_gives(tmp_path: Path, joined: Path):
    folder = tmp_path / "raw"
    folder.mkdir()
    rows = impressions()
    lost = [row | {"bidid": f"lost-{i}"} for i, row in enumerate(rows[:40])]
    clicks = [row | {"logtype": 2} for row in rows if row["click"]]
    stray = clicks[0] | {"bidid": "nobody's"}
    (folder / "bid.txt").write_text(tsv([*rows, *lost], BIDS, header=False))
    (folder / "imp.txt.bz2").write_bytes(bz2.compress(tsv([*rows, rows[3]], RAW, header=False).encode()))
    (folder / "clk.txt.gz").write_bytes(gzip.compress(tsv([*clicks, stray], RAW, header=False).encode()))
    with zipfile.ZipFile(folder / "conv.zip", "w") as archive:
        archive.writestr("conv.txt", tsv([clicks[0] | {"logtype": 3}], RAW, header=False))
    out = tmp_path / "raw.parquet"
    assert main(["ingest", str(folder), "--format", "ipinyou", "--out", str(out), "--json"]) == 0
    of_raw, of_joined = load_traffic(out), load_traffic(ingest(tmp_path, joined, "ipinyou"))
    for name in ("market_ecpm", "cvr", "pcvr", "item_price", "keyword_bid", "day", "hour"):
        assert (getattr(of_raw, name) == getattr(of_joined, name)).all(), name


def test_the_logged_bids_of_auctionnet_win_the_logged_slots_at_the_logged_costs(tmp_path: Path):
    rows, n = auctionnet_rows(), 6
    log = tmp_path / "period-7.csv"
    log.write_text(tsv(rows, AUCTIONNET, header=True, sep=","))
    traffic = load_traffic(ingest(tmp_path, log, "auctionnet"))
    assert len(traffic.weight) == 40
    won = exposed = 0
    for cell in range(40):
        part = slice(traffic.cell_start[cell], traffic.cell_start[cell + 1])
        assert [traffic.advertisers[i] for i in traffic.advertiser[part]] == [f"advertiser-{i:02d}" for i in range(n)]
        shown = clear(traffic.keyword_bid[part], traffic.pctr[part], slot_effect=(1, 0.8, 0.6), reserve=0.01)
        logged = rows[cell * n : cell * n + n]
        slots = {placement.candidate: placement.slot + 1 for placement in shown}
        assert slots == {i: row["adSlot"] for i, row in enumerate(logged) if row["xi"]}
        won += len(slots)
        for placement in shown:
            row = logged[placement.candidate]
            exposed += row["isExposed"]
            assert placement.price * row["isExposed"] == row["cost"]
    assert 60 < exposed < won
    for day in (7, 8):
        one = replay(traffic, day=day, coefficients=np.ones((n, 1, 1)), slot_effect=(1, 0.8, 0.6), reserve=0.01)
        logged = [row for row in rows if row["deliveryPeriodIndex"] == day]
        by_advertiser = [sum(row["xi"] for row in logged if row["advertiserNumber"] == who) for who in range(n)]
        assert one.impressions.sum(axis=(0, 2)).tolist() == by_advertiser


def test_criteos_impressions_are_won_at_their_cost(tmp_path: Path):
    rows, log = criteo_rows(), tmp_path / "criteo.tsv.gz"
    log.write_bytes(gzip.compress(tsv(rows, CRITEO, header=True).encode()))
    traffic = load_traffic(ingest(tmp_path, log, "criteo-attribution"))
    bid = 0.0005
    first_day = [row for row in rows if row["timestamp"] < 86400 and row["cost"] <= bid]
    day = replay(traffic, day=0, coefficients=np.full((2, 1, 1), bid), features=("one",))
    assert day.impressions.sum() == len(first_day) > 10
    assert day.cost.sum() == pytest.approx(sum(row["cost"] for row in first_day), rel=1e-12)
    assert day.conversions.sum() == sum(row["click"] for row in first_day)
