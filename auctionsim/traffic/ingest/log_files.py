"""The files of a log: find them in folders, and read their first lines."""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from auctionsim.errors import InputError
from auctionsim.names.kinds import PARQUET, SCENARIO, kind_of_path

# Files that systems leave beside logs.
_NO_LOGS = frozenset({"__MACOSX", "_SUCCESS", "Thumbs.db", "desktop.ini"})
_HEAD_BYTES = 1 << 16
FORMS = "CSV or TSV, plain or packed as gz, bz2, xz, zst or zip"
"""The forms of log files that are read, in words."""
_JSON = re.compile(rb"\[?\s*\{\s*[\"}]")


def log_files(paths: Sequence[Path]) -> list[Path]:
    """List the files of a log.

    Args:
        paths: Files, and folders whose files are taken in order of their names, except hidden ones.

    Raises:
        InputError: A path does not exist or is a scenario or a Parquet file, a folder holds no file, or a file is named twice.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = _inside(path)
            if not inside:
                raise InputError(f"{path}: expected log files in the folder, got none")
            found += inside
        elif path.is_file() and kind_of_path(path) not in (SCENARIO, PARQUET):
            found.append(path)
        else:
            kind = kind_of_path(path) if path.is_file() else _kind(path)
            readable = f" (logs are read from {FORMS})" if kind == PARQUET else ""
            raise InputError(f"{path}: expected a log file or a folder of log files, got {kind}{readable}")
    unreadable = next((path for path in found if not os.access(path, os.R_OK)), None)
    if unreadable is not None:
        raise InputError(f"{unreadable}: expected a log file that can be read, got one without permission")
    seen: dict[tuple[int, int], Path] = {}
    for path in found:
        status = path.stat()
        other = seen.setdefault((status.st_dev, status.st_ino), path)
        if other is not path:
            also = "" if other == path else f" (the same file as {other})"
            raise InputError(f"{path}: expected each log file once, got it twice{also}")
    return found


def _inside(folder: Path) -> list[Path]:
    """List the files of a folder and its subfolders by name, without hidden ones. Links to folders are not followed."""
    found = (Path(inner, name) for inner, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if not is_hidden(path.relative_to(folder).parts) and path.is_file())


def _kind(path: Path) -> str:
    """Name what is at a path that is neither a file nor a folder."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "no such file"
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "something else")


def expect_columns(name: str, path: Path) -> None:
    """Check that a file is none of records or of columns in bytes, which would be read as text with columns of odd names.

    Args:
        name: The file's name in messages.
        path: The plain file.

    Raises:
        InputError: It is JSON or Parquet.
    """
    with path.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    kind = PARQUET if head.startswith(b"PAR1") else ""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if _JSON.match(text):
        kind = "JSON lines" if text.startswith(b"{") and text.partition(b"\n")[0].rstrip().endswith(b"}") else "JSON"
    if kind:
        raise InputError(f"{name}: expected lines of columns, got {kind} (logs are read from {FORMS})")


def first_lines(name: str, path: Path, count: int = 50) -> list[str]:
    """Read the first lines of a plain file, without line ends and blank lines.

    Args:
        name: The file's name in messages.
        path: The file, in UTF-8.
        count: Number of lines to read.

    Raises:
        InputError: The file is empty.
    """
    with path.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    if not head.strip():
        raise InputError(f"{name}: expected a log, got an empty file")
    lines = head.split(b"\n")
    # The last line may be cut off by the limit on bytes.
    whole = lines if len(head) < _HEAD_BYTES else lines[:-1] or lines
    # Bytes that are no UTF-8 make bad rows, which the reader counts.
    read = [line.decode("utf-8", errors="replace").rstrip("\r") for line in whole[:count]]
    return [line for line in read if line.strip()]


def blank_lines(path: Path) -> int:
    """Count the blank lines before the first other line of a plain file."""
    with path.open("rb") as opened:
        return sum(1 for _ in takewhile(lambda line: not line.strip(), opened))


def is_hidden(parts: Sequence[str]) -> bool:
    """Return whether a path is of a hidden file, in a hidden folder, or left behind by a system."""
    return any(part.startswith(".") or part in _NO_LOGS for part in parts)
