"""Compile the games' loops with numba, cached on disk under a name that includes a digest of their sources.

Unlike the engine's kernel (`auction/kernel/compiled.py`), these loops may allocate, so that each can be read on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from auctionsim.arithmetic.compiled import SOURCES as ARITHMETIC
from auctionsim.compiled_code.jit import digest, jit

Function = TypeVar("Function", bound=Callable[..., Any])

# The digest covers all modules: one may be compiled into another, and numba's cache would not notice that it has changed.
_SOURCES = digest([*sorted(Path(__file__).parent.rglob("*.py")), *ARITHMETIC])


def compiled(function: Function, *, inline: bool = False) -> Function:
    """Compile a function with numba, cached on disk."""
    function.__qualname__ += f"_{_SOURCES}"
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "forceinline": inline}
    return jit(function, **options)


def inlined(function: Function) -> Function:
    """Compile a function into its callers."""
    return compiled(function, inline=True)
