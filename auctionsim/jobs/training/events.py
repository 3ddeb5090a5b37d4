"""Write metrics as TensorBoard event files too, beside metrics.jsonl: a run for each seed, and one of the seconds."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from auctionsim.jobs.training.generations import LOGGED
from auctionsim.machine.disk import writing

_SECONDS_BETWEEN_FLUSHES = 30.0


class Events(Protocol):
    """A writer of scalars."""

    def scalars(self, iteration: int, run: str, values: Mapping[str, float | None]) -> None:
        """Write the numbers of an iteration to a run of TensorBoard; a value that is not defined, None, is left out."""


class _Run:
    """A run of TensorBoard: a folder with an event file.

    Events wait in memory and are added to the file now and then. So thousands of seeds keep no file open.

    Args:
        folder: The folder of the event files.
        after: The last iteration that stays. Events of later ones, in older files, are hidden.
    """

    def __init__(self, folder: Path, after: int) -> None:
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._path = _new_name(folder)
        self._waiting = bytearray()
        self.add(Event(file_version="brain.Event:2"))
        self.add(Event(step=after + 1, file_version="brain.Event:2"))
        self.add(Event(step=after + 1, session_log=SessionLog(status=SessionLog.START)))

    def add(self, event: Any) -> None:
        """Keep an event for the file."""
        event.wall_time = time.time()
        self._waiting += _record(event.SerializeToString())

    def flush(self) -> None:
        """Write what waits, in this thread, so that a full disk is an error of the iteration and not of another thread.

        Raises:
            OSError: It cannot be written.
        """
        # Where the disk is full, part of it may be written: it is not written again.
        waiting, self._waiting = self._waiting, bytearray()
        with writing(self._path), self._path.open("ab") as file:
            file.write(waiting)


class _Runs:
    """The runs of a training.

    Args:
        folder: Their folder.
        seeds: The seeds, each a run of its own.
        settings: The hyperparameters of all of them.
        after: The last iteration that stays.
    """

    def __init__(self, folder: Path, seeds: Iterable[int], settings: Mapping[str, Any], after: int) -> None:
        with _torch_hidden():
            from tensorboardX.proto.event_pb2 import Event
            from tensorboardX.summary import hparams

        seed_runs = [f"seed-{seed}" for seed in seeds]
        self._runs = {name: _Run(folder / name, after) for name in (*seed_runs, "timing")}
        experiment, start, self._end = hparams(dict(settings), dict.fromkeys(LOGGED))
        for name in seed_runs:
            self._runs[name].add(Event(summary=experiment))
            self._runs[name].add(Event(summary=start))
        self._seed_runs = seed_runs
        self.flush()

    def scalars(self, iteration: int, run: str, values: Mapping[str, float | None]) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        for name, value in values.items():
            if value is not None:
                self._runs[run].add(Event(step=iteration, summary=scalar(name, value)))
        if time.monotonic() - self._flushed >= _SECONDS_BETWEEN_FLUSHES:
            self.flush()

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OSError: It cannot be written.
        """
        self._flushed = time.monotonic()
        for run in self._runs.values():
            run.flush()

    def close(self) -> None:
        """Say that the hyperparameters' sessions are over, and write what waits.

        Raises:
            OSError: It cannot be written.
        """
        from tensorboardX.proto.event_pb2 import Event

        for name in self._seed_runs:
            self._runs[name].add(Event(summary=self._end))
        self.flush()


@contextmanager
def _torch_hidden() -> Iterator[None]:
    """Let tensorboardX be imported as if torch were not installed: it imports torch, for three seconds, to name a type.

    A None among the modules is Python's way to say that a module is not there. Where torch is imported already, it stays.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["torch"]


def _record(data: bytes) -> bytes:
    """Return an event as a record of the file: its length, the length's checksum, the event, and its checksum."""
    from tensorboardX.record_writer import masked_crc32c

    length = struct.pack("<Q", len(data))
    return b"".join((length, struct.pack("<I", masked_crc32c(length)), data, struct.pack("<I", masked_crc32c(data))))


def _new_name(folder: Path) -> Path:
    """Return the name of a new event file, by which TensorBoard knows it; two in a second have different ones."""
    stem = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}"
    names = (folder / f"{stem}{f'.{number}' if number else ''}" for number in count())
    return next(path for path in names if not path.exists())


@contextmanager
def event_files(folder: Path, seeds: Iterable[int], settings: Mapping[str, Any], after: int) -> Iterator[Events]:
    """Write events to folders of `folder`: `seed-0` and so on, and `timing`.

    Args:
        folder: Their folder.
        seeds: The seeds.
        settings: The hyperparameters, numbers and texts.
        after: The last iteration that stays; what the folders hold beyond it is hidden, as resumed training writes it again.

    Raises:
        OSError: An event cannot be written.
    """
    runs = _Runs(folder, seeds, settings, after)
    try:
        yield runs
    except BaseException:
        # What ended the training is the error to tell.
        with suppress(OSError):
            runs.close()
        raise
    runs.close()
