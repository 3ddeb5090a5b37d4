"""Say what is at a path that a user took for something else: a scenario where a table was expected, a run for a scenario."""

from __future__ import annotations

import tomllib
from pathlib import Path

_MOST_BYTES = 20_000
"""Bytes of a file that are looked at: more than scenarios have, and few, as the time of tomllib grows with their square."""
_FOLDERS = {
    "manifest.json": "a run folder",
    "traffic.json": "a folder of stored traffic",
    "dataset.json": "a dataset of logged days",
    "plan.json": "the folder of a sweep, a study or a demo",
}
"""Words for a folder, by a file in it."""
PARQUET = "a Parquet file"
_BEGINNINGS = {
    b"PAR1": PARQUET, b"PK\x03\x04": "a ZIP file", b"\x1f\x8b": "a gzip file", b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file", b"\x28\xb5\x2f\xfd": "a zstandard file",
}  # fmt: skip
_ENDINGS = {".csv": "a CSV file", ".parquet": PARQUET}
MISSING, SCENARIO, TOML, JSON = "no such file", "a scenario file", "another TOML file", "a JSON file"
TABLES = ("a CSV file", PARQUET, "a folder of stored traffic")
"""Kinds that hold traffic."""
PACKED = tuple(words for beginning, words in _BEGINNINGS.items() if beginning != b"PAR1")
"""Kinds of files that hold another one."""
UNKNOWN = ("another file", "an empty file", "another folder", "an empty folder", MISSING)
"""Kinds of which nothing more is known."""
_SECTIONS = {"traffic", "advertisers", "learner", "mechanism", "train"}


def kind_of_path(path: Path) -> str:
    """Return what is at a path, in a few words for a message: `a run folder`, `a scenario file`, `no such file`.

    A folder is told by what it holds, a file by how it begins, by its name's ending and its keys. Only plain files are opened.
    """
    try:
        if path.is_dir():
            found = next((words for name, words in _FOLDERS.items() if (path / name).is_file()), "")
            return found or ("another folder" if any(path.iterdir()) else "an empty folder")
        if not path.is_file():
            return "no plain file" if path.exists() else MISSING
        with path.open("rb") as opened:
            head = opened.read(_MOST_BYTES)
    except OSError as error:
        return f"one that cannot be read ({error.strerror})"
    if not head:
        return "an empty file"
    begun = next((words for beginning, words in _BEGINNINGS.items() if head.startswith(beginning)), "")
    return begun or _ENDINGS.get(path.suffix.lower(), "") or _of_text(head, is_toml=path.suffix.lower() == ".toml")


def kind_of_folder(path: Path) -> str:
    """Return what is at a path where a folder was expected."""
    kind = kind_of_path(path)
    return "no such folder" if kind == MISSING else kind


def _of_text(head: bytes, *, is_toml: bool) -> str:
    """Return which file a text file is."""
    if head.lstrip().startswith((b"{", b"[{")):
        return JSON
    try:
        tree = tomllib.loads(head.decode("utf-8")) if len(head) < _MOST_BYTES else {}
    except (ValueError, RecursionError):
        tree = {}
    if any(isinstance(tree.get(key), dict | list) for key in _SECTIONS):
        return SCENARIO
    return TOML if is_toml else "another file"
