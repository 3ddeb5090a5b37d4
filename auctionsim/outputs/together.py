"""Files that appear together or not at all: the table, the scenario and the pages that one command writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from auctionsim.machine.disk import writing
from auctionsim.outputs.temporary import new_file, new_folder, remove_leftovers


class OutputsTogether:
    """Write outputs under temporary names, and give all of them their own names at once.

    A folder that cannot be written is found by `reserve`, before the work begins. Without `finish`, for example after an error
    or an interrupt, nothing is left. A process that is killed between two renames, which take less than a millisecond, leaves
    some of the outputs; each is whole.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._parts: dict[Path, Path] = {}

    def __enter__(self) -> OutputsTogether:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Remove all temporary files."""
        self._stack.close()

    def work_folder(self, output: Path) -> Path:
        """Return a new folder for work on an output, on the same disk. Only this user can read it; it is removed at the end."""
        beside = output.absolute()
        while not beside.parent.is_dir():
            beside = beside.parent
        return self._stack.enter_context(new_folder(beside, mode=0o700))

    def reserve(self, path: Path) -> None:
        """Create the temporary file of an output.

        Raises:
            OSError: The folder of the output cannot be made or written.
        """
        path = path.absolute()
        remove_leftovers(path.parent)
        with writing(path):
            self._parts[path] = self._stack.enter_context(new_file(path))[0]

    def write(self, path: Path, write: Callable[[Path], object]) -> None:
        """Write the temporary file of an output that is reserved.

        Args:
            path: The output.
            write: The function that writes the file it is given.
        """
        part = self._parts[path.absolute()]
        with writing(path):
            write(part)
            _flush(part)

    def fill(self, path: Path, made: Path) -> None:
        """Take a file that was made in the work folder for an output that is reserved, or a folder for a new output."""
        if made.is_file():
            _flush(made)
        self._parts[path.absolute()] = made

    def finish(self) -> None:
        """Rename all files to their own names. If one cannot be renamed, those before it get their temporary names back.

        Raises:
            OSError: A file cannot be renamed. Files that were to be replaced are as they were.
        """
        begun: list[tuple[Path, Path, Path | None]] = []
        try:
            for path, part in self._parts.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                begun.append((path, part, self._kept(path)))
                part.replace(path)
        except BaseException:
            for path, part, old in begun:
                with suppress(OSError):
                    if not part.exists():
                        path.replace(part)
                    if old is not None:
                        old.replace(path)
            raise

    def _kept(self, path: Path) -> Path | None:
        """Give a file that is to be replaced a second name until the end, and return that; None if there is no such file."""
        if not path.is_file():
            return None
        old = self.work_folder(path) / "old"
        # Some disks have no second names. Only an error in this very moment would then lose the old file.
        with suppress(OSError):
            os.link(path, old)
        return old if old.exists() else None


def _flush(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
