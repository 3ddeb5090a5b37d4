"""Name the file in every error of writing, whichever library wrote it, and keep a small file writable on a full disk."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auctionsim.errors import InputError, RunError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk without room: full, beyond the user's quota, or a file beyond the limit of `ulimit -f`."""

_REPORTED = (*FULL, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENOMEM)
_RUST = re.compile(r"\(os error (\d+)\)")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise whatever stops the code within from writing a file as an `OSError` with the name of that file.

    `write` of Python names no file. Polars and DuckDB raise errors of their own with the system's words in the message, as in
    `No space left on device (os error 28)`. Any other error is raised as it is.

    Args:
        path: The file, under its final name.

    Raises:
        OSError: The file could not be written.
    """
    try:
        yield
    except BaseException as error:
        number = error_number(error)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def error_number(error: BaseException) -> int | None:
    """Return the system's error number behind an exception of writing, or None if it is of another kind."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    # Messages to the user quote what others said or wrote.
    if isinstance(error, InputError | RunError):
        return None
    # Polars panics where it expects no error; its panics are no `Exception`.
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        return None
    text = str(error)
    reported = _RUST.search(text)
    if reported:
        return int(reported[1])
    return next((number for number in _REPORTED if os.strerror(number) in text), None)


def is_full(error: BaseException) -> bool:
    """Return whether an exception says that the disk has no room or cannot be written to, in the words of any library.

    An `InputError` or a `RunError` never does: a row of a log, which it may quote, can hold any words.
    """
    return error_number(error) in (*FULL, errno.EIO, errno.EROFS)


def overwrite(path: Path, contents: bytes) -> None:
    """Write a small file in place, without asking the disk for room where the new contents fit into the old blocks.

    A file of 300 bytes has a block of 4096, so 305 bytes fit even where the disk is full. One call writes them, so that a
    process that is killed leaves the old contents or the new ones.

    Raises:
        OSError: The file cannot be written.
    """
    opened = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        os.pwrite(opened, contents, 0)
        os.ftruncate(opened, len(contents))
    finally:
        os.close(opened)
