"""Streams never decide a job: a lost remark is nothing, and a lost result is one error."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auctionsim.cli import main
from auctionsim.console import Console
from auctionsim.machine import stdio
from auctionsim.machine.stdio import LostOutput, RemarkStream, print_result


class Failing(io.StringIO):
    """A stream on which every write fails with one error."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, _: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EBADF])
def test_remarks_that_cannot_be_written_are_lost_in_silence(number: int):
    stream = RemarkStream(Failing(number))
    assert stream.write("a remark") == 8
    print("another", file=stream, flush=True)
    assert not stream.isatty()


def test_a_stream_that_was_closed_at_the_beginning_takes_remarks():
    stream = RemarkStream(None)
    print("a remark", file=stream, flush=True)
    assert not stream.isatty()
    assert stream.encoding == "utf-8"


def test_a_result_without_a_stdout_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(LostOutput, match="closed"):
        print_result("42\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_result_that_is_kept_in_a_file_may_be_lost(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "stdout", Failing(number))
    Console().result("text", {}, kept=Path("runs/mine"))
    assert capsys.readouterr().err == f"stdout: {os.strerror(number)}; the result is in runs/mine\n"
    for console, kept in ((Console(), None), (Console(as_json=True), Path("runs/mine"))):
        with pytest.raises(LostOutput):
            console.result("text", {}, kept=kept)


@pytest.mark.parametrize(
    ("number", "line"), [(errno.ENOSPC, "auctionsim: stdout: No space left on device\n"), (errno.EPIPE, "")]
)
def test_a_lost_result_ends_in_one_line_and_a_broken_pipe_in_none(
    number: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "stdout", Failing(number))
    assert main(["scenarios"]) == 1
    assert capsys.readouterr().err == line


def test_help_on_a_full_device_is_an_error_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "stdout", Failing(errno.ENOSPC))
    assert main(["train", "--help"]) == 1
    assert capsys.readouterr().err == "auctionsim: stdout: No space left on device\n"


def test_a_file_never_takes_the_number_of_a_closed_stream(tmp_path: Path):
    # Where 1 is closed, the first file that is opened gets it, and what C libraries print goes to that file.
    script = (
        f"import sys; sys.path[:0] = {sys.path!r}\nfrom auctionsim.machine.stdio import guarded_streams\n"
        f"with guarded_streams(), open({str(tmp_path / 'opened')!r}, 'w') as file:\n    raise SystemExit(file.fileno())"
    )
    done = subprocess.run(["bash", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, script], check=False)
    assert done.returncode > 2


def test_the_streams_are_as_before_at_the_end():
    before = sys.stderr
    with stdio.guarded_streams():
        assert sys.stderr is not before
    assert sys.stderr is before


def test_a_path_of_many_lines_is_told_in_one(capsys: pytest.CaptureFixture[str]):
    for path in ("a\n" * 3000, "\x1b[31m" + "b" * 300, "a\nb"):
        assert main(["check", path]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "\x1b" not in error
        assert len(error) < 1000
