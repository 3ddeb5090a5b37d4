"""Read a file of JSON lines that another process is appending to, each line once."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_AT_ONCE = 8_000_000
"""Bytes that one reading takes at most, so that a page answers soon however long the file is."""
_LONGEST = 1_000_000
"""Bytes of the longest line. One that does not end before that is no line of a run."""


class GrowingLines:
    """The lines of a file that grows, and that a resumed run puts a shorter one in the place of.

    Args:
        path: The file, there or not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: tuple[int, int] | None = None
        self._offset = 0

    def new(self) -> tuple[list[bytes], bool]:
        """Return the whole lines that came since the last call, and whether they are of a new file, which voids those before.

        The bytes after the last line break belong to a line that is being written: they are left for the next call. A link, a
        pipe or anything else that is no plain file has no lines.
        """
        try:
            opened = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return [], self._begin(None)
        try:
            status = os.fstat(opened)
            if not stat.S_ISREG(status.st_mode):
                return [], self._begin(None)
            is_new = False
            if self._file != (status.st_dev, status.st_ino) or status.st_size < self._offset:
                is_new = self._begin((status.st_dev, status.st_ino))
            text = os.pread(opened, _AT_ONCE, self._offset)
        finally:
            os.close(opened)
        end = text.rfind(b"\n") + 1
        if end == 0 and len(text) > _LONGEST:
            end = len(text)
        self._offset += end
        return text[:end].split(b"\n")[:-1] if text[:end].endswith(b"\n") else [text[:end]] if end else [], is_new

    def _begin(self, file: tuple[int, int] | None) -> bool:
        """Begin a file at its first byte; return True if another one was read before."""
        was_read = self._file is not None
        self._file, self._offset = file, 0
        return was_read
