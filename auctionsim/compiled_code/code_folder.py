"""Choose the folder that compiled code is kept in: one that only this user can write to, since what lies there is run.

The folder is chosen once in a process: `auctionsim` in `NUMBA_CACHE_DIR` if that is set, else in the user's cache
folder (`XDG_CACHE_HOME`, `~/.cache`), else a temporary one, which lasts as long as this process and is told in one line.
It never lies beside the sources, where everybody who shares an installation would run what another one has stored.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import pwd
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numba

from auctionsim.errors import shown

_INHERITED = "_AUCTIONSIM_CODE_FOLDER"
"""Variable that tells processes started by this one of its temporary folder."""

_log = logging.getLogger("auctionsim")


class _Unfit(Exception):
    """A folder cannot hold compiled code; the message ends a sentence."""


@cache
def code_folder() -> Path | None:
    """Return the folder of compiled code, mode 0700; None if there is no place for one and every process compiles anew."""
    try:
        return _kept()
    except _Unfit as reason:
        return _temporary(str(reason))


def is_private(status: os.stat_result) -> bool:
    """Return True if a file or folder is this user's, and nobody else can write to it."""
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _kept() -> Path:
    """Return the folder that outlasts this process.

    Raises:
        _Unfit: There is none that only this user can write to.
    """
    config: Any = numba.config
    if config.CACHE_DIR:
        given = Path(os.path.abspath(config.CACHE_DIR))
        return _made(given, "auctionsim", f"NUMBA_CACHE_DIR {shown(str(given))}")
    cache_home = os.environ.get("XDG_CACHE_HOME", "")
    # The standard says to ignore a relative path.
    if os.path.isabs(cache_home):
        return _made(Path(cache_home), "auctionsim", f"XDG_CACHE_HOME {shown(cache_home)}")
    home = _home()
    # Never made: a home that does not exist is a sign of a user who is to have none.
    if not home.is_dir():
        raise _Unfit(f"the home folder {shown(str(home))} does not exist")
    return _made(home, ".cache/auctionsim", f"the home folder {shown(str(home))}")


def _home() -> Path:
    """Return the user's home folder.

    Raises:
        _Unfit: There is none.
    """
    named = os.environ.get("HOME", "")
    if not named:
        with contextlib.suppress(KeyError):
            named = pwd.getpwuid(os.geteuid()).pw_dir
    if not os.path.isabs(named):
        raise _Unfit("HOME names no folder")
    return Path(named)


def _made(base: Path, inside: str, name: str) -> Path:
    """Return the folder `inside` one of the user's, made where it is missing.

    Raises:
        _Unfit: Another user owns the base or what is inside, others can write there, or this user cannot.
    """
    folder = base / inside
    try:
        base.mkdir(parents=True, exist_ok=True)
        # Another user's home, as under sudo, is neither filled nor trusted.
        if not is_private(base.stat()):
            raise _Unfit(f"{name} is not this user's alone to write to")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise _Unfit(f"{shown(str(folder))} is not this user's folder")
        folder.chmod(0o700)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _Unfit(f"{name} cannot be written to ({error.strerror or error})") from error
    return folder


def _temporary(reason: str) -> Path | None:
    """Return a temporary folder, that of the parent process if it has one, and say so once."""
    inherited = os.environ.get(_INHERITED, "")
    with contextlib.suppress(_Unfit):
        if os.path.isabs(inherited) and os.path.isdir(inherited):
            return _made(Path(inherited), "auctionsim", inherited)
    advice = "set NUMBA_CACHE_DIR to a folder of your own to keep it"
    try:
        made = Path(tempfile.mkdtemp(prefix="auctionsim-code-"))
        atexit.register(_remove, made, os.getpid())
        folder = _made(made, "auctionsim", str(made))
    except (OSError, _Unfit):
        _log.warning("auctionsim: %s: compiled code is not kept (%s)", reason, advice)
        return None
    os.environ[_INHERITED] = str(made)
    _log.warning("auctionsim: %s: compiled code is kept for this command only (%s)", reason, advice)
    return folder


def _remove(folder: Path, owner: int) -> None:
    """Remove the temporary folder at the end of the process that made it, not of one that was forked from it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
