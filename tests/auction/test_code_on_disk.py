"""Compiled code is kept in a folder of this user's alone, and only what is whole and this user's is loaded."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numba
import pytest

from auctionsim.compiled_code import code_store
from auctionsim.compiled_code.code_folder import code_folder
from auctionsim.compiled_code.jit import jit

WHERE = "from auctionsim.compiled_code.code_folder import code_folder; print(code_folder())"


def add_one(x: float) -> float:
    return x + 1


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A home of the test's own; folders are chosen anew before and after."""
    made = tmp_path / "home"
    made.mkdir(mode=0o755)
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "_AUCTIONSIM_CODE_FOLDER"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    code_folder.cache_clear()
    yield made
    code_folder.cache_clear()


def stored() -> Path:
    """Compile `add_one`, and return its one file."""
    assert jit(add_one)(1.5) == 2.5
    (path,) = code_folder().iterdir()
    return path


def hits() -> int:
    """How many times compiling `add_one` again is spared by its file."""
    again = jit(add_one)
    assert again(1.5) == 2.5
    return sum(again.stats.cache_hits.values())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_code_lies_in_the_users_cache_folder_for_the_user_alone(home: Path):
    path = stored()
    assert path.parent == home / ".cache" / "auctionsim"
    assert mode(path.parent) == 0o700
    assert mode(path) == 0o600
    assert hits() == 1


def test_the_cache_folder_of_the_standard_comes_before_the_home(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert code_folder() == tmp_path / "caches" / "auctionsim"
    code_folder.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/caches")
    assert code_folder() == home / ".cache" / "auctionsim"


def test_a_folder_named_by_the_user_is_respected_and_numbas_own_is_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "named"))
    assert stored().parent == tmp_path / "named" / "auctionsim"
    assert mode(tmp_path / "named" / "auctionsim") == 0o700
    assert not list(home.iterdir())


def leave_no_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home / "missing"))


def take_a_relative_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "missing")


def take_anothers_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)


def open_the_home_to_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.chmod(0o777)


def share_the_named_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = home.parent / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(shared))


def plant_a_link(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.parent / "elsewhere").mkdir()
    (home / ".cache").mkdir()
    (home / ".cache" / "auctionsim").symlink_to(home.parent / "elsewhere")


def name_a_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.parent / "file").write_text("")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(home.parent / "file"))


NOWHERE = [
    leave_no_home, take_a_relative_home, take_anothers_home, open_the_home_to_others, share_the_named_folder, plant_a_link,
    name_a_file,
]  # fmt: skip


@pytest.mark.parametrize("prepare", NOWHERE)
def test_without_a_folder_of_the_users_alone_a_temporary_one_is_taken_and_told_once(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    prepare: Callable[[Path, pytest.MonkeyPatch], None],
):
    prepare(home, monkeypatch)
    with caplog.at_level(logging.WARNING, logger="auctionsim"):
        folder = code_folder()
        assert jit(add_one)(1.5) == 2.5
    assert [record.message.count("\n") for record in caplog.records] == [0]
    assert "NUMBA_CACHE_DIR" in caplog.text
    if prepare is take_anothers_home:
        # Nor is a folder taken that is made under another's name.
        assert folder is None
        return
    assert folder.parent.parent == home.parent / "temporary"
    assert mode(folder) == mode(folder.parent) == 0o700
    assert len(list(folder.iterdir())) == 1
    assert not [path for path in home.parent.rglob("*.code") if folder not in path.parents]
    # Processes started by this one share it, and say nothing.
    surroundings = {**os.environ, "NUMBA_CACHE_DIR": numba.config.CACHE_DIR}
    child = subprocess.run([sys.executable, "-c", WHERE], env=surroundings, capture_output=True, text=True, check=True)
    assert child.stdout.strip() == str(folder)
    assert child.stderr == ""


def test_a_temporary_folder_goes_with_its_process(home: Path, tmp_path: Path):
    surroundings = {**os.environ, "HOME": "/proc/nobody", "TMPDIR": str(tmp_path / "temporary")}
    ended = subprocess.run([sys.executable, "-c", WHERE], env=surroundings, capture_output=True, text=True, check=True)
    assert Path(ended.stdout.strip()).is_relative_to(tmp_path / "temporary")
    assert ended.stderr.count("\n") == 1
    assert not list((tmp_path / "temporary").iterdir())


def test_without_any_folder_code_is_compiled_and_not_kept(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/proc/nobody")
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    assert code_folder() is None
    assert hits() == 0


class Trap:
    """A pickle that leaves a file if anybody loads it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("loaded",)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def swap(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def open_to_others(path: Path) -> None:
    path.chmod(0o666)


def link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def block(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [cut, empty, flip_a_bit, swap, open_to_others, link, block])
def test_a_file_that_is_broken_or_not_ours_alone_is_replaced_and_not_loaded(
    home: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
):
    monkeypatch.chdir(home)
    path = stored()
    spoil(path)
    assert hits() == 0
    assert path.is_file()
    assert not path.is_symlink()
    assert mode(path) == 0o600
    assert not (home / "loaded").exists()
    assert hits() == 1


def test_another_users_file_is_not_loaded(home: Path, monkeypatch: pytest.MonkeyPatch):
    path = stored()
    if os.geteuid() == 0:
        os.chown(path, 4711, 4711)
    else:
        monkeypatch.setattr(code_store, "is_private", lambda _: False)
    assert hits() == 0


def test_a_whole_file_under_another_name_is_not_loaded(home: Path):
    path = stored()
    other = jit(add_one)
    assert other(1) == 2
    (moved,) = set(path.parent.iterdir()) - {path}
    os.replace(path, moved)
    again = jit(add_one)
    assert again(1) == 2
    assert not again.stats.cache_hits


def test_a_disk_that_is_full_or_read_only_costs_time_alone(home: Path, monkeypatch: pytest.MonkeyPatch):
    code_folder()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(code_store.os, "replace", full)
    assert hits() == 0
    assert not list(code_folder().iterdir())


def test_many_processes_that_start_on_an_empty_folder_leave_whole_files(home: Path):
    code = (
        "from auctionsim.compiled_code.jit import jit\nimport sys\nsys.path.insert(0, sys.argv[1])\n"
        "from shared_function import add_two\nprint(jit(add_two)(1), jit(add_two)(1.5))"
    )
    (home / "shared_function.py").write_text("def add_two(x):\n    return x + 2\n")
    words = [sys.executable, "-c", code, str(home)]
    started = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=240) for process in started] == [("3 3.5\n", "")] * 4
    assert sorted(path.suffix for path in code_folder().iterdir()) == [".code", ".code"]
    assert all(code_store._read(path) is not None for path in code_folder().iterdir())
