"""Times of a log: day and hour come from one zone, which is the log's own or the one asked for, and never the machine's."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import duckdb
import pytest

from auctionsim import load_traffic
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.traffic.ingest.dialect.times import TimeFormat, second_of
from auctionsim.traffic.ingest.dialect.zones import find_zone

from ...logs import RAW, impressions, ingest, tsv
from .mapped import BY_DAY, HEADER, hours, ingest_log, line, rows

ISO = 'timestamp_format = "iso"\n'


def log(*times: str) -> str:
    return HEADER + "".join(line(i, when) for i, when in enumerate(times))


@pytest.fixture(params=["UTC", "Asia/Shanghai", "America/New_York"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine in some zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    return str(request.param)


@pytest.mark.parametrize(
    ("form", "times", "zone", "expected"),
    [
        ("%Y-%m-%dT%H:%M:%S%z", ("2024-03-04T23:30:00+0800", "2024-03-05T00:30:00+0800"), "", [(0, 23), (1, 0)]),
        ("%Y-%m-%dT%H:%M:%S%z", ("2024-03-04T23:30:00+0800", "2024-03-05T00:30:00+0800"), "UTC", [(0, 15), (0, 16)]),
        ("%Y-%m-%dT%H:%M:%S%z", ("2024-01-01T00:30:00+01:00", "2024-01-07T23:30:00+01:00"), "", [(0, 0), (6, 23)]),
        ("%Y-%m-%dT%H:%M:%S%z", ("2024-01-01T00:30:00Z", "2024-01-01T01:30:00+00:00"), "", [(0, 0), (0, 1)]),
        ("%Y-%m-%d %H:%M:%S %Z", ("2024-03-04 23:30:00 UTC", "2024-03-05 00:30:00 UTC"), "", [(0, 23), (1, 0)]),
        ("%Y-%m-%d %H:%M:%S %Z", ("2024-07-01 23:30:00 Europe/Berlin",), "UTC", [(0, 21)]),
        ("%a %b %d %H:%M:%S %Z %Y", ("Mon Mar 04 23:30:00 UTC 2024",), "+01:00", [(0, 0)]),
        ("[%d/%b/%Y:%H:%M:%S %z]", ("[04/Mar/2024:23:30:00 -0330]",), "", [(0, 23)]),
        ("iso", ("2024-03-04T23:59:59.999Z", "2024-03-05T00:00:00.001+00"), "", [(0, 23), (1, 0)]),
        ("unix", ("1709596799.9", "1709596800"), "", [(0, 23), (1, 0)]),
        ("unix-ms", ("1709596799999", "1709596800000"), "Asia/Kolkata", [(0, 5), (0, 5)]),
        ("unix-us", ("1709596799999999", "1709596800000000"), "", [(0, 23), (1, 0)]),
        ("unix-ns", ("1709596799999999999", "1709596800000000000"), "", [(0, 23), (1, 0)]),
        ("%Y-%m-%d %H:%M:%S", ("2024-03-04 23:30:00", "2024-03-05 00:30:00"), "Europe/Berlin", [(0, 23), (1, 0)]),
        ("%Y-%m-%d %H:%M:%S.%f", ("2024-03-04 23:59:59.700000", "2024-03-05 00:00:01.000000"), "", [(0, 23), (1, 0)]),
        ("%H:%M:%S", ("00:30:00", "23:10:00"), "", [(0, 0), (0, 23)]),
        ("%Y-%m-%d %H:%M:%S", ("1969-12-31 00:30:00", "1969-12-31 23:10:00"), "", [(0, 0), (0, 23)]),
        ("unix", ("-86400", "-0.5"), "", [(0, 0), (0, 23)]),
    ],
)  # fmt: skip
def test_day_and_hour_are_of_the_zone_asked_for_or_of_the_log(
    tmp_path: Path, form: str, times: tuple[str, ...], zone: str, expected: list[tuple[int, int]]
):
    more = ("--timezone", zone) if zone else ()
    assert hours(ingest_log(tmp_path, log(*times), *more, top=f'timestamp_format = "{form}"\n')) == expected


def test_the_zone_of_the_machine_does_not_matter(tmp_path: Path, machine: str, capsys: pytest.CaptureFixture[str]):
    table = ingest_log(tmp_path, log("2024-03-04T23:30:00+08:00", "2024-03-05T00:30:00+08:00"), top=ISO)
    assert hours(table) == [(0, 23), (1, 0)], machine
    assert "times: UTC+08:00, the log's own offset" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("zone", "day", "n", "told"),
    [
        ("Europe/Berlin", "2024-03-31", 23, "2024-03-31 has 23 hours by the clock of Europe/Berlin: one hour is missing"),
        ("Europe/Berlin", "2024-10-27", 25, "2024-10-27 has 25 hours by the clock of Europe/Berlin: one hour stands twice"),
        ("America/New_York", "2024-11-03", 25, "2024-11-03 has 25 hours by the clock of America/New_York"),
        ("Europe/Berlin", "2024-05-05", 24, ""),
    ],
)  # fmt: skip
def test_days_of_23_and_25_hours_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], zone: str, day: str, n: int, told: str
):
    # An auction at half past each hour of three days in UTC. The middle day by the zone's clock has `n` of them.
    start = datetime.datetime.fromisoformat(f"{day}T00:30:00Z") - datetime.timedelta(days=1)
    times = [(start + datetime.timedelta(hours=i)).strftime("%Y-%m-%dT%H:%M:%SZ") for i in range(72)]
    found = hours(ingest_log(tmp_path, log(*times), "--timezone", zone, top=ISO))
    number = (datetime.date.fromisoformat(day) - datetime.datetime.fromisoformat(times[0]).astimezone(
        find_zone("test", zone).rules).date()).days  # fmt: skip
    assert sum(d == number for d, _ in found) == n
    said = capsys.readouterr().out
    assert told in said
    assert ("by the clock" in said) == bool(told)


def test_the_zone_of_the_mapping_holds_unless_another_is_asked_for(tmp_path: Path):
    top = f'{ISO}timezone = "Asia/Tokyo"\n'
    text = log("2024-03-04T23:30:00Z")
    assert hours(ingest_log(tmp_path, text, top=top)) == [(0, 8)]
    assert hours(ingest_log(tmp_path, text, "--timezone=-05:00", top=top)) == [(0, 18)]
    assert load_traffic(tmp_path / "t.parquet").notes["read as"].endswith("times: converted from UTC to UTC-05:00")


def test_zones_have_the_offsets_of_their_rules():
    berlin = find_zone("x", "Europe/Berlin")
    begin, end = (int(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp()) for year in (2024, 2025))
    # 01:00 UTC on the last Sundays of March and October.
    assert berlin.offsets(begin, end) == [(begin, 3600), (1711846800, 7200), (1729990800, 3600)]
    assert find_zone("x", "+05:45").offsets(begin, end) == [(begin, 20700)]
    assert [find_zone("x", name).name for name in ("Z", "utc", "-0330", "GMT+1")] == ["UTC", "UTC", "UTC-03:30", "UTC+01:00"]
    for name in ("localtime", "Europe", "../etc", "+99:00", "", "CEST"):
        with pytest.raises(InputError, match="expected an IANA name"):
            find_zone("x", name)


def test_seconds_are_cut_and_never_rounded():
    for form, text in (("%Y-%m-%d %H:%M:%S.%f", "2024-03-04 23:59:59.999999"), ("unix", "1709596799.999999"),
                       ("unix", "-0.000001"), ("%Y%m%d%H%M%S%g", "20240304235959999"), ("unix", "1709596799.9999999"),
                       ("unix", "1.7095967999999999e9"), ("unix-ns", "1709596799999999999"),
                       ("%Y-%m-%d %H:%M:%S.%n", "2024-03-04 23:59:59.999999999"),
                       ("%Y-%m-%d %H:%M:%S.%n", "1969-03-04 23:59:59.999999999"),
                       ("%Y-%m-%d %H:%M:%S.%n%z", "2024-03-04 23:59:59.999999999+0100")):  # fmt: skip
        written = TimeFormat(form).written(f"'{text}'")
        assert duckdb.execute(f"SELECT {second_of(written)}").fetchall() == [(86399,)], text


def test_the_last_second_of_ipinyous_day_is_of_its_last_hour(tmp_path: Path):
    times = ("20130606000104008", "20130606235959600", "20130607000000000", "20130607100000499")
    text = tsv([impressions(4)[i] | {"timestamp": when} for i, when in enumerate(times)], RAW, header=False)
    (tmp_path / "imp.txt").write_text(text)
    scenario = tmp_path / "s.toml"
    table = ingest(tmp_path, tmp_path / "imp.txt", "ipinyou", "--scenario", str(scenario))
    assert hours(table) == [(0, 0), (0, 23), (1, 0), (1, 10)]
    assert main(["check", str(scenario)]) == 0


@pytest.mark.parametrize("dates", [("20130606", "20130607", "20130610"), ("2013-06-06", "2013-06-07", "2013-06-10")])
def test_days_that_are_dates_count_from_the_first(tmp_path: Path, dates: tuple[str, ...]):
    text = HEADER.replace("ts,", "d,h,") + "".join(line(i, f"{day},{i + 5}") for i, day in enumerate(dates))
    table = ingest_log(tmp_path, text, "--scenario", str(tmp_path / "s.toml"), mapping=BY_DAY)
    assert hours(table) == [(0, 5), (1, 6), (4, 7)]
    assert load_traffic(table).notes["first day"] == "2013-06-06"
    assert main(["check", str(tmp_path / "s.toml")]) == 0


def test_days_that_are_numbers_stay_as_they_are(tmp_path: Path):
    text = HEADER.replace("ts,", "d,h,") + line(1, "7,5") + line(2, "19,6")
    table = ingest_log(tmp_path, text, mapping=BY_DAY)
    assert rows(table, "day") == [7, 19]
    assert "first day" not in load_traffic(table).notes


def test_times_that_count_from_0_are_read_and_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert hours(ingest_log(tmp_path, log("10", "90000"), top='timestamp_format = "unix"\n')) == [(0, 0), (1, 1)]
    assert "all are in January 1970" in capsys.readouterr().out
