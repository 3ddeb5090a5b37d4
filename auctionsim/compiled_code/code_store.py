"""Keep compiled functions on disk, one file each, and load only files that are whole and this user's.

numba's own cache trusts what it finds: a truncated file ends in a traceback, a flipped bit in a crash, another user's file runs
that user's code. Two processes that compile for different processors at once can swap each other's files, which both number
from 1. Here the name of a file is a digest of everything that its code depends on, and its last 32 bytes are a digest of its
name and contents. A file that fails a check counts as missing: the function is compiled again and the file replaced.

A file is a pickle, as numba can serialize compiled code in no other way. It is the only pickle that is read here, and it is
read only from a folder that nobody else can write to (`code_folder`). Whoever can write there as this user can run code as
this user.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import stat
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
from numba.core import serialize
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator

from auctionsim.compiled_code.code_folder import is_private

# Without type information.
_dumps: Any = serialize.dumps
_FunctionCache: Any = FunctionCache
_DIGEST_BYTES = sha256().digest_size


class CodeFiles:
    """The files of one function, one for each signature and processor.

    Args:
        folder: A folder that only this user can write to.
        name: The function's name, unique to its sources.
        stamp: Digest of whatever else the compiled code depends on.
    """

    def __init__(self, folder: Path, name: str, stamp: object) -> None:
        self._folder = folder
        self._name = name
        self._stamp = stamp

    def load(self, key: object) -> Any:
        """Return what was saved under a key; None if nothing was, or if it cannot be trusted."""
        path = self._path(key)
        payload = _read(path)
        if payload is None:
            return None
        try:
            stored, data = pickle.loads(payload)  # noqa: S301 - this user's own, from this user's own folder
        except Exception:
            # A class that another release of a library has renamed can raise anything.
            return None
        return data if stored == self._whole(key) else None

    def save(self, key: object, data: object) -> None:
        """Save data under a key. Where that fails, as on a full disk, the function is compiled again next time."""
        path = self._path(key)
        payload: bytes = _dumps((self._whole(key), data))
        with contextlib.suppress(OSError):
            _write(path, payload + _digest(path.name, payload))

    def flush(self) -> None:
        """Forget nothing: a file is replaced when it does not fit."""

    def _whole(self, key: object) -> object:
        return numba.__version__, self._stamp, key

    def _path(self, key: object) -> Path:
        return self._folder / f"{self._name}-{sha256(repr(self._whole(key)).encode()).hexdigest()[:24]}.code"


class _Locator(UserProvidedCacheLocator):
    """Give numba the digest of a function's source file; the folder is ours."""

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator | None:
        return cls(py_func, py_file) if os.path.exists(py_file) else None

    def ensure_cache_path(self) -> None:
        """Leave the folder to `CodeFiles`."""


class _Impl(CompileResultCacheImpl):
    _locator_classes: Any = (_Locator,)


class CodeCache(_FunctionCache):
    """A dispatcher's cache that keeps its files in a folder of ours.

    Args:
        function: The function.
        folder: A folder that only this user can write to.

    Raises:
        RuntimeError: The function has no source file.
    """

    _impl_class = _Impl

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        super().__init__(function)
        name = f"{function.__module__}.{self._impl.filename_base}"
        self._cache_path = str(folder)
        self._cache_file = CodeFiles(folder, name, self._impl.locator.get_source_stamp())


def _read(path: Path) -> bytes | None:
    """Return a file's contents without the digest; None if it is missing, incomplete, or not this user's alone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not is_private(status):
            return None
        try:
            data = file.read()
        except OSError:
            return None
    payload, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    return payload if digest == _digest(path.name, payload) else None


def _write(path: Path, data: bytes) -> None:
    """Write a file under a name that nobody can foresee, and rename it: others see all of it or nothing.

    Raises:
        OSError: It cannot be written.
    """
    descriptor, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def _digest(name: str, payload: bytes) -> bytes:
    return sha256(name.encode() + b"\0" + payload).digest()
