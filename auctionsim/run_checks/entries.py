"""Refuse a run folder whose entries are not what they seem: links that lead out of it, folders with the names of files.

Who resumes or reports a run writes to it, and to nothing else.
"""

from __future__ import annotations

import os
from pathlib import Path

from auctionsim.errors import InputError

_ENDINGS = (".json", ".jsonl", ".parquet", ".toml")
"""Endings of the names of a run's own files."""


def expect_no_link_outside(folder: Path) -> None:
    """Refuse a run folder that holds a link to a place outside it. The folder itself may be reached by a link.

    Args:
        folder: The run folder.

    Raises:
        InputError: A file or folder in it is such a link.
    """
    root = folder.resolve()
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            entry = Path(parent, name)
            if entry.is_symlink() and not _resolved(entry).is_relative_to(root):
                raise InputError(f"{entry}: expected a file or folder of the run, got a link that leads out of it")


def expect_files(folder: Path) -> None:
    """Refuse a run folder in which a folder, or something else that is no file, has the name of a file.

    A command would find it only when it writes that file, beside others that it has written by then.

    Args:
        folder: The run folder.

    Raises:
        InputError: It holds such an entry.
    """
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix in _ENDINGS and path.exists() and not path.is_file():
            raise InputError(f"{path}: expected a file, got {'a folder' if path.is_dir() else 'neither a file nor a folder'}")


def _resolved(entry: Path) -> Path:
    try:
        return entry.resolve()
    except (OSError, RuntimeError):
        # A link that leads to itself leads nowhere in the run either.
        return Path("/")
