"""Refuse links that lead out of a run folder: who resumes or reports a run writes to it, and to nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from auctionsim.errors import InputError


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


def _resolved(entry: Path) -> Path:
    try:
        return entry.resolve()
    except (OSError, RuntimeError):
        # A link that leads to itself leads nowhere in the run either.
        return Path("/")
