"""Errors of writing name their file, whichever library wrote it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from auctionsim.errors import InputError
from auctionsim.files import write_text
from auctionsim.jobs.training.events import event_files
from auctionsim.machine.disk import error_number, is_full, overwrite, writing


class PanicException(BaseException):
    """Named as Polars names its own."""


@pytest.mark.parametrize(
    "raised",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("polars: No space left on device (os error 28)"),
        RuntimeError("IO Error: Could not write file: No space left on device"),
        PanicException("called `Result::unwrap()` on an `Err` value: Os { message: 'No space left on device' } (os error 28)"),
    ],
)
def test_every_full_disk_is_the_same_error_with_the_name_of_the_file(raised: BaseException):
    with pytest.raises(OSError, match="No space left on device") as caught, writing(Path("runs/mine/metrics.jsonl")):
        raise raised
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "runs/mine/metrics.jsonl")


def test_other_errors_stay_as_they_are():
    with pytest.raises(ZeroDivisionError), writing(Path("a")):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), writing(Path("a")):
        raise KeyboardInterrupt
    assert error_number(ValueError("a number")) is None
    with pytest.raises(InputError), writing(Path("a")):
        raise InputError("b.toml: expected a file, got No such file or directory")
    # A row of a log may hold any words.
    assert not is_full(InputError("a.csv: row 3: expected a number, got 'No space left on device'"))


def test_a_small_file_is_overwritten_in_place(tmp_path: Path):
    path = tmp_path / "manifest.json"
    path.write_text("a longer text")
    number = path.stat().st_ino
    overwrite(path, b"short")
    assert (path.read_bytes(), path.stat().st_ino) == (b"short", number)


def test_a_name_that_cannot_be_written_is_told_with_its_final_name(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory") as caught:
        write_text(tmp_path / "file" / "new.txt", "text")
    assert str(caught.value.filename).endswith("new.txt")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_event_files_on_a_full_disk_are_an_error_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("auctionsim.jobs.training.events._new_name", lambda _: Path("/dev/full"))
    with pytest.raises(OSError, match="No space left on device") as caught, event_files(tmp_path, (0,), {}, 0):
        pass
    assert caught.value.filename == "/dev/full"
