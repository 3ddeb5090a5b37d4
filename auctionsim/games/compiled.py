"""How the games' loops are compiled: numba, cached on disk under a name that the sources' digest is part of.

Unlike the engine's (`market/compiled.py`) these loops may allocate, so that each can be read on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

from auctionsim.auction.kernel.compiled import digest

Function = TypeVar("Function", bound=Callable[..., Any])

# Of all modules, since one may be compiled into another, and a stale loop would be a wrong one.
_SOURCES = digest(sorted(Path(__file__).parent.glob("*.py")))


def compiled(function: Function, *, inline: bool = False) -> Function:
    """Compile with numba, cached on disk."""
    function.__qualname__ += f"_{_SOURCES}"
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "forceinline": inline}
    result: Function = njit(**options)(function)
    return result


def inlined(function: Function) -> Function:
    """Compile into its callers."""
    return compiled(function, inline=True)
