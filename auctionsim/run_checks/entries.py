"""Refuse a run folder whose entries are not what they seem: links that lead out of it, folders called like files.

Who resumes or reports a run writes to it, and to nothing else.
"""

from __future__ import annotations

import os
from pathlib import Path

from auctionsim.errors import InputError

_ENDINGS = (".json", ".jsonl", ".parquet", ".toml")
"""Endings of the names of a run's own files."""
_FOLDERS = ("checkpoints", "control", "report", "tensorboard")


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


def expect_kinds(folder: Path) -> None:
    """Refuse a run folder in which a folder has the name of a file, or a file that of a folder.

    A command would find it only when it writes there, after others that it has written by then.

    Args:
        folder: The run folder.

    Raises:
        InputError: It holds such an entry.
    """
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        wanted = "a folder" if path.name in _FOLDERS else "a file" if path.suffix in _ENDINGS else None
        found = "a folder" if path.is_dir() else "a file" if path.is_file() else "neither a file nor a folder"
        # A link to nothing is replaced by what is written.
        if wanted is not None and found != wanted and path.exists():
            raise InputError(f"{path}: expected {wanted}, got {found}")


def _resolved(entry: Path) -> Path:
    try:
        return entry.resolve()
    except (OSError, RuntimeError):
        # A link that leads to itself leads nowhere in the run either.
        return Path("/")
