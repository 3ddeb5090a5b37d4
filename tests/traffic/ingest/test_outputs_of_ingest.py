"""What `ingest` writes: all of it or nothing, never over what it reads, and nothing behind a killed process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from auctionsim.cli import main
from auctionsim.traffic.ingest.database import Database, no_progress

from .mapped import BY_DAY, HEADER, MAPPING, ingest_log, line, rows

BUDGETED = MAPPING + 'budget = "daily"\n'
LOG = "auction_id,ts,kw,seller,bid,worth,pctr,pcvr,daily\n" + "".join(
    f"{i},2024-03-0{1 + i % 3} 05:06:07,k,{seller},3,1,0.1,0.1,7\n" for i in range(6) for seller in "st"
)
RUN = ("--format", "auctions-csv", "--mapping", "map.toml")
"""What every call here has in common."""


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a log and its mapping, which is the current one."""
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(LOG)
    Path("map.toml").write_text(BUDGETED)
    return tmp_path


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("--out t.parquet --scenario t.parquet", "--scenario: expected another file than --out, got t.parquet"),
        ("--out t.parquet --budgets ./T.parquet", "--budgets: expected another file than --out, got T.parquet"),
        ("--out t.parquet --scenario s --quality up/../s.html --budgets s", "--budgets: expected another file than --scenario"),
        ("--out t.parquet --budgets link.toml", "--budgets: expected another file than --mapping, got link.toml (the same"),
        ("--out t.parquet --quality map.toml", "--quality: expected another file than --mapping, got map.toml"),
        ("--out t.parquet --scenario t-hours.png --report", "the picture of --report: expected another file than --scenario"),
        ("--out t.parquet --quality t.parquet/q.html", "--quality: expected a path that is not inside that of --out"),
        ("--out t.parquet --budgets b.parquet", "--budgets: expected the name of a CSV file, got b.parquet"),
        ("--out new --quality new/q.html", "--quality: expected a path that is not inside that of --out"),
        ("--out hard.parquet", "--out: expected another file than the log, got hard.parquet (the same file as a.csv)"),
        ("--out old.parquet", "old.parquet: expected a new file, or a table that ingest wrote, got another file"),
        ("--out dangling.parquet", "dangling.parquet: expected a new file, or a table that ingest"),
    ],
)
def test_no_output_is_an_input_or_another_output(there: Path, capsys: pytest.CaptureFixture[str], more: str, message: str):
    Path("link.toml").symlink_to("map.toml")
    Path("dangling.parquet").symlink_to("nowhere")
    Path("old.parquet").write_text("old")
    os.link("a.csv", "hard.parquet")
    before = {path: path.is_symlink() or path.read_bytes() for path in there.iterdir()}
    assert main(["ingest", "a.csv", *RUN, *more.split()]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith(message)
    assert {path: path.is_symlink() or path.read_bytes() for path in there.iterdir()} == before


@pytest.mark.parametrize("option", ["--out", "--scenario", "--budgets", "--quality", "--mapping"])
def test_an_empty_path_is_not_the_current_folder(there: Path, capsys: pytest.CaptureFixture[str], option: str):
    before = sorted(there.iterdir())
    assert main(["ingest", "a.csv", *RUN, "--out", "t.parquet", option, ""]) == 2
    assert f"argument {option}: expected a path, got ''" in capsys.readouterr().err
    assert main(["ingest", "", *RUN, "--out", "t.parquet"]) == 2
    assert "expected a path, got ''" in capsys.readouterr().err
    assert sorted(there.iterdir()) == before


@pytest.mark.parametrize("option", ["--scenario", "--budgets", "--quality"])
@pytest.mark.parametrize("where", ["a.csv/x.html", "/proc/x.html", "/dev/null/x.html"])
def test_an_output_that_cannot_be_written_leaves_no_table(
    there: Path, capsys: pytest.CaptureFixture[str], option: str, where: str
):
    before = sorted(there.iterdir())
    assert main(["ingest", "a.csv", *RUN, "--out", "new/t.parquet", option, where]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(there.iterdir()) == before


def test_a_page_that_cannot_be_made_leaves_nothing(there: Path, monkeypatch: pytest.MonkeyPatch):
    import auctionsim.analysis.reports.log_quality as page

    def fail(*_: object) -> str:
        raise OSError(5, "broken", "q.html")

    monkeypatch.setattr(page, "quality_page", fail)
    before = sorted(there.iterdir())
    every = ["--out", "t.parquet", "--scenario", "s.toml", "--budgets", "b.csv", "--quality", "q.html", "--report"]
    assert main(["ingest", "a.csv", *RUN, *every]) == 1
    assert sorted(there.iterdir()) == before
    monkeypatch.undo()
    monkeypatch.chdir(there)
    assert main(["ingest", "a.csv", *RUN, *every]) == 0
    written = {"a.csv", "map.toml", "t.parquet", "s.toml", "b.csv", "q.html", "t-hours.png"}
    assert {path.name for path in there.iterdir()} == written


def test_a_table_in_a_new_folder_appears_with_the_folder(there: Path):
    assert main(["ingest", "a.csv", *RUN, "--out", "new/deep/t.parquet", "--budgets", "other/b.csv"]) == 0
    assert sorted(path.name for path in there.rglob("*")) == sorted(
        ["a.csv", "map.toml", "new", "deep", "t.parquet", "other", "b.csv"]
    )
    assert main(["ingest", "a.csv", *RUN, "--out", "folder"]) == 0
    assert all(not path.name.startswith(".") for path in there.rglob("*"))


def test_only_a_table_of_ingest_is_replaced_and_only_by_a_whole_one(there: Path, capsys: pytest.CaptureFixture[str]):
    first = ["ingest", "a.csv", *RUN, "--out", "t.parquet"]
    assert main([*first, "--aggregate", "hour"]) == 0
    hourly = Path("t.parquet").read_bytes()
    assert main([*first, "--timezone", "nowhere"]) == 2
    assert Path("t.parquet").read_bytes() == hourly
    assert main(first) == 0
    assert Path("t.parquet").read_bytes() != hourly
    pl.DataFrame({"a": [1]}).write_parquet("u.parquet")
    theirs = Path("u.parquet").read_bytes()
    assert main([*first[:-1], "u.parquet"]) == 2
    assert Path("u.parquet").read_bytes() == theirs
    capsys.readouterr()
    # Not even a table of ingest, where it is the log; and it is none.
    kept = Path("t.parquet").read_bytes()
    assert main(["ingest", "t.parquet", *RUN, "--out", "t.parquet"]) == 2
    expected = "t.parquet: expected a log file or a folder of log files, got a Parquet file (logs are read from CSV or TSV, "
    assert capsys.readouterr().err.startswith(expected)
    assert Path("t.parquet").read_bytes() == kept


def test_names_beyond_unicodes_first_plane_make_a_scenario_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    names = ["\U0001f600", 'a "b" \\c', "x'y", "\x7f", "${y}"]
    log = (
        LOG.splitlines()[0]
        + "\n"
        + "".join(
            f'{i},2024-03-0{1 + i % 3} 05:06:07,k,"{name.replace(chr(34), 2 * chr(34))}",3,1,0.1,0.1,7\n'
            for i in range(6)
            for name in names
        )
    )
    scenario = tmp_path / "s\U0001f600.toml"
    ingest_log(tmp_path, log, "--scenario", str(scenario), mapping=BUDGETED)
    assert main(["check", str(scenario)]) == 0, capsys.readouterr().err


def _big(folder: Path) -> list[str]:
    """Make a log that takes seconds, and return the command that reads it."""
    day = "".join(f"{i},0,{i % 24},k{i % 500},{'st'[i % 2]}{i % 30},1,2,,\n" for i in range(150_000))
    (folder / "big.csv").write_text("auction_id,d,h,kw,seller,bid,worth,pctr,pcvr\n" + day)
    (folder / "map.toml").write_text(BY_DAY.replace('auction = "auction_id"\n', ""))
    return [sys.executable, "-m", "auctionsim", "ingest", "big.csv", *RUN, "--out", "t.parquet"]


def _stopped(folder: Path, command: list[str], number: int) -> subprocess.CompletedProcess[str]:
    """Run a command and stop it with a signal when it has begun to read."""
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(folder.glob(".t.parquet.*.part/tables.db")):
        time.sleep(0.01)
    process.send_signal(number)
    said = process.communicate()[1]
    return subprocess.CompletedProcess(command, process.returncode, "", said)


def test_ctrl_c_leaves_nothing_and_the_leftovers_of_a_kill_go_with_the_next_run(tmp_path: Path):
    command = _big(tmp_path)
    before = sorted(tmp_path.iterdir())
    stopped = _stopped(tmp_path, command, signal.SIGINT)
    assert (stopped.returncode, stopped.stderr) == (130, "interrupted\n")
    assert sorted(tmp_path.iterdir()) == before
    assert _stopped(tmp_path, command, signal.SIGKILL).returncode == -signal.SIGKILL
    left = [path for path in tmp_path.iterdir() if path not in before]
    assert [bool(re.fullmatch(r"\.t\.parquet\.\d+-[0-9a-f]{16}\.part", path.name)) for path in left] == [True]
    (tmp_path / "small.csv").write_text(HEADER + line(1, "2024-03-04 05:06:07"))
    (tmp_path / "map.toml").write_text(MAPPING)
    assert (
        main(
            [
                "ingest",
                str(tmp_path / "small.csv"),
                *RUN[:2],
                "--mapping",
                str(tmp_path / "map.toml"),
                "--out",
                str(tmp_path / "u.parquet"),
            ]
        )
        == 0
    )
    assert {path.name for path in tmp_path.iterdir()} == {"big.csv", "map.toml", "small.csv", "u.parquet"}
    assert rows(tmp_path / "u.parquet", "advertiser") == ["s"]
    assert pl.read_parquet(tmp_path / "u.parquet").height == 1


def test_an_interrupt_while_the_thread_begins_does_not_leave_it_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    database, started, start = Database(tmp_path, no_progress, []), [], threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        started.append(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        database.run("SELECT 1", "reading")
    database.close()
    assert [thread.is_alive() for thread in started] == [False]
