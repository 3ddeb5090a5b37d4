"""Compile the kernel's functions with numba and cache them on disk under a name that holds a digest of their sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from auctionsim.compiled_code.jit import digest, jit

Function = TypeVar("Function", bound=Callable[..., Any])


_FOLDER = Path(__file__).parent

_BESIDE = tuple(_FOLDER.parent / name for name in ("outcome.py", "budgets.py", "units.py", "../arithmetic/scalars.py"))
SOURCES = (*sorted(_FOLDER.glob("*.py")), *_BESIDE)
"""Every file whose code or constants are compiled into the kernel: this folder, the order of the outcome columns, when a budget
counts as exhausted, the limits of units, and the elementary functions."""

KERNEL_DIGEST = digest(SOURCES)


def compiled(function: Function, *, inline: bool = False) -> Function:
    """Compile a function with numba and cache the machine code on disk.

    numba looks up cached code by the function's name, its file and that file's modification time. It does not notice a change
    in a function of another file that was compiled in. So every compiled function carries the digest of all sources in its
    name: after `price_per_click` changes, `replay_buckets_4f1c...` is no longer found, and is compiled again.
    """
    function.__qualname__ += f"_{KERNEL_DIGEST}"
    # Without numba's runtime (`_nrt`), array references are not counted. The atomic instructions that count them took longer
    # than the auctions: 40 ns per auction and policy, more than ranking and settling together. The price is that compiled code
    # cannot allocate, so the caller passes a workspace.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "forceinline": inline, "_nrt": False}
    return jit(function, **options)


def inlined(function: Function) -> Function:
    """Compile a function into its callers.

    An array argument of `n` axes is passed as 5 + 2 `n` machine words, so a call costs more than the short bodies used here.
    """
    return compiled(function, inline=True)
