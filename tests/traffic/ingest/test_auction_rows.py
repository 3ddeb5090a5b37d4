"""Rows of one auction: it is replayed whole or not at all, and what is dropped is counted with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auctionsim import load_traffic, replay
from auctionsim.cli import main

from ...logs import JOINED, RAW, impressions, ingest, tsv
from .mapped import BY_DAY, HEADER, hours, ingest_log, line, plenty, rows

WHEN = "2024-03-04 05:06:07"


def kept(folder: Path, bad: str, capsys: pytest.CaptureFixture[str], **more: Any) -> tuple[list[int], dict[str, Any]]:
    """Candidates per auction of 300 good ones and a few rows, and the counts that `ingest` prints."""
    capsys.readouterr()
    table = ingest_log(folder, HEADER + plenty() + bad, "--json", **more)
    return np.bincount(rows(table, "cell")).tolist(), json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("bad", "reason", "auction"),
    [
        (line("x", WHEN, "t", "8 EUR"), "bid: expected a number >= 0 and < 1e9", "x"),
        (line("x", "yesterday", "t", 8), "ts: expected a time written as %Y-%m-%d %H:%M:%S", "x"),
        (f"x,{WHEN},k,t\n", "expected as many columns as in the first row, got fewer", "x"),
        (line("x", WHEN, "t", 8).replace("\n", ",9\n"), "expected as many columns as in the first row, got more", "x"),
        (line("x", WHEN, "t", 8, query="l"), "expected the same query in all its rows", "x"),
        (line("x", "2024-03-04 15:06:07", "t", 8), "expected the rows of an auction within 300 s of its first", "x"),
        (line("x", WHEN, "s", 8), "expected each advertiser once", "x"),
    ],
)  # fmt: skip
def test_an_auction_with_a_bad_row_is_dropped_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: str, reason: str, auction: str
):
    sizes, found = kept(tmp_path, line("x", WHEN, "s", 9) + bad, capsys)
    assert sizes == [2] * 300
    assert found["dropped"] == {reason: 1, "the other rows of 1 auction dropped whole, as a row of each is invalid": 1}
    assert found["dropped_auctions"] == {"auctions": 1, "rows": 1, "unknown": 0}
    assert found["rows_read"] == found["rows_kept"] + sum(found["dropped"].values()) == 602
    assert [bad["reason"] for bad in found["bad"]] == [reason]
    (example,) = found["bad"][0]["examples"]
    assert example["source"].endswith("a.csv: line 603")
    assert example["auction"] == auction


def test_the_price_of_an_auction_that_lost_a_row_is_not_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    kept(tmp_path, line("x", WHEN, "s", 9) + line("x", WHEN, "t", "8 EUR"), capsys)
    traffic = load_traffic(tmp_path / "t.parquet")
    day = replay(traffic, day=0, coefficients=np.ones((2, 1, 1)))
    assert day.cost.sum() == pytest.approx(day.clicks.sum() * 3)


def test_a_copy_of_a_row_is_dropped_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    sizes, found = kept(tmp_path, line("good-5", WHEN, "t"), capsys)
    assert sizes == [2] * 300
    assert found["dropped"] == {"expected each advertiser once": 1}
    assert found["bad"][0]["examples"][0]["auction"] == "good-5"


def test_bad_rows_without_an_auction_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    sizes, found = kept(tmp_path, line("", WHEN, "u"), capsys)
    assert sizes == [2] * 300
    assert found["dropped_auctions"]["unknown"] == 1


def test_a_bad_row_drops_the_auction_of_its_day_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    both = "".join(line("x", f"2024-03-0{day} 05:06:07", seller) for day in (4, 5) for seller in "st")
    sizes, found = kept(tmp_path, both + line("x", "2024-03-05 05:06:07", "u", "free"), capsys)
    assert found["dropped_auctions"] == {"auctions": 1, "rows": 2, "unknown": 0}
    assert sizes == [2] * 301


def test_an_auction_over_the_hour_belongs_to_its_first_row(tmp_path: Path):
    text = line(1, "2024-03-04 22:59:59", "s") + line(1, "2024-03-04 23:00:00", "t") + line(2, "2024-03-04 23:00:00", "t")
    assert rows(ingest_log(tmp_path, HEADER + text), "hour", "cell") == [(22, 0), (22, 0), (23, 1)]


def test_an_auction_over_midnight_is_one(tmp_path: Path):
    text = line(1, "2024-03-04 23:59:59", "s") + line(1, "2024-03-05 00:00:00", "t") + line(2, "2024-03-05 00:00:00", "t")
    assert rows(ingest_log(tmp_path, HEADER + text), "day", "hour", "cell") == [(0, 23, 0), (0, 23, 0), (1, 0, 1)]
    days = HEADER.replace("ts,", "d,h,") + line(1, "0,23") + line(1, "1,0", "t") + line(2, "1,0", "t")
    assert rows(ingest_log(tmp_path, days, mapping=BY_DAY), "day", "cell") == [(0, 0), (0, 0), (1, 1)]


def test_lines_after_an_open_quote_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    # The quote before `k` is closed by the one of the auction `z`, three lines later.
    swallowed = f'x,{WHEN},"k,s,3,1,0.1,0.1\n' + line("y", WHEN) + line("y", WHEN, "t") + f'z,{WHEN},"k",s,3,1,0.1,0.1\n'
    sizes, found = kept(tmp_path, swallowed + line("x", "late"), capsys)
    assert sizes == [2] * 300
    counts = {bad["examples"][0]["source"].rpartition(": ")[2]: bad["count"] for bad in found["bad"]}
    assert counts == {"line 602": 1, "line 603": 3, "line 606": 1}
    ingest_log(tmp_path, HEADER + plenty(100) + f'x,{WHEN},"k,s,3,1,0.1,0.1\n' + plenty(100), code=2)
    said = capsys.readouterr().err
    assert "a.csv: line 202: expected quotes that are closed, got an open one (201 of 401 rows are invalid" in said


def test_ids_that_begin_again_each_day_are_other_auctions(tmp_path: Path):
    text = "".join(line(i, f"2024-03-0{day} 05:06:0{i}", seller) for day in (4, 5) for i in range(3) for seller in "st")
    table = ingest_log(tmp_path, HEADER + text)
    assert np.bincount(rows(table, "cell")).tolist() == [2] * 6
    assert [day for day, _ in hours(table)] == [0] * 6 + [1] * 6


def test_ids_that_begin_again_are_not_joined_over_midnight(tmp_path: Path):
    # Id 1 is the last of one day and the first of the next.
    text = "".join(line(i, when, "st"[i]) for i, when in ((0, "0,4"), (1, "0,23"), (1, "1,0"), (0, "1,7")))
    days = HEADER.replace("ts,", "d,h,") + text
    assert rows(ingest_log(tmp_path, days, mapping=BY_DAY), "day", "hour") == [(0, 4), (0, 23), (1, 0), (1, 7)]


def test_an_auction_over_an_hour_that_is_missing_is_one(tmp_path: Path):
    # In Berlin 01:59:59 is followed by 03:00:00 on that day.
    text = line(1, "2024-03-31T00:59:59Z", "s") + line(1, "2024-03-31T01:00:00Z", "t")
    table = ingest_log(tmp_path, HEADER + text, "--timezone", "Europe/Berlin", top='timestamp_format = "iso"\n')
    assert rows(table, "hour", "cell") == [(1, 0), (1, 0)]


def test_too_many_repeated_rows_are_an_error_about_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ingest_log(tmp_path, HEADER + 2 * line(7, WHEN), code=2)
    assert "a.csv: line 3: auction '7': expected each advertiser once, got 's' again" in capsys.readouterr().err


@pytest.mark.parametrize("header", [True, False])
def test_ipinyous_test_files_keep_their_clicks(tmp_path: Path, capsys: pytest.CaptureFixture[str], header: bool):
    names = [*RAW, "nclick", "nconversation"]
    clicks = {1, 4, 6}
    data = [
        row | {"timestamp": f"2013060612{i:02d}00104", "nclick": int(i in clicks), "nconversation": int(i == 4)}
        for i, row in enumerate(impressions(10))
    ]
    log = tmp_path / "leaderboard.test.txt"
    log.write_text(tsv(data, names, header=header))
    assert np.flatnonzero(rows(ingest(tmp_path, log, "ipinyou", "--json"), "cvr")).tolist() == sorted(clicks)
    found = json.loads(capsys.readouterr().out)
    assert (found["ctr"], found["cvr"]) == (0.3, pytest.approx(1 / 3))


@pytest.mark.parametrize("names", [("nclick", "nconversion"), ("nClicks", "conversions"), ("click", "Conversion")])
def test_clicks_and_conversions_are_kept_whatever_a_header_calls_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: tuple[str, str]
):
    data = [row | {names[0]: int(i in {1, 4}), names[1]: int(i == 4)} for i, row in enumerate(impressions(10))]
    log = tmp_path / "log.txt"
    log.write_text(tsv(data, [*RAW, *names], header=True))
    ingest(tmp_path, log, "ipinyou", "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["ctr"], found["cvr"]) == (0.2, 0.5)


def test_two_columns_of_clicks_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = tmp_path / "log.txt"
    log.write_text(tsv([row | {"clicks": 1} for row in impressions(3)], [*JOINED, "clicks"], header=True))
    assert main(["ingest", str(log), "--format", "ipinyou", "--out", str(tmp_path / "t.parquet")]) == 2
    assert "line 1: expected one column click, got click, clicks" in capsys.readouterr().err
