"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auctionsim.errors import InputError


def part_of(path: Path) -> Path:
    """Where this process writes a file or folder before it has its name, in the same folder."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def without_part(path: str) -> str:
    """The path of what a process was writing, if it is such a place; else as it is."""
    folder, name = os.path.split(path)
    return os.path.join(folder, re.sub(r"^\.(.+)\.\d+\.part$", r"\1", name))


def write_then_rename(path: Path, write: Callable[[Path], object]) -> None:
    """Write to a temporary name in the same folder, flush to disk, then rename over `path`.

    A process killed at any moment leaves either the old file or the new one, never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        write(part)
        with part.open("rb+") as opened:
            os.fsync(opened.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes had begun to write in a folder, files and folders; what living ones write stays."""
    for part in folder.glob(".*.part"):
        pid = part.name.split(".")[-2]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def expect_new_folder(path: Path, hint: str = "") -> None:
    """Refuse a folder that holds files, or a file in its place.

    Raises:
        InputError: `path` exists and is not an empty folder.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: expected a new or empty folder, got one that holds files{hint}")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    write_then_rename(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, so that the same value gives the same bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")
