"""Rates that a log lacks are estimated from earlier days."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from auctionsim import load_traffic
from auctionsim.traffic.ingest.database import Database, no_progress
from auctionsim.traffic.ingest.formats.base import LOG_COLUMNS
from auctionsim.traffic.ingest.rates.calibration import Calibration
from auctionsim.traffic.ingest.rates.estimate import fill_rates

from ...logs import (
    JOINED,
    impressions,
    ingest,
    tsv,
)
from . import mapped


def test_missing_rates_come_from_earlier_days_and_shrink(tmp_path: Path, joined: Path):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou"))
    # What happened on the last day does not change any rate: no row knows its own or a later day.
    changed = tmp_path / "changed.txt"
    rows = [row | {"click": 1} if row["timestamp"].startswith("20130608") else row for row in impressions()]
    changed.write_text(tsv(rows, JOINED, header=True))
    other = load_traffic(ingest(tmp_path, changed, "ipinyou", out="changed.parquet"))
    assert (other.pcvr == traffic.pcvr).all()
    assert other.cvr.sum() > traffic.cvr.sum()
    # By hand, for one row of the second day.
    i = int(np.flatnonzero(traffic.day == 1)[17])
    seen = traffic.day == 0
    rate = (traffic.cvr[seen].sum() + 0.5) / (seen.sum() + 1)
    for same in (traffic.advertiser, traffic.query, traffic.hour):
        seen &= same == same[i]
        rate = (traffic.cvr[seen].sum() + 100 * rate) / (seen.sum() + 100)
    assert traffic.pcvr[i] == pytest.approx(rate, rel=1e-12)


def test_rates_of_a_large_log_are_those_of_the_earlier_days(tmp_path: Path):
    # DuckDB 2.0.0 sums wrongly in windows over all rows (RANGE, several columns), from some 80,000 rows a day on.
    values = dict.fromkeys(LOG_COLUMNS, "NULL") | {
        "row": "i", "day": "i // 80000", "second": "hash(i) % 86400", "query": "'q' || hash(i + 1) % 500",
        "advertiser": "'a' || hash(i + 2) % 200", "ctr_trials": "1", "ctr_hits": "(hash(i + 3) % 100 < 5)::INTEGER",
        "cvr_trials": "1", "cvr_hits": "(hash(i + 4) % 100 < 5)::INTEGER",
    }  # fmt: skip
    log = ", ".join(f"{value} AS {name}" for name, value in values.items())
    database = Database(tmp_path, no_progress)
    database.run("SET threads = 1", "test")
    database.run(f"CREATE TABLE log AS SELECT {log} FROM range(160000) AS numbers(i)", "test")
    calibration = fill_rates(database)["pctr"]
    first, second = database.rows("SELECT sum(ctr_hits) FROM log GROUP BY day ORDER BY day")
    (predicted,) = database.row("SELECT sum(pctr) FROM rated WHERE day = 1")
    assert predicted == pytest.approx(first[0], rel=0.05)
    assert calibration.predicted / calibration.hits == pytest.approx(predicted / second[0], rel=1e-9)
    database.close()


def test_the_logistic_model_knows_earlier_days_alone(tmp_path: Path, joined: Path):
    traffic = load_traffic(ingest(tmp_path, joined, "ipinyou", "--rates", "logistic"))
    assert traffic.notes["rates"].startswith("pcvr: logistic model")
    assert ((traffic.pcvr > 0) & (traffic.pcvr < 1)).all()
    assert len(np.unique(traffic.pcvr[traffic.day == 2])) > 50
    changed = tmp_path / "changed.txt"
    rows = [row | {"click": 1} if row["timestamp"].startswith("20130608") else row for row in impressions()]
    changed.write_text(tsv(rows, JOINED, header=True))
    other = load_traffic(ingest(tmp_path, changed, "ipinyou", "--rates", "logistic", out="changed.parquet"))
    assert (other.pcvr == traffic.pcvr).all()
    rows = [row | {"click": 1} if row["timestamp"].startswith("20130606") else row for row in impressions()]
    changed.write_text(tsv(rows, JOINED, header=True))
    other = load_traffic(ingest(tmp_path, changed, "ipinyou", "--rates", "logistic", out="first.parquet"))
    assert (other.pcvr > traffic.pcvr).all()


def test_the_logistic_model_gives_the_same_bytes(tmp_path: Path, joined: Path):
    first, second = (
        ingest(tmp_path, joined, "ipinyou", "--rates", "logistic", out=f"{name}.parquet").read_bytes() for name in "ab"
    )
    assert first == second


def additive_log(tmp_path: Path, method: str) -> tuple[Calibration, list[tuple[float, ...]]]:
    """Rates whose log odds add up from 30 advertisers and 200 queries, seldom seen together."""
    database = Database(tmp_path / method, no_progress)
    odds = "-3.0 + ((a * 37) % 30 - 15) / 12.0 + ((q * 61) % 200 - 100) / 80.0"
    database.run(
        "SET threads = 1; CREATE TABLE drawn AS SELECT i, "
        "(hash(i) % 30)::INT AS a, (hash(i + 1) % 200)::INT AS q FROM range(60000) AS n(i)",
        "test",
    )
    values = dict.fromkeys(LOG_COLUMNS, "NULL") | {
        "row": "i", "day": "i // 20000", "second": "hash(i + 2) % 86400", "query": "'q' || q", "advertiser": "'a' || a",
        "ctr_trials": "1", "ctr_hits": f"(hash(i + 3) % 1000000 < 1000000 / (1 + exp(-({odds}))))::INTEGER", "pcvr": "0",
    }  # fmt: skip
    database.run(f"CREATE TABLE log AS SELECT {', '.join(f'{v} AS {k}' for k, v in values.items())} FROM drawn", "test")
    found = fill_rates(database, method)["pctr"]
    rows = database.rows("SELECT day, sum(pctr), sum(ctr_hits) FROM rated GROUP BY day ORDER BY day")
    database.close()
    return found, rows


def test_where_odds_add_up_the_logistic_model_tells_more(tmp_path: Path):
    for method in ("empirical", "logistic"):
        (tmp_path / method).mkdir()
    empirical, _ = additive_log(tmp_path, "empirical")
    logistic, by_day = additive_log(tmp_path, "logistic")
    assert logistic.entropy < empirical.entropy - 0.01 < 0.99
    assert logistic.predicted / logistic.hits == pytest.approx(1, abs=0.05)
    assert logistic.hits == by_day[1][2] + by_day[2][2]
    assert logistic.predicted == pytest.approx(by_day[1][1] + by_day[2][1], rel=1e-9)
    # Fifths of the trials, the lowest rates first: each about as many hits as predicted.
    assert [trials for trials, _, _ in logistic.groups] == pytest.approx([8000] * 5, abs=100)
    seen = [hits / trials for trials, _, hits in logistic.groups]
    assert seen == sorted(seen)
    assert all(predicted == pytest.approx(hits, rel=0.25) for _, predicted, hits in logistic.groups)


@pytest.mark.parametrize("method", ["empirical", "logistic"])
def test_a_log_in_which_nothing_was_won_is_not_given_a_rate_that_nobody_saw(tmp_path: Path, method: str):
    log = tmp_path / "log.tsv"
    log.write_text(tsv([row | {"click": 0} for row in impressions()], JOINED, header=True))
    traffic = load_traffic(ingest(tmp_path, log, "ipinyou", "--rates", method))
    assert set(traffic.pcvr) == {0.0}


@pytest.mark.parametrize("method", ["empirical", "logistic"])
def test_days_before_the_first_conversion_get_a_small_rate(tmp_path: Path, method: str):
    table = mapped.ingest_log(tmp_path, log_of_clicks((20, 0), (20, 0), (20, 1)), "--rates", method, mapping=SEEN)
    assert min(mapped.rows(table, "pcvr")) > 0


def test_who_has_a_rate_of_its_own_does_not_stand_beside_rates_of_zero(tmp_path: Path):
    mapping = SEEN.replace('clicked = "clk"', 'pcvr = "own"\nclicked = "clk"')
    lines = log_of_clicks((20, 0), (20, 0)).splitlines()
    log = "\n".join([f"{lines[0]},own", *(f"{line},{0.1 if i % 2 else ''}" for i, line in enumerate(lines[1:]))]) + "\n"
    table = mapped.ingest_log(tmp_path, log, mapping=mapping)
    assert min(mapped.rows(table, "pcvr")) > 0


def test_calibration_is_reported(tmp_path: Path, joined: Path, capsys: pytest.CaptureFixture[str]):
    ingest(tmp_path, joined, "ipinyou", "--rates", "logistic", "--report")
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("estimated pcvr (logistic): "))
    assert "log loss" in lines[at]
    assert [line.split()[1] for line in lines[at + 1 : at + 6]] == ["trials:"] * 5
    ingest(tmp_path, joined, "ipinyou", "--json", out="again.parquet")
    found = json.loads(capsys.readouterr().out)["calibration"]["pcvr"]
    assert found["method"] == "empirical"
    assert sum(trials for trials, _, _ in found["groups"]) == found["trials"] == 400


SEEN = mapped.MAPPING.replace('pcvr = "pcvr"', 'clicked = "clk"\nconverted = "conv"')


def log_of_clicks(*days: tuple[int, int], pctr: str = "0.1") -> str:
    """A log of 40 impressions a day, of which the first ones are clicked and the first of these convert."""
    lines = [
        f"{day}-{i},2024-03-{day + 4:02d} {i % 24:02d}:00:00,k,s,1,10,{pctr},{int(i < clicks)},{int(i < bought)}\n"
        for day, (clicks, bought) in enumerate(days)
        for i in range(40)
    ]
    return mapped.HEADER.replace("pcvr", "clk,conv") + "".join(lines)


@pytest.mark.parametrize("method", ["empirical", "logistic"])
def test_days_before_the_first_trial_have_the_rate_of_its_day(tmp_path: Path, method: str):
    # One conversion in 20 clicks, none of them on the first two days: a rate of 1 / 2 there would be made of nothing.
    table = mapped.ingest_log(tmp_path, log_of_clicks((0, 0), (0, 0), (20, 1), (0, 0)), "--rates", method, mapping=SEEN)
    rates = np.array(mapped.rows(table, "day", "pcvr"))
    assert all(0.03 < rates[rates[:, 0] == day, 1].mean() < 0.1 for day in range(4))


def test_conversions_without_a_click_are_not_counted_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = log_of_clicks((20, 1), (10, 0)).replace(",0,0\n", ",0,1\n", 3)
    mapped.ingest_log(tmp_path, log, mapping=SEEN)
    said = capsys.readouterr().out
    assert "converted          3  not counted, of rows that were not clicked\n" in said
    assert f"CVR       {1 / 30:.6f}\n" in said


@pytest.mark.parametrize("method", ["empirical", "logistic"])
def test_nothing_is_known_to_convert_in_a_log_without_clicks(tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str):
    table = mapped.ingest_log(tmp_path, log_of_clicks((0, 0), (0, 0)), "--rates", method, mapping=SEEN)
    assert set(mapped.rows(table, "pcvr")) == {0.0}
    said = capsys.readouterr().out
    assert "estimated pcvr: not defined, as the log has no conversions: taken as 0\n" in said
    assert load_traffic(table).notes["rates"] == "pcvr: 0, as the log has none"


def test_a_click_rate_that_nothing_tells_is_that_of_all_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    without = mapped.MAPPING.replace('pctr = "pctr"\n', "")
    table = mapped.ingest_log(tmp_path, mapped.HEADER + mapped.line(1, "2024-03-04 05:06:07"), mapping=without)
    assert mapped.rows(table, "pctr") == [0.5]
    assert "taken as 0.5\n" in capsys.readouterr().out
    # Beside an ad whose rate is 0.1, one of 0.5 would win for no reason.
    one, two = (mapped.line(1, "2024-03-04 05:06:07", seller) for seller in "st")
    mapped.ingest_log(tmp_path, mapped.HEADER + one + two.replace("0.1,0.1", ",0.1"), code=2)
    expected = "a.csv: line 3: expected a pctr in every row, since the log does not say what was clicked, got none"
    assert expected in capsys.readouterr().err
