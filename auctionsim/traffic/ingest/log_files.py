"""The files of a log: find them in folders, and unpack compressed ones."""

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
        """Read up to `size` bytes, or all of them if `size` is -1."""


def log_files(paths: Sequence[Path]) -> list[Path]:
    """List the files of a log.

    Args:
        paths: Files, and folders whose files are taken in order of their names, except hidden ones.

    Raises:
        InputError: A path does not exist, or a folder holds no file.
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
            raise InputError(f"{path}: expected a log file or a folder of log files, got no such file")
    return found


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[list[tuple[str, Path]]]:
    """Unpack a log file if it is compressed. Unpacked files are removed at the end of the context.

    Args:
        path: A file, plain or ending in `.gz`, `.bz2` or `.zip`.
        folder: A new folder for the unpacked files.

    Yields:
        The plain files, each with its name for messages.

    Raises:
        InputError: A compressed file is damaged, or not of the kind its name states.
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
        raise _damaged(path, error) from error
    except OSError as error:
        # bz2 raises an OSError without a number for a file that is no bz2 file; other errors have a number.
        if error.errno is None:
            raise _damaged(path, error) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def first_lines(name: str, path: Path, count: int = 50) -> list[str]:
    """Read the first lines of a plain file, without line ends and blank lines.

    Args:
        name: The file's name in messages.
        path: The file.
        count: Number of lines to read.

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
    # The last line may be cut off by the limit on bytes.
    whole = lines if len(head) < _HEAD_BYTES else lines[:-1] or lines
    read = []
    for i, line in enumerate(whole[:count]):
        try:
            read.append(line.decode("utf-8").rstrip("\r"))
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: row {i + 1}: expected UTF-8, got byte {error.object[error.start]:#04x}") from error
    return [line for line in read if line.strip()]


def _streams(path: Path) -> Iterator[tuple[str, SupportsRead]]:
    """Open the files packed in `path` one after the other, each with its name for messages."""
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
    """Refuse an encrypted member, and one whose path leaves the archive's folder.

    Members are never unpacked under their own names, so the second could do no harm. But such an archive is not to be trusted.
    """
    if member.filename.startswith("/") or ".." in member.filename.replace("\\", "/").split("/"):
        raise InputError(f"{path}: expected members inside the archive's folder, got {shown(member.filename)}")
    if member.flag_bits & 1:
        raise InputError(f"{path}: member {shown(member.filename)}: expected no password, got an encrypted one")


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: expected a complete {path.suffix} file, got {shown(str(error))}")
