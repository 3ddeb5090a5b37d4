"""Logs, mappings and names of files that are odd or hostile: they are read as they are, or end in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from auctionsim.cli import main
from auctionsim.traffic.ingest.database import Database, file_name, no_progress, quoted

from .mapped import HEADER, MAPPING, ingest_log, line, rows

GOOD = HEADER + "".join(line(i, "2024-03-04 05:06:07", seller) for i in range(3) for seller in "st")


@pytest.mark.parametrize(
    "name",
    [
        "log[1].csv",
        "lo*.csv",
        "lo?.csv",
        "bid=77.csv",
        "a b'c;d.csv",
        'a"b.csv',
        "~",
        "$HOME.csv",
        "\udcff.csv",
        "a\nb.csv",
        "-.csv",
    ],
)
def test_a_name_of_a_file_is_a_name_and_nothing_else(tmp_path: Path, name: str):
    folder = tmp_path / "bid=88 [x]*"
    folder.mkdir()
    (folder / "log1.csv").write_text(GOOD.replace("k,s", "leak,s"))
    assert rows(ingest_log(folder, GOOD, name=name), "query", "manual_bid") == [("k", 3.0)] * 6


@pytest.mark.parametrize("ends", ["\r", "\r\n", "\n", "\n\r", "\r\n\n", "\r\r"])
def test_any_line_ends_are_read(tmp_path: Path, ends: str):
    assert len(rows(ingest_log(tmp_path, GOOD.replace("\n", ends)), "query")) == 6


def test_pipes_devices_and_folders_are_no_logs_and_no_mappings(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "map.toml").write_text(MAPPING)
    before = sorted(tmp_path.iterdir())
    out = ["--format", "auctions-csv", "--out", str(tmp_path / "t.parquet")]
    for odd, word in ((tmp_path / "pipe", "a pipe"), (Path("/dev/zero"), "a device"), (tmp_path / "empty", "none")):
        assert main(["ingest", str(odd), *out, "--mapping", str(tmp_path / "map.toml")]) == 2
        message = capsys.readouterr().err
        assert message.startswith(f"{odd}: expected ")
        assert message.endswith(f", got {word}\n")
    for odd in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / "empty", tmp_path / "none"):
        assert main(["ingest", str(tmp_path / "a.csv"), *out, "--mapping", str(odd)]) == 2
        assert capsys.readouterr().err.startswith(f"{odd}: expected a mapping file (auctionsim ingest --template), got ")
    assert sorted(tmp_path.iterdir()) == before


INJECTIONS = [
    "read_csv('/etc/passwd')", "' || (SELECT content FROM read_text('/etc/passwd')) || '", "x'; COPY raw TO 'stolen.csv'; --",
    '"; ATTACH \'stolen.db\'; --', "[1,2]", "{0}", "$1", "?", "a\\b", "\u2018quoted\u2019", "x); DROP TABLE raw; --", "/* */",
    "row", "wrong", "text timestamp", "COLUMNS('.*')",
]  # fmt: skip


@pytest.mark.parametrize("name", INJECTIONS)
def test_a_mapping_names_columns_and_is_never_an_expression(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str):
    toml = MAPPING.replace('"kw"', f'"{name}"'.replace("\\", "\\\\") if '"' not in name else f"'''{name}'''")
    column = '"' + name.replace('"', '""') + '"'
    log = GOOD.replace(",kw,", f",{column},")
    assert rows(ingest_log(tmp_path, log, mapping=toml), "query") == ["k"] * 6
    capsys.readouterr()
    # Without such a column it is a missing column, whatever it says.
    ingest_log(tmp_path, GOOD, mapping=toml, code=2)
    message = capsys.readouterr().err
    assert len(message.splitlines()) == 1
    assert "expected a column" in message
    # A value that is the same text is a value, and stands in a message as it is.
    assert rows(ingest_log(tmp_path, GOOD.replace(",k,", f",{column},")), "query") == [name.strip()] * 6
    ingest_log(tmp_path, GOOD.replace(",3,", f",{column},"), code=2)
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "map.toml"]


@pytest.mark.parametrize("key", ["timestamp_format", "timezone", "delimiter", "encoding", "decimal", "thousands", "prices"])
@pytest.mark.parametrize("value", ["x'; COPY raw TO 'stolen.csv'; --", "%Y' || 1 || '", "{0}", "\\u0000", "'"])
def test_no_setting_of_a_mapping_is_an_expression(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, key: str, value: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "map.toml").write_text(f'{key} = "{value}"\n' + MAPPING)
    code = main(["ingest", "a.csv", "--format", "auctions-csv", "--mapping", "map.toml", "--out", "t.parquet"])
    assert code in (0, 2)
    if code == 2:
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"a.csv", "map.toml", "t.parquet"}


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 5000 + "]" * 5000,
        "a" + ".a" * 3000 + " = 1",
        "x = " + "9" * 5000,
        "\0",
        "x = '" + "y" * 2_000_000 + "'",
        "[" * 900,
    ],
)
def test_a_mapping_that_is_too_deep_or_too_long_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str):
    ingest_log(tmp_path, GOOD, mapping=text, code=2)
    message = capsys.readouterr().err
    assert message.startswith(f"{tmp_path / 'map.toml'}: expected a mapping file (auctionsim ingest --template), got ")
    assert len(message.splitlines()) == 1
    assert len(message) < 500


def test_work_folders_of_earlier_versions_go_when_no_process_has_them_open(tmp_path: Path):
    left, live, theirs = (tmp_path / f".ingest-{name}" for name in ("abcd1234", "live_123", "their_fo"))
    for folder in (left, live, theirs):
        folder.mkdir()
    (theirs / "notes").write_text("mine")
    duckdb.connect(str(left / "tables.db")).close()
    # In another process: locks of one's own process do not exclude it.
    held = f"import duckdb, sys; c = duckdb.connect({str(live / 'tables.db')!r}); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        ingest_log(tmp_path, GOOD)
        assert (left.exists(), live.exists(), theirs.exists()) == (False, True, True)
        holder.communicate()


def test_the_database_reaches_its_own_folder_and_the_log_and_nothing_else(tmp_path: Path):
    work, log, secret = tmp_path / "work [x]", tmp_path / "log=[1].csv", tmp_path / "log=1.csv"
    work.mkdir()
    log.write_text("a\n1\n")
    secret.write_text("a\n2\n")
    database = Database(work, no_progress, [log])
    try:
        assert database.rows(f"SELECT * FROM read_csv({file_name(database.logs[0])}, hive_partitioning=false)") == [(1,)]
        database.run(f"COPY (SELECT 1 AS a) TO {quoted(work / 'table.parquet')} (FORMAT parquet)", "writing")
        for one_thread in (False, True):
            if one_thread:
                database.use_one_thread()
            for sql in (
                f"SELECT * FROM read_csv({quoted(secret)})",
                "SELECT * FROM read_text('/etc/passwd')",
                f"SELECT * FROM read_csv({quoted(work)} || '/../log=1.csv')",
                "SELECT * FROM glob('/*')",
                f"COPY (SELECT 1) TO {quoted(tmp_path / 'stolen.csv')}",
                f"ATTACH {quoted(tmp_path / 'stolen.db')}",
                "INSTALL httpfs",
                "LOAD httpfs",
                "SELECT * FROM tmp_path",
                "SET enable_external_access = true",
            ):
                with pytest.raises(duckdb.Error):
                    database.rows(sql)
        for setting in (
            "memory_limit = '99GB'",
            "TimeZone = 'Asia/Tokyo'",
            "lock_configuration = false",
            "temp_directory = '/tmp'",
        ):
            with pytest.raises(duckdb.Error):
                database.rows(f"SET {setting}")
        limits = "SELECT current_setting('threads'), current_setting('TimeZone'), current_setting('memory_limit')"
        assert database.row(limits) == (1, "UTC", "1.2 GiB")
    finally:
        database.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log=1.csv", "log=[1].csv", "work [x]"]


def test_times_of_which_none_is_readable_are_told_with_a_zone_to_convert_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ingest_log(tmp_path, GOOD, "--timezone", "Asia/Kolkata", top='timestamp_format = "%Z%Y"\n', code=2)
    message = capsys.readouterr().err
    assert "line 2, column ts: expected a time written as %Z%Y, got '2024-03-04 05:06:07'" in message
    assert len(message.splitlines()) == 1
