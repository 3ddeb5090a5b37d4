"""Temporary files: nobody can foresee them, and none stays behind its process."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auctionsim.files import folder_then_rename, write_text, write_then_rename
from auctionsim.outputs import temporary
from auctionsim.outputs.temporary import new_file, new_folder, remove_leftovers, without_part


def test_a_planted_link_under_the_foreseeable_name_is_not_written_through(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in (f".x.toml.{os.getpid()}.part", "x.toml.part", ".x.toml.part"):
        (tmp_path / name).symlink_to(victim)
    write_text(tmp_path / "x.toml", "new")
    assert victim.read_text() == "precious"
    assert (tmp_path / "x.toml").read_text() == "new"


def test_a_link_planted_under_the_very_name_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    tokens = iter(["0" * 16, "1" * 16, "2" * 16])
    monkeypatch.setattr(temporary.secrets, "token_hex", lambda _: next(tokens))
    (tmp_path / f".x.{os.getpid()}-{'0' * 16}.part").symlink_to(victim)
    (tmp_path / f".x.{os.getpid()}-{'1' * 16}.part").symlink_to(tmp_path / "new")
    write_text(tmp_path / "x", "text")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "new").exists()


def test_names_of_temporary_files_differ_each_time(tmp_path: Path):
    seen = set()
    for _ in range(20):
        with new_file(tmp_path / "a") as (part, _opened):
            seen.add(part.name)
            assert without_part(str(part)) == str(tmp_path / "a")
    assert len(seen) == 20
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_leaves_neither_file_nor_new_folders(tmp_path: Path):
    def fail(part: Path) -> None:
        part.write_text("half")
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="No space left"):
        write_then_rename(tmp_path / "new" / "deep" / "a", fail)
    with pytest.raises(KeyboardInterrupt), folder_then_rename(tmp_path / "other" / "run") as part:  # noqa: PT012
        (part / "a").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, ".b", "a b\n.c", "\udcff", "~"])
def test_any_name_that_the_disk_takes_can_be_written(tmp_path: Path, name: str):
    write_text(tmp_path / name, "text")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_permissions_of_outputs_follow_the_mask_of_the_process(tmp_path: Path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a", "text")
        with new_folder(tmp_path / "b", mode=0o700) as part:
            private = part.stat().st_mode
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert private & 0o777 == 0o700


_HOLD = """
import sys, time
from pathlib import Path
from auctionsim.outputs.temporary import new_file, new_folder
with new_folder(Path(sys.argv[1]) / "work") as folder, new_file(Path(sys.argv[1]) / "table") as (part, _):
    (folder / "spilled").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_leftovers_go_when_their_process_is_killed_and_not_before(tmp_path: Path):
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    held = sorted(tmp_path.iterdir())
    assert len(held) == 2
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == held
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert sorted(tmp_path.iterdir()) == held
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_files_of_our_own_form_are_leftovers(tmp_path: Path):
    token = "0123456789abcdef"
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").write_text("mine")
    for name in (".part", ".a.part", f".a.1-{token}.parts", f"a.1-{token}.part", f".a.1-{token[1:]}.part"):
        (tmp_path / name).write_text("mine")
    (tmp_path / f".link.1-{token}.part").symlink_to(target)
    os.mkfifo(tmp_path / f".pipe.1-{token}.part")
    before = sorted(tmp_path.iterdir())
    (tmp_path / f".gone.1-{token}.part").write_text("half")
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    assert (target / "kept").exists()


def test_a_disk_without_locks_keeps_leftovers_and_still_takes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(_opened: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    left = tmp_path / ".a.1-0123456789abcdef.part"
    left.write_text("half")
    monkeypatch.setattr(fcntl, "flock", refuse)
    remove_leftovers(tmp_path)
    write_text(tmp_path / "b", "text")
    assert sorted(tmp_path.iterdir()) == [left, tmp_path / "b"]
