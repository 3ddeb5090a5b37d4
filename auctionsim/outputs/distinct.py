"""Check that no output of a command is one of its inputs, or another of its outputs, under whatever name."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from auctionsim.errors import InputError, shown

Named = tuple[str, Path]
"""A path with the words for it in messages, for example `--out` or `the log`."""
_Key = tuple[object, ...]


def expect_distinct(inputs: Sequence[Named], outputs: Sequence[Named]) -> None:
    """Check that every output is a file of its own, and that none lies inside another.

    Paths are the same file if they lead to it by a link, a second name on the disk, `./` or `..`. Outputs that do not exist yet
    are also the same if their names differ in case alone, since many disks tell no case.

    Args:
        inputs: The files that are read.
        outputs: The files and folders that are written.

    Raises:
        InputError: An output is an input or another output, or lies inside one that is written as a folder.
    """
    read = [(words, path, _chain(path)[-1]) for words, path in inputs]
    written: list[tuple[str, Path, list[_Key]]] = []
    for words, path in outputs:
        chain = _chain(path)
        for other, other_path, key in read:
            if chain[-1] == key:
                raise _same(words, path, other, other_path)
        for other, other_path, other_chain in written:
            if chain[-1] == other_chain[-1]:
                raise _same(words, path, other, other_path)
            for inner, outer, whole in ((words, other, other_chain[-1] in chain), (other, words, chain[-1] in other_chain)):
                if whole:
                    inside = path if inner == words else other_path
                    raise InputError(f"{inner}: expected a path that is not inside that of {outer}, got {_path_text(inside)}")
        written.append((words, path, chain))


def _chain(path: Path) -> list[_Key]:
    """Return the identities of the folders above a path, from the root on, and that of the path itself."""
    chain: list[_Key] = []
    resolved = Path(os.path.realpath(path))
    for part in (*reversed(resolved.parents), resolved):
        try:
            status = part.stat()
        except OSError:
            name = unicodedata.normalize("NFC", part.name).casefold()
            chain.append((chain[-1] if chain else (), name))
        else:
            chain.append((status.st_dev, status.st_ino))
    return chain


def _same(words: str, path: Path, other: str, other_path: Path) -> InputError:
    also = "" if str(path) == str(other_path) else f" (the same file as {_path_text(other_path)})"
    return InputError(f"{words}: expected another file than {other}, got {_path_text(path)}{also}")


def _path_text(path: Path) -> str:
    """Return a path for a message; one that is empty or holds line breaks is quoted."""
    text = str(path)
    return text if text.isprintable() else shown(text)
