"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from auctionsim.errors import InputError
from auctionsim.machine.disk import writing


def part_of(path: Path) -> Path:
    """Return the temporary path, in the same folder, under which this process writes `path` before renaming it.

    For example, process 41 writes `runs/a.json` as `runs/.a.json.41.part`.
    """
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def without_part(path: str) -> str:
    """Return the final path of a temporary path made by `part_of`, and any other path unchanged."""
    folder, name = os.path.split(path)
    return os.path.join(folder, re.sub(r"^\.(.+)\.\d+\.part$", r"\1", name))


def write_then_rename(path: Path, write: Callable[[Path], object]) -> None:
    """Write to a temporary name in the same folder, flush to disk, then rename over `path`.

    A process killed at any moment leaves either the old file or the new one, never half of one.

    Raises:
        OSError: The file cannot be written, for example as the disk is full. The error names `path`.
    """
    # Absolute, since libraries that write take a `~` at the beginning of a path for the home of the user.
    path = path.absolute()
    part = part_of(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(part)
            with part.open("rb+") as opened:
                os.fsync(opened.fileno())
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders that killed processes left in `folder`. Those of running processes stay."""
    for part in folder.glob(".*.part"):
        pid = part.name.split(".")[-2]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def expect_new_folder(path: Path, hint: str = "") -> None:
    """Check that an output folder can be created at `path`.

    Args:
        path: The output folder.
        hint: Text that ends the message, for example which flag chooses another folder.

    Raises:
        InputError: `path` exists and is not an empty folder.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: expected a new or empty folder, got one that holds files{hint}")


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file. It appears whole or not at all."""
    write_then_rename(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file with sorted keys, so that equal values give equal bytes. It appears whole or not at all."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Return a value as the text of a JSON file, with sorted keys."""
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n"
