"""The files of a log: found in folders, unpacked where they are compressed."""

from __future__ import annotations

import bz2
import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from auctionsim.errors import InputError, shown

_CHUNK = 1 << 20
_PACKED = (".gz", ".bz2", ".zip")
_HEAD_BYTES = 1 << 16


class SupportsRead(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes."""


def log_files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and in folders all files that are not hidden, in order of their names.

    Raises:
        InputError: There is no such file, or a folder holds none.
    """
    found = []
    for path in paths:
        if path.is_dir():
            inside = sorted(inner for inner in path.rglob("*") if inner.is_file() and not inner.name.startswith("."))
            if not inside:
                raise InputError(f"{path}: expected log files in the folder, got none")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path}: expected a log file or a folder of them, got no such file")
    return found


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[list[tuple[str, Path]]]:
    """The plain files of a log file, by the name to be shown; those that had to be unpacked last as long as the context.

    Raises:
        InputError: A compressed file is torn or is none.
    """
    if path.suffix not in _PACKED:
        yield [(str(path), path)]
        return
    folder.mkdir()
    try:
        plain = []
        for i, (name, stream) in enumerate(_streams(path)):
            plain.append((name, folder / f"{i}.txt"))
            with plain[-1][1].open("wb") as out:
                shutil.copyfileobj(stream, out, _CHUNK)
        if not plain:
            raise InputError(f"{path}: expected log files in the archive, got none")
        yield plain
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise _torn(path, error) from error
    except OSError as error:
        # bz2 says so of a file that is none; other errors have a number.
        if error.errno is None:
            raise _torn(path, error) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def first_lines(name: str, path: Path, count: int = 50) -> list[str]:
    """The first lines of a plain file, without line ends.

    Raises:
        InputError: The file is empty, binary or not UTF-8.
    """
    with path.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    if not head.strip():
        raise InputError(f"{name}: expected a log, got an empty file")
    if b"\0" in head:
        raise InputError(f"{name}: expected text, got a binary file")
    lines = head.split(b"\n")
    whole = lines if len(head) < _HEAD_BYTES else lines[:-1] or lines
    read = []
    for i, line in enumerate(whole[:count]):
        try:
            read.append(line.decode("utf-8").rstrip("\r"))
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: row {i + 1}: expected UTF-8, got byte {error.object[error.start]:#04x}") from error
    return [line for line in read if line.strip()]


def _streams(path: Path) -> Iterator[tuple[str, SupportsRead]]:
    if path.suffix == ".gz":
        with gzip.open(path) as stream:
            yield str(path), stream
    elif path.suffix == ".bz2":
        with bz2.open(path) as stream:
            yield str(path), stream
    else:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    _expect_inside(path, member)
                    with archive.open(member) as stream:
                        yield f"{path}:{member.filename}", stream


def _expect_inside(path: Path, member: zipfile.ZipInfo) -> None:
    """Nothing is unpacked under a member's own name; but an archive that tries to leave its folder is not to be trusted."""
    if member.filename.startswith("/") or ".." in member.filename.replace("\\", "/").split("/"):
        raise InputError(f"{path}: expected members inside the archive's folder, got {shown(member.filename)}")
    if member.flag_bits & 1:
        raise InputError(f"{path}: member {shown(member.filename)}: expected no password, got an encrypted one")


def _torn(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: expected a whole {path.suffix} file, got {shown(str(error))}")
