"""Too little memory: recognize it in the errors of any library, and read the limits that this process runs under."""

from __future__ import annotations

import errno
import resource
from functools import cache

from auctionsim.machine.memory import container_limits

_WORDS = (
    "failed to map segment",
    "can't start new thread",
    "cannot allocate memory",
    "cannot apply additional memory protection",
    "could not find/load shared object",
    "resource temporarily unavailable",
    "wouldblock",
    "bad_alloc",
    "out of memory",
    "unable to allocate",
    "not enough memory",
    "allocation error",
)
_WORDS_UNDER_A_LIMIT = ("memory", "alloc")
"""Each library has words of its own for it; where memory is limited, any error of a library that speaks of it counts."""
_SMALL_GROUP = 4 * 2**30
_LEAST_ADDRESSES = 10**9
"""Bytes of address space below which a command is refused. Importing the libraries takes 0.6 GB, and where that just fails,
OpenBLAS tries for ever."""


@cache
def memory_limit() -> int | None:
    """Return the address space that `ulimit -v` leaves to this process, or a small limit of its container, in bytes; or None.

    A container's limit of 4 GiB and more counts as none. Read once, as there may be no memory left to open a file later.
    """
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    found = [limit for limit in limits if limit != resource.RLIM_INFINITY]
    found += [limit for limit, _ in container_limits() if limit < _SMALL_GROUP]
    return min(found, default=None)


def is_hopeless() -> bool:
    """Return whether `ulimit -v` leaves so little that the libraries cannot be imported, or might never end trying."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return limit != resource.RLIM_INFINITY and limit < _LEAST_ADDRESSES


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception, or one that caused it, says that memory or the room for a thread is lacking.

    Under a limit of memory, a library that cannot be imported counts too, as its file could not be mapped; so does a name that
    is missing, since some libraries go on without a part of theirs.
    """
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    if isinstance(error, ImportError | SystemError | NameError | AttributeError) and memory_limit() is not None:
        return True
    is_library = isinstance(error, OSError | RuntimeError | ImportError) or type(error).__name__ in _LIBRARY_ERRORS
    words = _WORDS if memory_limit() is None else _WORDS + _WORDS_UNDER_A_LIMIT
    if is_library and any(word in str(error).lower() for word in words):
        return True
    cause = error.__cause__ or error.__context__
    return cause is not None and is_out_of_memory(cause)


_LIBRARY_ERRORS = ("PanicException", "OutOfMemoryException", "ComputeError", "InternalException", "FatalException")


def memory_message(error: BaseException | None = None) -> str:
    """Return the line that says so, with the limit and what could not be allocated, as far as they are known."""
    limit = memory_limit()
    under = "" if limit is None else f" than the limit of {limit / 1e6:.0f} MB"
    reported = "" if error is None else " ".join(str(error).split())[:120]
    return f"auctionsim: expected more memory{under}{': ' if reported else ''}{reported}"
