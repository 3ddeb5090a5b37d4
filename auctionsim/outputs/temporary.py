"""Temporary files and folders beside an output: names that nobody can foresee, and none that outlives its process for long.

Others may write to the folder of an output, `/tmp` for example. A link that they plant under the name of a temporary file would
be written through. So the names are random, and a file is only ever created, never opened where it exists.

Its process holds a lock on each of them. A process that is killed loses its locks, and a later one removes what is not locked.
A process number in the name would not do: another machine on the same disk has the same numbers, as has the next container.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = re.compile(r"^\.(?P<name>.+)\.(?P<pid>\d+)(?P<token>-[0-9a-f]{16})?\.part$", re.DOTALL)
"""Names of temporary files. Earlier versions wrote no token and held no lock."""
_NAME_BYTES = 216
"""Bytes of an output's name that its temporary name keeps. File systems end at 255."""
_LOCKED = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


@contextmanager
def new_file(path: Path) -> Iterator[tuple[Path, int]]:
    """Create a temporary file in the folder of `path`, which is made if it is missing. It is removed at the end.

    Args:
        path: The file that is to be written, absolute.

    Yields:
        The temporary file, empty, and its open descriptor. It may be renamed.

    Raises:
        OSError: The folder cannot be made or written.
    """
    with _folder_of(path):
        part, opened = _create(path, None)
        try:
            yield part, opened
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            os.close(opened)


@contextmanager
def new_folder(path: Path, *, mode: int = 0o777) -> Iterator[Path]:
    """Create a temporary folder in the folder of `path`, which is made if it is missing. It is removed at the end.

    What killed processes left in the same place is removed first.

    Args:
        path: The file or folder that is to be written, absolute.
        mode: Permissions of the folder, before the process's mask.

    Yields:
        The temporary folder, empty. It may be renamed.

    Raises:
        OSError: The folder cannot be made.
    """
    with _folder_of(path):
        remove_leftovers(path.parent)
        part, opened = _create(path, mode)
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)
            os.close(opened)


def without_part(path: str) -> str:
    """Return the final path of a temporary one, for messages, and any other path unchanged."""
    folder, name = os.path.split(path)
    return os.path.join(folder, _NAME.sub(r"\g<name>", name))


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes left in `folder`. Those of running processes stay.

    So does what belongs to another user, and, on file systems without locks, everything.
    """
    try:
        names = [name for name in os.listdir(folder) if _NAME.match(name)]
    except OSError:
        return
    for name in names:
        with suppress(OSError):
            _remove_if_left(folder / name)


@contextmanager
def _folder_of(path: Path) -> Iterator[None]:
    """Make the missing folders above `path`; at the end, remove those among them that are empty."""
    missing = []
    folder = path.parent
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for made in missing:
            with suppress(OSError):
                made.rmdir()


def _create(path: Path, mode: int | None) -> tuple[Path, int]:
    """Create a temporary folder with permissions `mode`, a file if it is None; return it and the descriptor that locks it."""
    while True:
        name = os.fsdecode(os.fsencode(path.name)[:_NAME_BYTES])
        part = path.with_name(f".{name}.{os.getpid()}-{secrets.token_hex(8)}.part")
        try:
            opened = _open_new(part, mode)
        except FileExistsError:
            continue
        # A process that removes leftovers may have seen the file before it was locked.
        if _lock(opened) is not False and _is_at(part, opened):
            return part, opened
        os.close(opened)


def _open_new(part: Path, mode: int | None) -> int:
    if mode is None:
        return os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    part.mkdir(mode)
    return os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _lock(opened: int) -> bool | None:
    """Lock an open file or folder: True; False if another process holds the lock, None if the file system has no locks."""
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _LOCKED else None
    return True


def _is_at(part: Path, opened: int) -> bool:
    """Return whether a path still leads to an open file or folder."""
    try:
        return os.path.samestat(os.lstat(part), os.fstat(opened))
    except OSError:
        return False


def _remove_if_left(part: Path) -> None:
    """Remove a temporary file or folder whose process has ended."""
    status = part.lstat()
    is_folder = stat.S_ISDIR(status.st_mode)
    if status.st_uid != os.geteuid() or not (is_folder or stat.S_ISREG(status.st_mode)):
        return
    found = _NAME.match(part.name)
    if found is None or (found["token"] is None and Path("/proc", found["pid"]).exists()):
        return
    kind = os.O_RDONLY | os.O_DIRECTORY if is_folder else os.O_RDWR
    opened = os.open(part, kind | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not _lock(opened):
            return
        if is_folder:
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
    finally:
        os.close(opened)
