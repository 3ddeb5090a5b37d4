"""A folder is written by one process at a time, and a killed process leaves no lock behind."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from auctionsim import locks
from auctionsim.cli import main
from auctionsim.errors import InputError, Remark
from auctionsim.jobs.studies.base import lock_plan
from auctionsim.jobs.training.train import train
from auctionsim.locks import lock_until_exit, locked
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from .conftest import SMALL

HOLD = """
import sys, time
from pathlib import Path
from auctionsim import locks
{refuse}
with locks.locked(Path(sys.argv[1]), "run"):
    print("held", flush=True)
    time.sleep(600)
"""
REFUSE = """
import errno, os, stat
real = locks.fcntl.flock
def flock(opened, how):
    if stat.S_ISDIR(os.fstat(opened).st_mode):
        raise OSError(errno.EBADF, "as NFS answers")
    real(opened, how)
locks.fcntl.flock = flock
"""


def holder(folder: Path, refuse: str = "") -> subprocess.Popen[str]:
    """Start a process that holds the lock on a folder."""
    code = HOLD.format(refuse=refuse)
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def is_free(folder: Path) -> bool:
    try:
        with locked(folder, "run"):
            return True
    except InputError:
        return False


def test_a_killed_process_leaves_no_lock_and_no_file(tmp_path: Path):
    process = holder(tmp_path)
    try:
        with pytest.raises(InputError) as refused:
            locked(tmp_path, "run").__enter__()
    finally:
        stop(process)
    assert str(refused.value) == (
        f"{tmp_path}: expected a run that no other process is writing, got one in use by process {process.pid} on "
        f"{socket.gethostname()} (wait, or stop it)"
    )
    with pytest.warns(Remark, match=f"process {process.pid} on .*, which was writing this run, is gone"):
        assert is_free(tmp_path)
    assert is_free(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_locked_where_the_folder_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = fcntl.flock

    def flock(opened: int, how: int) -> None:
        if stat.S_ISDIR(os.fstat(opened).st_mode):
            raise OSError(errno.EBADF, "as NFS answers")
        real(opened, how)

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    process = holder(tmp_path, REFUSE)
    try:
        assert not is_free(tmp_path)
    finally:
        stop(process)
    with pytest.warns(Remark, match=f"process {process.pid} on .* is gone"):
        assert is_free(tmp_path)
    assert is_free(tmp_path)


@pytest.mark.parametrize("note", [b"", b"x" * 500, b"12 h\x1b[31m\n", b"\xff\xff\n", b"-1 host\n"])
def test_a_note_that_is_none_is_left_alone(tmp_path: Path, note: bytes):
    (tmp_path / ".lock").write_bytes(note)
    assert is_free(tmp_path)


def test_a_link_in_the_place_of_the_note_is_not_written_through(tmp_path: Path):
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.write_text("1 host\n")
    (folder / ".lock").symlink_to(elsewhere)
    assert is_free(folder)
    assert elsewhere.read_text() == "1 host\n"


def test_a_program_that_outlives_the_holder_does_not_keep_the_lock(tmp_path: Path):
    with locked(tmp_path, "run"):
        child = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        assert is_free(tmp_path)
    finally:
        child.kill()
        child.wait()


def test_a_job_is_locked_until_its_process_ends_and_may_go_on_in_it(tmp_path: Path):
    out = tmp_path / "job"
    for _ in range(2):
        lock_plan(out, {"samples": 4})
    lock_until_exit(out, "job")
    assert not is_free(out)
    other = tmp_path / "other"
    lock_plan(other, {"samples": 4})
    code = "import sys, pathlib; from auctionsim.locks import locked; locked(pathlib.Path(sys.argv[1]), 'job').__enter__()"
    refused = subprocess.run([sys.executable, "-c", code, str(other)], capture_output=True, text=True)
    assert "expected a job that no other process is writing" in refused.stderr


def test_a_run_that_another_process_trains_is_left_alone_and_goes_on_after_a_kill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    scenario = parse_scenario(SMALL, "small.toml", overrides=("train.iterations=3",))
    run = Run.create(Path("run"), scenario, SMALL, seeds=(0,), command="test", overrides=("train.iterations=3",))
    train(run, until=1)
    run.set_status("running")
    before = {path: path.read_bytes() for path in sorted(run.path.rglob("*")) if path.is_file()}
    process = holder(run.path)
    try:
        for again in (["resume", "run", "--workers", "0"], ["evaluate", "run"]):
            assert main(again) == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith("run: expected a run that no other process is writing, got one in use by process ")
        found = {path: path.read_bytes() for path in sorted(run.path.rglob("*")) if path.is_file()}
        assert found.pop(run.path / ".lock").startswith(f"{process.pid} ".encode())
        assert found == before
    finally:
        stop(process)
    assert main(["resume", "run", "--workers", "0"]) == 0
    first, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith(f"run: process {process.pid} on ")
    assert first.endswith(", which was writing this run, is gone; its lock is taken over")
    assert [row["iteration"] for row in run.metrics()] == [1, 2, 3]
    assert not (run.path / ".lock").exists()
