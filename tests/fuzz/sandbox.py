"""The room that a case runs in: an empty folder, empty temporary files beside it, and a watch on everything else."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .base import Violation

_CHANGES = (
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.rename",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "shutil.rmtree",
)
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# What libraries keep for themselves: compiled code, fonts.
_CACHES = ("/dev/", "/proc/", "__pycache__", "matplotlib", "/.cache/auctionsim", ".nbi", ".nbc", "numba")


class Watch:
    """Python's audit events while a case runs. A hook cannot be taken out again, so there is one watch per process."""

    def __init__(self) -> None:
        self._room: str | None = None
        self.seen: list[tuple[str, str]] = []
        """Rule and place of everything forbidden that happened in this room."""
        sys.addaudithook(self._hook)

    def begin(self, room: Path) -> None:
        """Watch from now on whether anything outside `room` is changed."""
        self.seen.clear()
        self._room = str(room.resolve())

    def end(self) -> None:
        """Stop watching."""
        self._room = None

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._room is None:
            return
        if event in _STARTS:
            self.seen.append(("starts no process", f"{event} {arguments[0]!r}"))
        if event == "open":
            path, mode, flags = arguments
            is_written = bool(set(mode or "") & set("wax+")) or bool((flags or 0) & _WRITES)
            places = [path] if is_written else []
        else:
            places = list(arguments[:2]) if event in ("os.rename", "os.link") else list(arguments[:1])
            # A link changes the place where it stands, and not the one that it leads to.
            places = [arguments[1]] if event == "os.symlink" else places
            places = places if event in _CHANGES else []
        for place in places:
            # A folder that is there is not made: it is what `exist_ok` asks for.
            if not (event == "os.mkdir" and os.path.isdir(place)):
                self._check(place)

    def _check(self, place: Any) -> None:
        if isinstance(place, str | bytes | os.PathLike) and self._room is not None:
            text = os.fsdecode(place)
            real = os.path.join(os.path.realpath(os.path.dirname(os.path.abspath(text))), os.path.basename(text))
            if not real.startswith(f"{self._room}/") and real != self._room and not any(part in real for part in _CACHES):
                self.seen.append(("writes nothing outside of its folder", real))


@contextmanager
def room(base: Path, watch: Watch) -> Iterator[Path]:
    """Run a case in an empty folder, then refuse what it left behind elsewhere.

    Args:
        base: Folder for the rooms, emptied before and after.
        watch: The watch of this process.

    Yields:
        The folder, which is current.

    Raises:
        Violation: Something outside was changed, a process was started, or a temporary file was left.
    """
    shutil.rmtree(base, ignore_errors=True)
    work, temporary = base / "work", base / "tmp"
    for folder in (work, temporary):
        folder.mkdir(parents=True)
    before, old_temporary = Path.cwd(), tempfile.tempdir
    os.chdir(work)
    tempfile.tempdir = str(temporary)
    os.environ["TMPDIR"] = str(temporary)
    watch.begin(base)
    try:
        yield work
        if watch.seen:
            raise Violation(*watch.seen[0])
        if left := sorted(os.listdir(temporary)):
            raise Violation("leaves no temporary files", ", ".join(map(repr, left)))
    finally:
        watch.end()
        os.chdir(before)
        tempfile.tempdir = old_temporary
        os.environ.pop("TMPDIR", None)
        shutil.rmtree(base, ignore_errors=True)
