"""Locks on folders, so that two processes never write to one run or one study at the same time.

A lock belongs to an open file of the process. So a process that ends leaves none behind, `kill -9` included, and its run can be
continued at once. The hidden file `.lock` is a note for people: the process that holds the lock and its machine. It decides
nothing, since a process's number may be that of another one by now. A note whose lock is free is of a process that was killed,
and who takes the lock over says so.

The folder itself is locked. Where a file system refuses that, `.lock` is locked in its place. NFS does: it turns the lock into
one of bytes, which needs a file that is open for writing. All processes meet the same refusal, on whichever machine they run,
and so lock the same file. A file system without any locks gives no protection.
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import os
import re
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from auctionsim.errors import InputError, Remark

_FILE = ".lock"
_NOTE = re.compile(rb"(\d{1,20}) ([\w.-]{1,255})\n")
_IN_USE = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock on a folder. If the note of a killed process stands in it, a `Remark` says that its lock is taken over.

    Args:
        folder: The folder, which exists.
        what: The folder's contents, for the message, for example `run`.

    Raises:
        InputError: Another process holds the lock, or another part of this one.
    """
    lock = _lock(folder, what)
    try:
        yield
    finally:
        lock.release()


def lock_until_exit(folder: Path, what: str) -> None:
    """Lock a folder until this process ends. Asking again in the same process changes nothing.

    Args:
        folder: The folder, which exists.
        what: The folder's contents, for the message, for example `study`.

    Raises:
        InputError: Another process holds the lock.
    """
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity not in _kept:
        _kept[identity] = _lock(folder, what)
        atexit.register(_kept[identity].release)


@dataclass(frozen=True)
class Writer:
    """The process that holds the lock on a folder, or held it when it was killed, by the note that it left there."""

    process: int
    machine: str
    is_alive: bool | None
    """Whether it runs; None where it is one of another machine, which cannot be asked."""

    def __str__(self) -> str:
        return f"process {self.process} on {self.machine}"


def writer_of(folder: Path) -> Writer | None:
    """Return who writes to a folder by its note, without touching the lock; None where there is no note that can be read.

    A process that ends in order takes its note along, so a note of one that is gone is of a process that was killed. The number
    of a killed process may belong to another one by now, which then counts as alive.
    """
    note = folder / _FILE
    holder = _holder(note)
    if holder is None:
        return None
    return Writer(*holder, is_alive=_is_alive(note) if holder[1] == socket.gethostname() else None)


@dataclass(frozen=True)
class _Lock:
    """A lock that this process holds."""

    opened: int
    """The open file that is locked: the folder, or the note where the folder cannot be locked."""
    note: Path
    is_folder: bool

    def release(self) -> None:
        # In this order: a note without a lock would be taken for one of a killed process.
        with suppress(OSError):
            if self.is_folder:
                self.note.unlink()
            else:
                # Another process may hold it open, to lock it next.
                os.ftruncate(self.opened, 0)
        os.close(self.opened)

    def write_note(self) -> None:
        """Note who holds the lock; without the note the lock holds all the same."""
        with suppress(OSError):
            # The very file that is locked: to close another opening of it might end a lock of bytes.
            opened = os.open(self.note, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666) if self.is_folder else self.opened
            os.ftruncate(opened, 0)
            os.pwrite(opened, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)
            if self.is_folder:
                os.close(opened)


_kept: dict[tuple[int, int], _Lock] = {}


def _lock(folder: Path, what: str) -> _Lock:
    """Lock a folder, and note who did."""
    # Absolute, since the current folder may be another one when the lock is released.
    note = folder.absolute() / _FILE
    before = None if _is_alive(note) else _noted(note)
    lock = _locked_folder(folder, what, note)
    if before is not None:
        text = f"{folder}: {before}, which was writing this {what}, is gone; its lock is taken over"
        warnings.warn(text, Remark, stacklevel=4)
    lock.write_note()
    return lock


def _locked_folder(folder: Path, what: str, note: Path) -> _Lock:
    # Python closes it in programs that it starts, so that a worker which outlives this process does not keep the lock.
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(opened)
        if error.errno in _IN_USE:
            raise _in_use(folder, what) from None
        return _locked_note(folder, what, note)
    return _Lock(opened, note, is_folder=True)


def _locked_note(folder: Path, what: str, note: Path) -> _Lock:
    """Lock the note in a folder that cannot be locked itself."""
    opened = os.open(note, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            os.close(opened)
            if error.errno in _IN_USE:
                raise _in_use(folder, what) from None
            raise
    return _Lock(opened, note, is_folder=False)


def _in_use(folder: Path, what: str) -> InputError:
    holder = _noted(folder / _FILE)
    whose = "that is in use" if holder is None else f"in use by {holder}"
    return InputError(f"{folder}: expected a {what} that no other process is writing, got one {whose} (wait, or stop it)")


def _noted(note: Path) -> str | None:
    """Return who holds or held the lock by its note; None where there is none that can be read."""
    holder = _holder(note)
    return None if holder is None else f"process {holder[0]} on {holder[1]}"


def _is_alive(note: Path) -> bool:
    """Return True if the process of a note runs on this machine: the folder is a copy of one that it is writing."""
    holder = _holder(note)
    if holder is None or holder[1] != socket.gethostname():
        return False
    try:
        os.kill(holder[0], 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _holder(note: Path) -> tuple[int, str] | None:
    """Return process and machine of a note; None where there is none that can be read."""
    try:
        opened = os.open(note, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = _NOTE.fullmatch(os.read(opened, 400))
    except OSError:
        return None
    finally:
        os.close(opened)
    return None if found is None else (int(found[1]), found[2].decode())
