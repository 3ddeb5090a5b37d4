"""Times of conversions: delays are found in spite of the log's end, rates do not suffer from it, and bad times are counted."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from auctionsim import load_scenario, load_traffic
from auctionsim.cli import main
from auctionsim.traffic.ingest.dialect.clock import Clock, read_clock, read_elapsed
from auctionsim.traffic.ingest.dialect.times import TimeFormat
from auctionsim.traffic.ingest.dialect.zones import find_zone

from ...logs import CRITEO, criteo_rows, ingest, tsv
from .mapped import ingest_log

DAYS = 7
END = DAYS * 86_400
RATE = 0.2
MAPPING = """\
[columns]
timestamp = "ts"
advertiser = "seller"
manual_bid = "bid"
pctr = "rate"
clicked = "click"
"""
TIMED = f'{MAPPING}converted_at = "sale"\n'
NAIVE = f'{MAPPING}converted = "sold"\n'
UNIX = 'timestamp_format = "unix"\n'
HEADER = "ts,seller,bid,rate,click,sale,sold,clicked\n"


def clock(second: float) -> str:
    return f"{datetime.datetime(2024, 3, 4) + datetime.timedelta(seconds=int(second)):%Y-%m-%d %H:%M:%S}"


def simulated(
    delays: dict[str, Callable[[np.random.Generator, int], Any]],
    n: int = 6000,
    written: Callable[[float], str] = clock,
    none: str = "",
    seed: int = 1,
) -> str:
    """A week of clicks, a fifth of which is followed by a sale, written down where it came before the week's end."""
    rng, rows = np.random.default_rng(seed), []
    for seller, delay in delays.items():
        click = np.floor(rng.uniform(0, END - 1, n))
        sale = np.floor(click + 3600 * delay(rng, n))
        seen = (rng.random(n) < RATE) & (sale < END)
        for when, then, sold in zip(click, sale, seen, strict=True):
            last = f"{written(then)},1" if sold else f"{none},0"
            rows.append(f"{written(when)},{seller},3,0.5,1,{last},\n")
    return HEADER + "".join(rows) + f"{written(END)},{next(iter(delays))},3,0.5,0,{none},0,\n"


def exponential(mean: float) -> Callable[[np.random.Generator, int], Any]:
    return lambda rng, n: rng.exponential(mean, n)


def log_normal(mean: float, sigma: float) -> Callable[[np.random.Generator, int], Any]:
    return lambda rng, n: rng.lognormal(np.log(mean) - sigma * sigma / 2, sigma, n)


def told(folder: Path, capsys: pytest.CaptureFixture[str], log: str, *more: str, **how: Any) -> tuple[Path, dict[str, Any]]:
    """The table of a log, and what `ingest` says of its delays."""
    capsys.readouterr()
    table = ingest_log(folder, log, "--json", *more, **how)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return table, found


def last_rate(table: Path) -> float:
    """The estimated conversion rate of the first advertiser on the last whole day, which the six days before it tell."""
    read = pl.read_parquet(table, glob=False).filter((pl.col("day") == DAYS - 1) & (pl.col("advertiser") == "a"))
    return float(read["pcvr"].mean())  # type: ignore[arg-type]


def test_delays_are_found_and_the_last_days_rate_does_not_suffer(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = simulated({"a": exponential(48.0), "b": log_normal(20.0, 1.0)})
    table, found = told(tmp_path, capsys, log, mapping=TIMED)
    delays = found["conversion_delays"]
    a, b = delays["advertisers"]
    assert delays["log_hours"] == pytest.approx(DAYS * 24, abs=0.1)
    assert (a["advertiser"], a["delay"]["distribution"], a["delay"]["sigma"]) == ("a", "exponential", None)
    assert a["delay"]["mean"] == pytest.approx(48.0, rel=0.12)
    assert (b["advertiser"], b["delay"]["distribution"]) == ("b", "log-normal")
    assert b["delay"]["mean"] == pytest.approx(20.0, rel=0.12)
    assert b["delay"]["sigma"] == pytest.approx(1.0, rel=0.1)
    # 6000 clicks of each, a fifth of which is followed by a sale in the end.
    for one in (a, b):
        assert one["clicks"] == 6000
        assert one["observed"] < one["eventual"] - 2 * one["standard_error"]
        assert abs(one["eventual"] - 6000 * RATE) < 3 * (one["standard_error"] + (6000 * RATE * (1 - RATE)) ** 0.5)
    assert delays["observed"] == a["observed"] + b["observed"]
    assert delays["eventual"] == pytest.approx(a["eventual"] + b["eventual"])
    assert last_rate(table) == pytest.approx(RATE, rel=0.08)
    assert load_traffic(table).notes["conversions"].startswith("pcvr counts each click as a trial in the share of conversions")
    naive, without = told(tmp_path, capsys, log, mapping=NAIVE)
    assert last_rate(naive) < 0.87 * RATE
    assert without["conversion_delays"]["reason"] == "the log has no times of conversions"
    assert without["cvr"] == found["cvr"]
    assert "conversions" not in load_traffic(naive).notes


@pytest.mark.long
def test_the_logistic_model_is_corrected_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = simulated({"a": exponential(72.0)}, n=3000)
    table, _ = told(tmp_path, capsys, log, "--rates", "logistic", mapping=TIMED)
    assert last_rate(table) == pytest.approx(RATE, rel=0.1)
    seen = pl.read_csv(tmp_path / "a.csv").filter(pl.col("ts") < clock(END - 86_400))
    assert seen["sold"].mean() < 0.75 * RATE


def test_sales_at_once_are_no_delay_and_change_no_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = simulated({"a": lambda rng, n: np.zeros(n)}, n=800)
    table, found = told(tmp_path, capsys, log, mapping=TIMED)
    timed = pl.read_parquet(table, glob=False)
    naive = pl.read_parquet(told(tmp_path, capsys, log, mapping=NAIVE)[0], glob=False)
    assert found["conversion_delays"]["eventual"] == pytest.approx(found["conversion_delays"]["observed"], rel=1e-3)
    assert timed["pcvr"].to_list() == pytest.approx(naive["pcvr"].to_list(), rel=1e-3)
    assert timed.drop("pcvr", "cvr").equals(naive.drop("pcvr", "cvr"))


def test_an_own_rate_of_the_log_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = simulated({"a": exponential(36.0)}, n=800)
    own = f'{TIMED}pcvr = "rate"\n'.replace('pctr = "rate"\n', "")
    table, found = told(tmp_path, capsys, log, mapping=own)
    assert set(pl.read_parquet(table, glob=False)["pcvr"]) == {0.5}
    assert found["conversion_delays"]["delay"]["distribution"] == "exponential"
    assert "conversions" not in load_traffic(table).notes


def test_too_few_conversions_are_said_and_not_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = simulated({"a": exponential(5.0)}, n=60)
    table, found = told(tmp_path, capsys, log, mapping=TIMED)
    assert found["conversion_delays"]["reason"].startswith("expected 20 conversions with a time or more, got ")
    assert (found["conversion_delays"]["delay"], found["conversion_delays"]["eventual"]) == (None, None)
    naive = told(tmp_path, capsys, log, mapping=NAIVE)[0]
    assert pl.read_parquet(table, glob=False).equals(pl.read_parquet(naive, glob=False))


def test_a_log_that_is_too_short_for_its_delays_is_said_and_not_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    # Where sales come after months, those of a week say nothing of how many there will be.
    log = simulated({"a": exponential(1000.0)}, n=2500)
    _, found = told(tmp_path, capsys, log, mapping=TIMED)
    assert found["conversion_delays"]["reason"].startswith("the log is too short, or has too few conversions")


@pytest.mark.parametrize(
    ("form", "written", "none"),
    [
        ("iso", lambda second: clock(second).replace(" ", "T") + "+01:00", ""),
        ("unix", lambda second: f"{1_709_510_400 + int(second)}", "-1"),
        ("unix", lambda second: f"{1_709_510_400 + int(second)}.0", "-1.0"),
        ("unix-ms", lambda second: f"{1_709_510_400_000 + 1000 * int(second)}", ""),
        ("%d/%m/%y %H.%M.%S", lambda second: f"{datetime.datetime.fromisoformat(clock(second)):%d/%m/%y %H.%M.%S}", ""),
    ],
)
def test_times_are_read_however_they_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, written: Callable[[float], str], none: str
):
    delays = {"a": exponential(10.0)}
    _, plain = told(tmp_path, capsys, simulated(delays, n=300), mapping=TIMED)
    _, found = told(
        tmp_path, capsys, simulated(delays, 300, written, none), top=f'timestamp_format = "{form}"\n', mapping=TIMED
    )
    assert found["conversion_delays"] == plain["conversion_delays"]
    assert found["rows_kept"] == plain["rows_kept"] == 301


def fold(*, offsets: bool) -> str:
    """A log of the hour that stands twice in Berlin: 25 clicks in summer time, each followed by a sale an hour later."""
    rows = [HEADER]
    for i in range(25):
        minute = f"02:{30 + i % 20}:00"
        rows.append(f"2024-10-27T{minute}{'+02:00' * offsets},a,3,0.5,1,2024-10-27T{minute}{'+01:00' * offsets},1,\n")
    return "".join(rows)


def test_delays_are_elapsed_time_where_the_clock_goes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    iso = 'timestamp_format = "iso"\n'
    _, found = told(tmp_path, capsys, fold(offsets=True), "--timezone", "Europe/Berlin", top=iso, mapping=TIMED)
    assert found["rows_kept"] == 25
    assert found["conversion_delays"]["delay"]["mean"] == pytest.approx(1.0, rel=1e-3)
    # The clock alone does not tell the two hours apart.
    _, found = told(tmp_path, capsys, fold(offsets=False), "--timezone", "Europe/Berlin", top=iso, mapping=TIMED)
    assert found["conversion_delays"]["delay"]["mean"] == pytest.approx(1 / 3600, rel=1e-2)


class OneOffset:
    """A database that holds times without an offset, from one second since 1970 to another."""

    def __init__(self, first: int, last: int) -> None:
        self.found = [("", 1, first, last)]

    def rows(self, _: str) -> list[tuple[str, int, int, int]]:
        return self.found


@pytest.mark.parametrize(("first", "last"), [(1_700_000_000, 253_000_000_000), (-60_000_000_000, -50_000_000_000)])
def test_a_damaged_time_of_another_age_does_not_ask_for_all_changes_of_the_clock(first: int, last: int):
    berlin = Clock("", find_zone("--timezone", "Europe/Berlin"))
    sql = read_elapsed(OneOffset(first, last), "sold", "converted_at", TimeFormat("%Y-%m-%d %H:%M:%S"), berlin, str)  # type: ignore[arg-type]
    # Without the bound one such time made 5 MB of it, and a log of 400 rows took a minute.
    assert len(sql) < 50_000
    stated = OneOffset(first, last)
    stated.found = [("+01:00", 1, first, last)]
    assert len(read_clock(stated, "seen", "timestamp", TimeFormat("iso"), berlin.zone, str).parse) < 200_000  # type: ignore[arg-type]


def test_an_hour_that_is_missing_is_no_delay(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    # In Berlin, half past three of this night is an hour after half past one.
    rows = [f"2024-03-31 01:{30 + i % 20}:00,a,3,0.5,1,2024-03-31 03:{30 + i % 20}:00,1,\n" for i in range(25)]
    for zone, hours in (((), 2.0), (("--timezone", "Europe/Berlin"), 1.0)):
        _, found = told(tmp_path, capsys, HEADER + "".join(rows), *zone, mapping=TIMED)
        assert found["conversion_delays"]["delay"]["mean"] == pytest.approx(hours, rel=1e-3)


CLICKED = f'{TIMED}converted = "sold"\nclicked_at = "clicked"\n'
AT = "2024-03-05 10:00:00"


@pytest.mark.parametrize(
    ("mapping", "row", "field", "expected"),
    [
        (TIMED, f"{AT},a,3,0.5,1,2024-03-05 09:59:59,1,", "sale", "a time no earlier than the click's"),
        (TIMED, f"{AT},a,3,0.5,0,2024-03-05 11:00:00,1,", "sale", "a time in clicked rows alone"),
        (TIMED, f"{AT},a,3,0.5,,2024-03-05 11:00:00,1,", "sale", "a time in clicked rows alone"),
        (TIMED, f"{AT},a,3,0.5,1,tomorrow,1,", "sale", "a time written as %Y-%m-%d %H:%M:%S"),
        (CLICKED, f"{AT},a,3,0.5,1,2024-03-05 10:30:00,1,2024-03-05 10:31:00", "sale", "a time no earlier than the click's"),
        (CLICKED, f"{AT},a,3,0.5,1,2024-03-05 11:00:00,0,{AT}", "sale", "a time in converted rows alone"),
        (CLICKED, f"{AT},a,3,0.5,1,,0,2024-03-05 09:59:00", "clicked", "a time no earlier than the auction's"),
        (CLICKED, f"{AT},a,3,0.5,0,,0,2024-03-05 11:00:00", "clicked", "a time in clicked rows alone"),
    ],
)
def test_a_time_that_cannot_be_is_a_bad_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mapping: str, row: str, field: str, expected: str
):
    good = simulated({"a": exponential(5.0)}, n=150)
    _, found = told(tmp_path, capsys, f"{good}{row}\n", mapping=mapping)
    (bad,) = found["bad"]
    assert (bad["reason"], bad["count"]) == (f"{field}: expected {expected}", 1)
    assert bad["examples"][0]["source"] == f"{tmp_path / 'a.csv'}: line 153"
    assert bad["examples"][0]["value"] == row.split(",")[HEADER.strip().split(",").index(field)]
    assert found["rows_kept"] == 151
    # With no bad row allowed, the message is about it.
    ingest_log(tmp_path, f"{good}{row}\n", "--max-bad", "0", mapping=mapping, code=2)
    assert f"a.csv: line 153, column {field}: expected {expected}, got " in capsys.readouterr().err


def test_the_same_log_gives_the_same_bytes_and_a_column_that_is_not_mapped_gives_none(tmp_path: Path):
    log = simulated({"a": exponential(20.0), "b": log_normal(8.0, 1.0)}, n=400)
    first, second = (ingest_log(tmp_path, log, mapping=TIMED).read_bytes() for _ in range(2))
    assert first == second
    plain = ingest_log(tmp_path, log, mapping=NAIVE).read_bytes()
    without = "".join(",".join([*row.split(",")[:5], "", *row.split(",")[6:]]) for row in log.splitlines(keepends=True))
    assert ingest_log(tmp_path, without, mapping=NAIVE).read_bytes() == plain != first


def test_an_auction_of_several_rows_is_dropped_whole_with_a_bad_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = []
    for i in range(120):
        sale = clock(3600 * i - 60 if i == 7 else 3600 * i + 1800)
        rows += [f"{clock(3600 * i)},a,3,0.5,1,{sale},1,{i}\n", f"{clock(3600 * i)},b,2,0.5,0,,0,{i}\n"]
    _, found = told(tmp_path, capsys, HEADER + "".join(rows), mapping=f'{TIMED}auction = "clicked"\n')
    assert (found["rows_kept"], found["dropped_auctions"]["auctions"], found["bad"][0]["count"]) == (238, 1, 1)
    assert found["bad"][0]["examples"][0]["auction"] == "7"
    (one,) = found["conversion_delays"]["advertisers"]
    assert (one["advertiser"], one["observed"]) == ("a", 119)
    assert one["delay"]["mean"] == pytest.approx(0.5, rel=0.01)


def test_delays_count_from_the_click_where_it_has_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = [f"{clock(3600 * i)},a,3,0.5,1,{clock(3600 * i + 7200)},1,{clock(3600 * i + 5400)}\n" for i in range(25)]
    for mapping, hours in ((TIMED, 2.0), (CLICKED, 0.5)):
        _, found = told(tmp_path, capsys, HEADER + "".join(rows), mapping=mapping)
        assert found["conversion_delays"]["delay"]["mean"] == pytest.approx(hours, rel=0.01)
        assert found["conversion_delays"]["observed"] == 25


def test_an_advertiser_that_came_in_the_last_second_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = simulated({"a": log_normal(20.0, 0.3)}, n=600) + f"{clock(END)},new,3,0.5,1,,0,\n"
    table, found = told(tmp_path, capsys, log, mapping=TIMED)
    new, _ = found["conversion_delays"]["advertisers"]
    assert (new["advertiser"], new["clicks"], new["eventual"], new["standard_error"]) == (None, 1, 0, 1)
    assert 0 < pl.read_parquet(table, glob=False).filter(pl.col("advertiser") == "new")["pcvr"].item() < 1


def test_advertisers_without_a_fit_of_their_own_share_one_and_not_that_of_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    # One has sales after two hours, the others after a day, and a log-normal delay of all is true of neither.
    late = {f"small-{i:02}": exponential(24.0) for i in range(20)}
    log = simulated({"large": exponential(2.0)}, n=900) + simulated(late, n=60, seed=2)[len(HEADER) :]
    budget = f'{TIMED}budget = "clicked"\n'
    scenario = tmp_path / "s.toml"
    _, found = told(tmp_path, capsys, log.replace(",\n", ",40\n"), "--scenario", str(scenario), mapping=budget)
    others, large = found["conversion_delays"]["advertisers"]
    assert (others["advertiser"], large["advertiser"]) == (None, "large")
    assert others["delay"]["mean"] == pytest.approx(24.0, rel=0.25)
    assert found["conversion_delays"]["delay"]["mean"] > 1.5 * 24.0
    # 1200 clicks, a fifth of which converts in the end.
    assert abs(others["eventual"] - 240) < 3 * (others["standard_error"] + (240 * 0.8) ** 0.5)
    means = {group.group: group.delay.mean for group in load_scenario(scenario).advertisers}
    assert set(means) == {"large", *late}
    assert means["small-07"] == pytest.approx(others["delay"]["mean"], rel=1e-3)


def test_conversions_at_once_and_late_ones_are_not_called_a_short_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = simulated({"a": lambda rng, n: np.zeros(n), "b": exponential(40.0)}, n=300)
    _, found = told(tmp_path, capsys, log, mapping=TIMED)
    assert found["conversion_delays"]["reason"].startswith("some conversions come at once and others late")
    assert "expected sigma <= 5, got " in found["conversion_delays"]["reason"]


def test_a_log_that_ends_with_a_conversion_long_after_its_clicks_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    plain, page = simulated({"a": exponential(5.0)}, n=150), tmp_path / "q.html"
    ingest_log(tmp_path, plain, mapping=TIMED)
    assert "after the last auction and click" not in capsys.readouterr().out
    log = f"{plain}{AT},a,3,0.5,1,2024-12-31 00:00:00,1,\n"
    ingest_log(tmp_path, log, "--quality", str(page), mapping=TIMED)
    printed = "conversions after the last auction and click: 1, within 7080.0 hours: all that came until then"
    assert printed in capsys.readouterr().out
    assert printed[1:] in page.read_text()
    _, found = told(tmp_path, capsys, log, mapping=TIMED)
    delays = found["conversion_delays"]
    assert (delays["after_last_click"], delays["hours_after_last_click"]) == (1, 7080.0)


def test_rows_that_stand_for_many_auctions_are_no_more_certain(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    found = []
    for weight in ("1", "10"):
        log = simulated({"a": exponential(40.0)}, n=600).replace(",\n", f",{weight}\n")
        found.append(told(tmp_path, capsys, log, mapping=f'{TIMED}weight = "clicked"\n')[1]["conversion_delays"])
    one, ten = found
    assert ten["eventual"] == pytest.approx(10 * one["eventual"])
    assert ten["standard_error"] == pytest.approx(10 * one["standard_error"])


def test_conversions_without_a_time_count_and_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = simulated({"a": exponential(5.0)}, n=300) + f"{AT},a,3,0.5,1,,1,\n" * 3
    ingest_log(tmp_path, log, mapping=f'{TIMED}converted = "sold"\n')
    assert "conversions without a time: 3, which no delay is fitted to" in capsys.readouterr().out
    _, found = told(tmp_path, capsys, log, mapping=f'{TIMED}converted = "sold"\n')
    delays = found["conversion_delays"]
    assert delays["without_time"] == 3
    assert delays["observed"] == delays["delay"]["conversions"] + 3


@pytest.mark.parametrize(
    ("mapping", "top", "message"),
    [
        (
            TIMED.replace('timestamp = "ts"', 'day = "ts"\nhour = "rate"').replace('pctr = "rate"\n', ""), "",
            "columns.converted_at: expected a line for timestamp beside it, got day and hour",
        ),
        (TIMED.replace('clicked = "click"\n', ""), "", "columns.converted_at: expected a line for clicked beside it, got none"),
        (NAIVE.replace('clicked = "click"\n', ""), "", "columns.converted: expected a line for clicked beside it, got none"),
        (f'{MAPPING}clicked_at = "sale"\n', "", "columns.clicked_at: expected a line for converted_at beside it, got none"),
        (TIMED, 'timestamp_format = "%H:%M:%S"\n',
         "timestamp_format: expected one with a date beside converted_at, got '%H:%M:%S'"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_have_times_of_conversions_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mapping: str, top: str, message: str
):
    ingest_log(tmp_path, simulated({"a": exponential(5.0)}, n=5), top=top, mapping=mapping, code=2)
    assert f"{tmp_path / 'map.toml'}: {message}" in capsys.readouterr().err


@pytest.mark.parametrize(("log_has", "expected"), [(True, "no offset from UTC as in timestamp"), (False, "an offset from UTC")])
def test_offsets_in_some_columns_alone_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log_has: bool, expected: str
):
    sale = f"2024-03-05T12:00:00{'Z' * log_has}"
    row = f"2024-03-05T10:00:00{'' if log_has else 'Z'},a,3,0.5,1,{sale},1,\n"
    ingest_log(tmp_path, HEADER + row, top='timestamp_format = "iso"\n', mapping=TIMED, code=2)
    assert f"a.csv: line 2, column sale: expected {expected}" in capsys.readouterr().err


def test_the_starter_scenario_has_the_delays_and_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    # Its budgets make each advertiser a group.
    log = simulated({"a": exponential(8.0), "b": log_normal(6.0, 0.8)}, n=400).replace(",\n", ",40\n")
    scenario, page = tmp_path / "s.toml", tmp_path / "q.html"
    outputs = ("--scenario", str(scenario), "--quality", str(page))
    _, found = told(tmp_path, capsys, log, *outputs, mapping=f'{TIMED}budget = "clicked"\n')
    read = load_scenario(scenario)
    delays = found["conversion_delays"]
    assert read.delays.mean == pytest.approx(delays["delay"]["mean"], rel=1e-3)
    assert (read.delays.distribution, read.delays.rewards) == (delays["delay"]["distribution"], "delay-corrected")
    own = {one["advertiser"]: one for one in delays["advertisers"]}
    assert sorted(group.group for group in read.advertisers) == sorted(own) == ["a", "b"]
    for group in read.advertisers:
        one = own[group.group]
        assert group.delay.mean == pytest.approx(one["delay"]["mean"], rel=1e-3)
    text = page.read_text()
    assert f"<td>{delays['observed']:.0f}</td><td>{delays['eventual']:.1f}</td>" in text
    assert "2 advertisers have fits of their own" in text
    small = ["--set", "train.iterations=1", "--set", "learner.population=4"]
    assert main(["train", str(scenario), *small, "--out", str(tmp_path / "run")]) == 0


def test_the_page_shows_what_ingest_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = simulated({"shop-a": exponential(48.0), "shop-b": log_normal(20.0, 1.0), "shop-c": exponential(5.0)}, n=2500)
    table = ingest_log(tmp_path, log, mapping=TIMED)
    printed = capsys.readouterr().out.splitlines()
    first = next(i for i, text in enumerate(printed) if text.startswith("conversion delays: "))
    page = (Path(__file__).parents[3] / "docs" / "own-logs.md").read_text()
    assert "\n".join(printed[first : first + 5]) in page
    read = pl.read_parquet(table, glob=False)
    day = read.filter((pl.col("day") == DAYS - 1) & (pl.col("advertiser") == "shop-a"))
    before = pl.read_csv(tmp_path / "a.csv").filter((pl.col("ts") < clock(END - 86_400)) & (pl.col("seller") == "shop-a"))
    assert f"the estimate of shop-a on the last day is {day['pcvr'].mean():.3f}" in page
    assert f"its conversions over its clicks of the days before are {before['sold'].mean():.3f}" in page


def test_criteos_conversions_are_late_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = criteo_rows()
    for i, row in enumerate(rows):
        bought = row["click"] and row["attribution"]
        # A conversion of another impression of the same user is no sale of this one, whenever it was.
        row["conversion_timestamp"] = row["timestamp"] + 3600 * (1 + i % 5) if bought else max(row["timestamp"] - 5, 0)
    log = tmp_path / "criteo.tsv"
    log.write_text(tsv(rows, CRITEO, header=True))
    ingest(tmp_path, log, "criteo-attribution", "--json")
    found = json.loads(capsys.readouterr().out)["conversion_delays"]
    assert found["delay"]["mean"] == pytest.approx(3.0, rel=0.2)
    assert found["observed"] == sum(row["click"] for row in rows)
    # A small file may lack the column, and has no delays then.
    log.write_text(tsv(rows, [name for name in CRITEO if name != "conversion_timestamp"], header=True))
    ingest(tmp_path, log, "criteo-attribution", "--json", out="without.parquet")
    found = json.loads(capsys.readouterr().out)["conversion_delays"]
    assert found["reason"] == "expected 20 conversions with a time or more, got 0"
    rows[7] |= {"click": 1, "attribution": 1, "click_pos": 0, "click_nb": 1, "conversion_timestamp": 0}
    log.write_text(tsv(rows, CRITEO, header=True))
    ingest(tmp_path, log, "criteo-attribution", "--json", out="bad.parquet")
    (bad,) = json.loads(capsys.readouterr().out)["bad"]
    assert bad["reason"] == "conversion_timestamp: expected a time no earlier than the impression's"
