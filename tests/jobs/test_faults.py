"""What is killed, cut off or full on the way ends at the same bytes once it goes on. `make soak` kills 50 times and more."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auctionsim import files
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs.distributed.cluster import SerialPool
from auctionsim.jobs.training.train import train
from auctionsim.outputs.temporary import remove_leftovers
from auctionsim.runs import Run

from ..conftest import SMALL
from .test_runs import contents, new_run, nothing

# A checkpoint every iteration: as many moments as possible at which something is being written.
SETTINGS = ("train.iterations=30", "train.checkpoint_every=1", "traffic.auctions_per_day=3000")
_fsync = os.fsync
RUN_SECONDS = 600
"""The longest that a run may take on a machine with much else to do, its start of Ray included."""
N_FULL_DISKS = 60
"""More than the files that a small run writes."""


@pytest.fixture
def n_kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills"))


@pytest.fixture
def small_scenario(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def command(scenario: Path, out: Path, workers: int) -> list[str]:
    """Train, or go on where there is something to go on with."""
    verb = (
        ["resume", str(out)]
        if out.exists()
        else ["train", str(scenario), *(word for item in SETTINGS for word in ("--set", item)), "--out", str(out)]
    )
    return [sys.executable, "-m", "auctionsim", *verb, "--workers", str(workers)]


@contextmanager
def started(words: list[str], messages: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command with its messages in a file, since nobody empties a pipe meanwhile; at the end nothing of it is left."""
    with messages.open("wb") as opened:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=opened, start_new_session=True)
    try:
        yield process
    finally:
        for pid in [*descendants(process.pid), process.pid] if process.poll() is None else ():
            _kill(pid)
        process.wait(timeout=60)


def results(out: Path) -> dict[str, bytes]:
    """What a run is judged by; its report names the command."""
    return {name: data for name, data in contents(Run(out)).items() if not name.startswith("report")}


def descendants(pid: int) -> Iterator[int]:
    """Processes below one."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from descendants(child)


def kill_at_random_moments(scenario: Path, out: Path, workers: int, n_kills: int, rng: random.Random) -> int:
    """Kill and go on until the run is finished or was killed often enough; then let it finish. Returns the kills."""
    killed = 0
    while killed < n_kills:
        process = subprocess.Popen(command(scenario, out, workers), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            process.wait(timeout=rng.uniform(0.5, 5.0))
        except subprocess.TimeoutExpired:
            process.kill()
            killed += 1
        _, message = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, message.decode()
    return killed


@pytest.mark.timeout(1800)
def test_a_driver_killed_at_any_moment_goes_on_to_the_same_bytes(tmp_path: Path, small_scenario: Path, n_kills: int):
    undisturbed = tmp_path / "undisturbed"
    subprocess.run(command(small_scenario, undisturbed, 0), check=True, capture_output=True)
    expected, rng, killed, attempt = results(undisturbed), random.Random(8), 0, 0
    while killed < n_kills:
        out, attempt = tmp_path / f"killed-{attempt}", attempt + 1
        killed += kill_at_random_moments(small_scenario, out, 0, n_kills - killed, rng)
        subprocess.run(command(small_scenario, out, 0), check=True, capture_output=True)
        assert Run(out).status == "finished"
        assert results(out) == expected


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(1800)
@pytest.mark.long
def test_killed_workers_of_a_run_change_nothing(tmp_path: Path, small_scenario: Path, n_kills: int):
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "run"
    subprocess.run(command(small_scenario, undisturbed, 0), check=True, capture_output=True)
    rng, killed = random.Random(9), 0
    with started(command(small_scenario, out, 2), tmp_path / "messages.txt") as process:
        deadline = time.monotonic() + RUN_SECONDS
        while process.poll() is None and killed < max(n_kills // 5, 1):
            assert time.monotonic() < deadline, f"no worker to kill: {(tmp_path / 'messages.txt').read_text()}"
            time.sleep(rng.uniform(0.2, 1.0))
            # Ray's own servers bear such names too; without one of them there is no Ray.
            workers = [pid for pid in descendants(process.pid) if _command_line(pid).startswith(("ray::IDLE", "ray::_call"))]
            if workers:
                _kill(rng.choice(workers))
                killed += 1
        process.wait(timeout=RUN_SECONDS)
    assert process.returncode == 0, (tmp_path / "messages.txt").read_text()
    assert killed > 0
    assert results(out) == results(undisturbed)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.mark.long
def test_two_interrupts_at_once_stop_it_and_lose_nothing(tmp_path: Path, small_scenario: Path):
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "run"
    subprocess.run(command(small_scenario, undisturbed, 0), check=True, capture_output=True)
    process = subprocess.Popen(command(small_scenario, out, 0), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (out / "checkpoints").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message.decode()
    assert Run(out).status == "interrupted"
    subprocess.run(command(small_scenario, out, 0), check=True, capture_output=True)
    assert results(out) == results(undisturbed)


def full_after(count: int) -> Callable[[int], None]:
    """A `fsync` that finds the disk full once so many files were written."""
    left = [count]

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        _fsync(descriptor)

    return fsync


def test_a_disk_that_is_full_at_any_file_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = new_run(tmp_path / "whole", seeds=(0,))
    train(whole, SerialPool(), nothing)
    for nth in range(N_FULL_DISKS):
        monkeypatch.setattr(files.os, "fsync", full_after(nth))
        out = tmp_path / f"full-{nth}"
        try:
            train(new_run(out, seeds=(0,)), SerialPool(), nothing)
        except (InputError, OSError) as error:
            assert "No space left on device" in str(error)
            if not out.exists():
                continue
        else:
            break
        finally:
            monkeypatch.setattr(files.os, "fsync", _fsync)
        # The manifest is written in place, as there is no room for another file.
        assert Run(out).status == "failed"
        train(Run(out), SerialPool(), nothing)
        assert contents(Run(out)) == contents(whole)
    assert 10 < nth < N_FULL_DISKS - 1


def test_a_full_disk_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], small_scenario: Path
):
    monkeypatch.setattr(files.os, "fsync", full_after(6))
    assert main(["train", str(small_scenario), "--out", str(tmp_path / "run")]) == 1
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("auctionsim: ")
    assert message.endswith("No space left on device")


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    for name in (f".a.{dead.pid}.part", f".b.{os.getpid()}.part", "c.part", ".d.part"):
        (tmp_path / name).write_text("half")
    (tmp_path / f".e.{dead.pid}.part").mkdir()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f".b.{os.getpid()}.part", "c.part", ".d.part"])
