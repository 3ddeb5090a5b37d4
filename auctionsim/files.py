"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from auctionsim.errors import InputError
from auctionsim.machine.disk import writing
from auctionsim.outputs.temporary import new_file, new_folder


def write_then_rename(path: Path, write: Callable[[Path], object]) -> None:
    """Write to a temporary name in the same folder, flush to disk, then rename over `path`.

    A process killed at any moment leaves either the old file or the new one, never half of one.

    Raises:
        OSError: The file cannot be written, for example as the disk is full. The error names `path`.
    """
    # Absolute, since libraries that write take a `~` at the beginning of a path for the home of the user.
    path = path.absolute()
    with writing(path), new_file(path) as (part, opened):
        write(part)
        os.fsync(opened)
        part.replace(path)


@contextmanager
def folder_then_rename(path: Path) -> Iterator[Path]:
    """Fill a folder under a temporary name beside `path`, and rename it at the end of the context.

    Args:
        path: The folder, new or empty.

    Yields:
        The temporary folder. After an error it is removed, and nothing is at `path`.
    """
    path = path.absolute()
    with writing(path), new_folder(path) as part:
        yield part
        part.replace(path)


def expect_new_folder(path: Path, hint: str = "") -> None:
    """Check that an output folder can be created at `path`.

    Args:
        path: The output folder.
        hint: Text that ends the message, for example which flag chooses another folder.

    Raises:
        InputError: `path` exists and is not an empty folder, or is in a file.
    """
    expect_no_file(path, "a new or empty folder", hint)
    if path.exists() and any(path.iterdir()):
        raise InputError(f"{path}: expected a new or empty folder, got one that holds files{hint}")


def expect_no_file(path: Path, words: str = "a folder", hint: str = "") -> None:
    """Check that no file is where an output folder is to be, or one that it would have to be in.

    Args:
        path: The output folder.
        words: The expectation in words.
        hint: Text that ends the message.

    Raises:
        InputError: A file is there.
    """
    file = file_on_the_way(path)
    if file is not None:
        raise InputError(f"{path}: expected {words}, got {'a file' if file == path else f'one in the file {file}'}{hint}")


def file_on_the_way(path: Path) -> Path | None:
    """Return the part of a path at which a file is and no folder, the path itself included; None where there is none."""
    for part in (path, *path.parents):
        try:
            if part.exists():
                return None if part.is_dir() else part
        except OSError:
            # A name too long, or a folder that nobody may look into: whoever writes there says so.
            return None
    return None


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file. It appears whole or not at all."""
    write_then_rename(path, lambda part: part.write_text(text, encoding="utf-8"))


def append_text(path: Path, text: str) -> None:
    """Add text to the end of a file, which is made where there is none.

    Raises:
        OSError: It cannot be written.
    """
    with writing(path), path.open("a", encoding="utf-8") as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file with sorted keys, so that equal values give equal bytes. It appears whole or not at all."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Return a value as the text of a JSON file, with sorted keys."""
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n"
