"""Compile the room's functions with numba, cached under a name that holds a digest of their sources.

numba is given no leave to change arithmetic: no `fastmath`, and LLVM fuses a multiplication with an addition only where a
function asks for it. So each operation is rounded as IEEE 754 says, and the result does not depend on the processor.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from auctionsim.compiled_code.jit import digest, jit

Function = TypeVar("Function", bound=Callable[..., Any])

SOURCES = tuple(sorted(Path(__file__).parent.glob("*.py")))
"""Every file whose code is compiled into a function of this room."""

_DIGEST = digest(SOURCES)


def compiled(function: Function, *, inline: bool = False) -> Function:
    """Compile a function that allocates nothing, cached on disk."""
    # numba's cache does not notice a change in another file whose function was compiled in.
    function.__qualname__ += f"_{_DIGEST}"
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "forceinline": inline, "fastmath": False, "_nrt": False}
    return jit(function, **options)


def inlined(function: Function) -> Function:
    """Compile a function into its callers."""
    return compiled(function, inline=True)
