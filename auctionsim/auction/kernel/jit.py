"""Compile functions with numba. The one place that decides where machine code is cached.

numba caches beside the sources, else in the user's cache folder, and refuses to compile where it can write to neither: in a
read-only installation without a home, as in many containers. A folder of our own under TMPDIR takes their place then, and
without that the code is compiled again in every process. `NUMBA_CACHE_DIR` names another folder.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function, **options: Any) -> Function:
    """Compile a function with numba and cache the machine code on disk, where there is a place for it.

    Args:
        function: The function.
        options: Options of `numba.njit` but for `cache`.
    """
    for folder in (None, _temporary_folder):
        try:
            return _cached(function, None if folder is None else folder(), options)
        except (RuntimeError, OSError):
            # numba says so when no folder can be written to.
            continue
    compiled: Function = numba.njit(**options)(function)
    return compiled


def _cached(function: Function, folder: Path | None, options: dict[str, Any]) -> Function:
    """Compile a function that is cached in a folder, or where numba chooses.

    Raises:
        RuntimeError: numba finds no folder that can be written to.
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    if folder is not None:
        config.CACHE_DIR = str(folder)
    try:
        # The folder is chosen now, once for each function: restoring the setting leaves functions of other libraries alone.
        compiled: Function = numba.njit(cache=True, **options)(function)
        return compiled
    finally:
        config.CACHE_DIR = before


def _temporary_folder() -> Path:
    """Return a folder under TMPDIR that only this user can write to: numba's cache holds code, and anybody may write to /tmp.

    Raises:
        OSError: It cannot be made, or belongs to somebody else.
    """
    folder = Path(tempfile.gettempdir(), f"auctionsim-numba-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(f"{folder}: expected a folder of our own")
    return folder
