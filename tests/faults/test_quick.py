"""One quick case of each kind of fault, in real processes. `make faults` tries every command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import SMALL
from . import faults
from .commands import COMMANDS, ENVIRONMENT
from .faults import Fault, can_mount, signalled, streams
from .judge import Trial

SIZES = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 68, 72, 400]
"""Sizes in kilobytes: room for no manifest, for no checkpoint, for no table, and for all of a small run."""
_COMMANDS = {command.name: command for command in COMMANDS}
needs_mount = pytest.mark.skipif(not can_mount(), reason="this user may not mount a file system of its own")


@pytest.fixture
def begin(tmp_path: Path) -> Path:
    folder = tmp_path / "begin"
    folder.mkdir()
    (folder / "s.toml").write_text(SMALL)
    return folder


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("init", Fault(faults.KILLED.name, faults.KILLED.tries[:1])),
        ("init", Fault(faults.ENDED.name, faults.ENDED.tries[1:])),
        ("check", Fault(faults.LOST.name, faults.LOST.tries[:1])),
        ("scenarios", faults.BROKEN),
        ("init", Fault(faults.MEMORY.name, faults.MEMORY.tries[:2])),
        pytest.param("init", Fault(faults.FULL.name, faults.FULL.tries[:1]), marks=needs_mount),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name.replace(" ", "-"),
)
def test_a_command_ends_as_it_should(command: str, fault: Fault, begin: Path, tmp_path: Path):
    kind = next(one for one in faults.FAULTS if one.name == fault.name)
    trial = Trial(_COMMANDS[command], begin, tmp_path)
    assert [text for texts in trial.failures(fault, kind) for text in texts] == []


def test_training_needs_no_stream_at_all(begin: Path):
    words = ("train", "s.toml", "--set", "train.iterations=2", "--out", "run")
    ended = streams(">&- 2>&- <&-")(words, begin, 0.0)
    assert ended.code == 0
    assert json.loads((begin / "run" / "manifest.json").read_text())["status"] == "finished"


def test_the_judge_sees_what_is_wrong(begin: Path, tmp_path: Path):
    # A kill is no interrupt: judged as one, its exit code is wrong.
    fault = Fault("interrupt", (signalled(signal.SIGKILL, 0.1),))
    trial = Trial(_COMMANDS["scenarios"], begin, tmp_path)
    (texts,) = trial.failures(fault, faults.STOPPED)
    assert "exit -9" in texts[0]


@needs_mount
@pytest.mark.timeout(900)
@pytest.mark.long
def test_a_disk_full_at_any_size_fails_in_order_and_goes_on_to_the_same_bytes(tmp_path: Path):
    words = [sys.executable, "-m", "tests.faults.small_disks", str(tmp_path), *map(str, SIZES)]
    done = subprocess.run(
        ["unshare", "-rm", *words],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["size"] for one in found] == SIZES
    assert found[-1]["status"] == "finished"
    for one in found[:-1]:
        assert one["error"] in ("No space left on device", None), one
        assert one["status"] in ("failed", None) if one["error"] else one["status"] == "finished", one
        assert one["hidden"] == [], one
        assert one.get("same", True), one
    # Room runs out at different files, the manifest and a checkpoint among them.
    files = {one["file"] for one in found if one["error"]}
    assert len(files) >= 5
    assert any(file.startswith("run/checkpoints") for file in files)
