"""Compile functions with numba. The one place that decides where machine code is kept: `code_folder` and `code_store`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numba

from auctionsim.compiled_code.code_folder import code_folder
from auctionsim.compiled_code.code_store import CodeCache

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function, **options: Any) -> Function:
    """Compile a function with numba and keep the machine code on disk, where there is a place for it.

    Args:
        function: The function.
        options: Options of `numba.njit` but for `cache`.
    """
    compiled: Any = numba.njit(**options)(function)
    folder = code_folder()
    # A function typed at a prompt has no source file, by which a change of it would be noticed.
    if folder is not None:
        with contextlib.suppress(RuntimeError):
            compiled._cache = CodeCache(function, folder)
    result: Function = compiled
    return result


def digest(sources: Iterable[Path]) -> str:
    """Return a short name for the contents of some files, which depends on their order."""
    return blake2b(b"".join(source.read_bytes() for source in sources), digest_size=6).hexdigest()
