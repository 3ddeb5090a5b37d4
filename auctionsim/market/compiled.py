"""How the engine's parts are compiled: numba, cached on disk under a name that their sources' digest is part of."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

_PARTS = ("compiled.py", "engine.py", "lanes.py", "luck.py", "settle.py")
_SOURCES = blake2b(b"".join(Path(__file__).with_name(part).read_bytes() for part in _PARTS), digest_size=6).hexdigest()


def compiled(function: Function, *, inline: bool = False) -> Function:
    """Compile with numba, cached on disk.

    numba's cache knows a function by name, file and the file's time. The name gets the digest of all parts, since code of the
    other files is compiled in, and a stale engine would be a wrong one.
    """
    function.__qualname__ += f"_{_SOURCES}"
    compile_: Any = njit(cache=True, nogil=True, error_model="numpy", forceinline=inline)
    result: Function = compile_(function)
    return result


def inlined(function: Function) -> Function:
    """Compile into its callers: an array argument is seven words, so that calls would cost more than the bodies."""
    return compiled(function, inline=True)
