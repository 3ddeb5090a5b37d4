"""Make the folder that a Ray of our own keeps its sockets and logs in: this user's alone, short, and gone afterwards.

Ray's own choice, /tmp/ray, is shared by all users of a machine and keeps every session for ever. A process that was killed
leaves its folder; the next one removes it, as nobody holds its lock any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auctionsim.errors import InputError, shown

_PREFIX, _LOCK, _INSIDE = "auctionsim-ray-", "lock", "s"
_NAME = f"/{_PREFIX}12345678/{_INSIDE}"
# The name of a socket has at most 107 bytes.
_LONGEST_PARENT = 107 - len(_NAME + "/session_2026-11-26_20-33-28_086017_1234567/sockets/plasma_store")
_SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
_YOUNG_SECONDS = 60.0
"""An unlocked folder younger than this may be about to be locked."""


@contextmanager
def session_folder() -> Iterator[Path]:
    """Yield the name of a folder to be made, in a new one of mode 0700.

    It lies in that of `RAY_TMPDIR` or `TMPDIR`, or where that is too long, as under Slurm, in /tmp.

    Raises:
        InputError: The folder is too long, and no short one can be written to.
    """
    folder = _made()
    descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_abandoned(folder.parent)
        # Ray opens the folder that it is given to everybody, mode 0777. The one above stays closed.
        yield folder / _INSIDE
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_abandoned(parent: Path) -> None:
    """Remove this user's folders whose process has ended."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            if status.st_uid == os.geteuid() and time.time() - status.st_mtime > _YOUNG_SECONDS:
                _remove_unlocked(folder)


def _remove_unlocked(folder: Path) -> None:
    """Remove a folder unless its lock is held.

    Raises:
        OSError: It is held.
    """
    descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _made() -> Path:
    """Return a new folder in the first place that is short enough and can be written to.

    Raises:
        InputError: There is none.
    """
    name = "RAY_TMPDIR" if os.environ.get("RAY_TMPDIR") else "TMPDIR"
    given = os.path.abspath(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir())
    is_short = len(os.fsencode(given)) <= _LONGEST_PARENT
    for parent in (*([given] if is_short else []), *_SHORT_FOLDERS):
        with contextlib.suppress(OSError):
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    raise InputError(
        f"{name}: expected a path of length <= {_LONGEST_PARENT} for Ray's sockets, as none of "
        f"{', '.join(_SHORT_FOLDERS)} can be written to, got {shown(given)}"
    )
