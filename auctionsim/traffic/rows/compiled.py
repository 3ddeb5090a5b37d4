"""Compile the loops over rows with numba, cached on disk under a name that holds a digest of their sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from auctionsim.arithmetic.compiled import SOURCES as ARITHMETIC
from auctionsim.compiled_code.jit import digest, jit

Function = TypeVar("Function", bound=Callable[..., Any])

# numba's cache does not notice a change in another file whose function or constant was compiled in.
_SOURCES = digest([*sorted(Path(__file__).parent.glob("*.py")), *ARITHMETIC])


def compiled(function: Function) -> Function:
    """Compile a function that allocates nothing, cached on disk."""
    function.__qualname__ += f"_{_SOURCES}"
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False, "_nrt": False}
    return jit(function, **options)
