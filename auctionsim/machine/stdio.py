"""Streams that never decide a job: remarks on stderr may get lost, and only a lost result on stdout is an error."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_DESCRIPTORS = (0, 1, 2)


class LostOutput(OSError):
    """A result that could not be printed: stdout is closed or on a full device, or its reader has gone (EPIPE)."""


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Let nothing within fail because of stderr: it may be closed, on a full device, or a terminal that was hung up.

    A closed descriptor 0, 1 or 2 is opened on the null device first. Otherwise the next file that is opened would get its
    number, and messages of libraries would end up in a checkpoint.
    """
    _open_closed_descriptors()
    make_unbreakable(sys.stdout, sys.stderr)
    before = sys.stderr
    guarded = RemarkStream(before)
    sys.stderr = guarded
    try:
        yield
    finally:
        guarded.flush()
        sys.stderr = before


def make_unbreakable(*streams: Any) -> None:
    r"""Let text streams write what their encoding lacks as an escape, as `\xfc` for an umlaut on an ASCII terminal.

    A finished job must not end in a traceback because of its name.
    """
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def print_result(text: str) -> None:
    """Print a result on stdout.

    Raises:
        LostOutput: It could not be printed. From then on stdout is the null device.
    """
    if sys.stdout is None:
        raise LostOutput(errno.EBADF, "expected an open stream, got a closed one", "stdout")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        _lead_nowhere(sys.stdout)
        number = getattr(error, "errno", None) or errno.EBADF
        raise LostOutput(number, os.strerror(number), "stdout") from error


class RemarkStream(io.TextIOBase):
    """A text stream for remarks: what cannot be written is lost, and so is everything after it.

    Args:
        stream: The stream to write to; None for one that was closed when the process began.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text if it can be written."""
        self._attempt(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush what was written if it can be."""
        self._attempt(lambda stream: stream.flush())

    def isatty(self) -> bool:
        """Return True if the stream is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """The way in which the stream writes characters that its encoding lacks."""
        return getattr(self._stream, "errors", None)

    def _attempt(self, action: Callable[[TextIO], Any]) -> None:
        if self._stream is None:
            return
        try:
            action(self._stream)
        except (OSError, ValueError):
            _lead_nowhere(self._stream)
            self._stream = None


def _open_closed_descriptors() -> None:
    for descriptor in _DESCRIPTORS:
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is taken, so those below are open already and it is this very one.
            os.open(os.devnull, os.O_RDWR)


def _lead_nowhere(stream: TextIO) -> None:
    """Lead a stream that fails to the null device, as Python would fail once more on what is left in it when it ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
        stream.flush()
