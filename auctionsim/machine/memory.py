"""How much memory there is, and one line where something would need more, before it is allocated."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from auctionsim.errors import InputError

_CONTROL_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
SMALL = 32 * 2**20
"""Bytes that no input is to blame for: where they are lacking, the memory is spent on other things."""
_UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB", "EB")


def available_memory() -> int:
    """Return the bytes that this process can still take: the least of what the machine, a container and `ulimit -v` leave."""
    limits = [_of_machine(), _of_address_space()]
    limits += [max(0, limit - used) for limit, used in container_limits() if used is not None]
    return min(limit for limit in limits if limit is not None)


def container_limits() -> list[tuple[int, int | None]]:
    """Return the limits of this process's container in bytes, each with the bytes in use, None where that is not known."""
    found = ((_number_in(limit), _number_in(used)) for limit, used in _CONTROL_GROUPS)
    return [(limit, used) for limit, used in found if limit is not None]


def expect_memory(source: str, needed: float, what: str, hint: str) -> None:
    """Check that something fits into memory.

    Args:
        source: The file and key that ask for it, which begin the message.
        needed: Its size in bytes, estimated.
        what: Its name, for the message.
        hint: The way to make it smaller, for the message.

    Raises:
        InputError: It needs more than there is; the message names both.
        MemoryError: It needs little, and there is less.
    """
    available = available_memory()
    if needed > available:
        if needed <= SMALL:
            raise MemoryError(f"{what} takes {shown_bytes(needed)}, and {shown_bytes(available)} are left")
        raise InputError(
            f"{source}: expected {what} of <= {shown_bytes(available)}, the memory available, "
            f"got about {shown_bytes(needed)}; {hint}"
        )


def shown_bytes(size: float) -> str:
    """Return a size in words: `1.5 GB`."""
    # A whole number of Python can be larger than any of the machine's.
    power, size = 0, float(min(size, sys.float_info.max))
    while size >= 1000 and power < len(_UNITS) - 1:
        size, power = size / 1000, power + 1
    return f"{size:.3g} {_UNITS[power]}"


def _of_machine() -> int:
    """Return what the machine has free: on Linux with what its caches hold, elsewhere all of its memory."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _of_address_space() -> int | None:
    """Return what `ulimit -v` leaves; None without such a limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = _number_in("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or pages is None:
        return None
    return max(0, limit - pages * resource.getpagesize())


def _number_in(path: str) -> int | None:
    """Return the first number of a file; None where there is none."""
    try:
        return int(Path(path).read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
