"""How the engine's parts are compiled: numba, cached on disk under a name that their sources' digest is part of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def digest(sources: Iterable[Path]) -> str:
    """A short name of the contents of some files, in their order."""
    return blake2b(b"".join(source.read_bytes() for source in sources), digest_size=6).hexdigest()


# Of all files here, since one is compiled into another, and a stale kernel would be a wrong one.
_SOURCES = digest(sorted(Path(__file__).parent.glob("*.py")))


def compiled(function: Function, *, inline: bool = False) -> Function:
    """Compile with numba, cached on disk.

    numba's cache knows a function by name, file and the file's time. The name gets the digest of all parts, since code of the
    other files is compiled in, and a stale engine would be a wrong one.
    """
    function.__qualname__ += f"_{_SOURCES}"
    # Without numba's runtime nothing counts references to arrays: in the loops those atomic instructions would cost more than
    # the auctions do. The price is that nothing here may allocate; room to work in comes from the caller.
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "forceinline": inline, "_nrt": False}
    result: Function = njit(**options)(function)
    return result


def inlined(function: Function) -> Function:
    """Compile into its callers: an array argument is seven words, so that calls would cost more than the bodies."""
    return compiled(function, inline=True)
