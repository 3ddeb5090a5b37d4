"""Locks on folders, so that two processes never write to one run or one study at the same time.

A lock belongs to an open file of the process. So a process that ends leaves none behind, `kill -9` included, and its run can be
continued at once. A note with a process number would have to be told from that of another process with the same number.

The folder itself is locked: nothing is written to it. Where a file system refuses that, a hidden empty file in it is locked.
NFS does: it turns the lock into one of bytes, which needs a file that is open for writing. All processes meet the same refusal,
on whichever machine they run, and so lock the same file. A file system without any locks gives no protection.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auctionsim.errors import InputError

_FILE = ".lock"
_IN_USE = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_kept: dict[tuple[int, int], int] = {}


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock on a folder.

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
        os.close(lock)


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


def _lock(folder: Path, what: str) -> int:
    """Lock a folder; return the open file that holds the lock."""
    # Python closes it in programs that it starts, so that a worker which outlives this process does not keep the lock.
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(opened)
        if error.errno in _IN_USE:
            raise _in_use(folder, what) from None
        return _lock_file(folder, what)
    return opened


def _lock_file(folder: Path, what: str) -> int:
    """Lock a hidden file in a folder that cannot be locked itself."""
    opened = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return opened
        os.close(opened)
        if error.errno in _IN_USE:
            raise _in_use(folder, what) from None
        raise
    return opened


def _in_use(folder: Path, what: str) -> InputError:
    return InputError(
        f"{folder}: expected a {what} that no other process is writing, got one that is in use (wait, or stop it)"
    )
