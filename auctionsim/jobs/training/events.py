"""Write metrics as TensorBoard event files too, beside metrics.jsonl."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from auctionsim.machine.disk import writing

_SECONDS_BETWEEN_FLUSHES = 120.0


class Events(Protocol):
    """A writer of scalars."""

    def scalars(self, iteration: int, seed: int, values: Mapping[str, float | None]) -> None:
        """Write what a seed logged in an iteration; a value that is not defined, None, is left out."""


class _Writer:
    """Write events in this thread, so that a full disk is an error of the iteration and not of a thread of its own.

    Args:
        folder: The folder of the event files.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.record_writer import RecordWriter

        self._folder = folder
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file: Any = RecordWriter(str(_new_name(folder)))
        self._flushed = time.monotonic()
        self._write(Event(file_version="brain.Event:2"))

    def hide_from(self, step: int) -> None:
        """Hide events of this step and later ones that are in older files."""
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        self._write(Event(step=step, file_version="brain.Event:2"))
        self._write(Event(step=step, session_log=SessionLog(status=SessionLog.START)))

    def scalars(self, iteration: int, seed: int, values: Mapping[str, float | None]) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        for name, value in values.items():
            if value is not None:
                self._write(Event(step=iteration, summary=scalar(f"{name}/seed-{seed}", value)))
        if time.monotonic() - self._flushed >= _SECONDS_BETWEEN_FLUSHES:
            self._flushed = time.monotonic()
            with writing(self._folder):
                self._file.flush()

    def _write(self, event: Any) -> None:
        event.wall_time = time.time()
        with writing(self._folder):
            self._file.write(event.SerializeToString())

    def close(self) -> None:
        """Flush and close the file.

        Raises:
            OSError: The rest of the events cannot be written.
        """
        with writing(self._folder):
            try:
                self._file.flush()
            finally:
                self._file.close()


def _new_name(folder: Path) -> Path:
    """Return the name of a new event file, by which TensorBoard knows it; two in a second have different ones."""
    stem = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}"
    names = (folder / f"{stem}{f'.{number}' if number else ''}" for number in count())
    return next(path for path in names if not path.exists())


@contextmanager
def event_files(folder: Path, after: int) -> Iterator[Events]:
    """Write events to `folder`; what it holds beyond iteration `after` is hidden, as resumed training writes it again.

    Raises:
        OSError: An event cannot be written.
    """
    writer = _Writer(folder)
    try:
        writer.hide_from(after + 1)
        yield writer
    except BaseException:
        # What ended the training is the error to tell.
        with suppress(OSError):
            writer.close()
        raise
    writer.close()
