"""A Ray of our own has a folder of this user's alone, which goes with it, also later where the process was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from auctionsim.errors import InputError
from auctionsim.jobs.distributed import session_folder as module
from auctionsim.jobs.distributed.session_folder import remove_abandoned, session_folder

PLASMA = "/session_2026-11-26_20-33-28_086017_1234567/sockets/plasma_store"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        monkeypatch.setenv("RAY_TMPDIR", made)
        yield Path(made)


def test_the_folder_is_private_and_goes(short: Path):
    with session_folder() as folder:
        assert folder.parent.parent == short
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        # Ray makes it, for everybody.
        folder.mkdir(mode=0o777)
        (folder / "log").write_text("x")
    assert not list(short.iterdir())


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_sockets_have_short_names_where_the_temporary_folder_is_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
):
    long = tmp_path / ("a" * 70)
    long.mkdir()
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setenv(name, str(long))
    with session_folder() as folder:
        assert len(str(folder) + PLASMA) <= 107
    monkeypatch.setattr(module, "_SHORT_FOLDERS", ("/nowhere", "/proc"))
    with pytest.raises(InputError, match=f"^{name}: expected a path of length <= [0-9]+ for Ray's sockets"), session_folder():
        pass


def test_a_folder_of_a_killed_process_is_removed_by_the_next_and_one_in_use_stays(short: Path):
    code = (
        "import time\nfrom auctionsim.jobs.distributed.session_folder import session_folder\n"
        "with session_folder() as folder: print(folder.parent, flush=True); time.sleep(600)"
    )
    killed = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    left = Path(killed.stdout.readline().strip())
    os.utime(left, (0, 0))
    remove_abandoned(short)
    assert left.is_dir()
    killed.kill()
    killed.communicate()
    os.utime(left, (0, 0))
    with session_folder() as folder:
        assert list(short.iterdir()) == [folder.parent]
