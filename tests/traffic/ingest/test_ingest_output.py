"""What comes out of `ingest`: counts, picture, scenario, the same bytes; identifiers of people stay behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim import load_traffic, open_traffic, replay
from auctionsim.cli import main

from ...logs import (
    CRITEO,
    JOINED,
    PERSON,
    criteo_rows,
    impressions,
    ingest,
    tsv,
)


def test_rows_read_are_rows_kept_and_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = impressions()
    rows[10]["payprice"] = "cheap"
    rows[20]["timestamp"] = "20139999999999999"
    text = tsv([*rows, rows[5]], JOINED, header=True) + "one\ttwo\n"
    log = tmp_path / "log.tsv"
    log.write_text(text)
    capsys.readouterr()
    ingest(tmp_path, log, "ipinyou", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["rows_read"] == 602
    assert found["rows_kept"] == 598
    assert sorted(found["dropped"].values()) == [1, 1, 1, 1]
    assert "payprice: expected a number >= 0 and < 1e9" in found["dropped"]


def test_people_are_never_written(tmp_path: Path, joined: Path):
    criteo = tmp_path / "criteo.tsv"
    criteo.write_text(tsv(criteo_rows(), CRITEO, header=True))
    mapping, table = tmp_path / "map.toml", tmp_path / "log.csv"
    mapping.write_text('[columns]\nday = "d"\nhour = "h"\nadvertiser = "a"\nmanual_bid = "b"\n')
    table.write_text(f"d,h,a,b,user_id\n0,1,x,2.5,{PERSON[0]}\n")
    outs = [
        ingest(tmp_path, joined, "ipinyou", "--report", out="a.parquet"),
        ingest(tmp_path, criteo, "criteo-attribution", out="b.parquet"),
        ingest(tmp_path, table, "auctions-csv", "--mapping", str(mapping), out="c.parquet"),
    ]
    for out in outs:
        frame = pl.read_parquet(out)
        text = frame.write_csv() + str(pl.read_parquet_metadata(out))
        assert not [word for word in (*PERSON, "uid-") if word in text]
        assert frame.columns == list(pl.read_parquet(outs[0]).columns)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_report_counts_what_the_log_holds(tmp_path: Path, joined: Path, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    ingest(tmp_path, joined, "ipinyou", "--json")
    found, rows = json.loads(capsys.readouterr().out), impressions()
    paid = [row["payprice"] for row in rows]
    assert found["ctr"] == pytest.approx(sum(row["click"] for row in rows) / 600)
    assert found["price_quantiles"]["least"] == min(paid)
    assert found["price_quantiles"]["most"] == max(paid)
    assert found["price_quantiles"]["50%"] == pytest.approx(np.median(paid), rel=0.05)
    assert found["auctions_by_hour"] == np.bincount([int(row["hour"]) for row in rows], minlength=24).tolist()


def test_the_same_log_gives_the_same_bytes(tmp_path: Path, joined: Path):
    for more, names in (((), "ab"), (("--aggregate", "hour"), "cd")):
        first, second = (ingest(tmp_path, joined, "ipinyou", *more, out=f"{name}.parquet").read_bytes() for name in names)
        assert first == second


def test_a_folder_is_stored_traffic(tmp_path: Path, joined: Path):
    stored = open_traffic(ingest(tmp_path, joined, "ipinyou", out="stored"))
    table = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    bid = np.full((2, 1, 1), 120.0)
    ours, theirs = (replay(traffic, day=2, coefficients=bid, features=("one",)) for traffic in (stored, table))
    assert stored.days == (0, 1, 2)
    assert ours.impressions.sum() == theirs.impressions.sum() > 0
    assert ours.cost.sum() == theirs.cost.sum()


def test_from_log_to_report_in_three_commands(tmp_path: Path, joined: Path, capsys: pytest.CaptureFixture[str]):
    scenario, run = tmp_path / "mine.toml", tmp_path / "run"
    ingest(tmp_path, joined, "ipinyou", "--scenario", str(scenario), "--report")
    said = capsys.readouterr()
    assert f"next: auctionsim train {scenario}" in said.err
    assert "auctions by hour" in said.out
    assert (tmp_path / "traffic-hours.png").read_bytes().startswith(b"\x89PNG")
    small = ["--set", "train.iterations=2", "--set", "learner.population=4"]
    assert main(["train", str(scenario), *small, "--out", str(run)]) == 0
    assert main(["report", str(run)]) == 0
    assert (run / "report" / "index.html").is_file()
