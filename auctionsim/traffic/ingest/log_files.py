"""The files of a log: find them in folders, and unpack compressed ones."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, cast

from auctionsim.errors import InputError, shown

_CHUNK = 1 << 20
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_OTHERWISE_PACKED = (".tar", ".tgz", ".7z", ".rar", ".lz4", ".lzma", ".lzo", ".br", ".z", ".snappy", ".sz")
_ARE_READ = "a log, plain or packed as gz, bz2, xz, zst or zip"
# Files that systems leave beside logs.
_NO_LOGS = frozenset({"__MACOSX", "_SUCCESS", "Thumbs.db", "desktop.ini"})
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
        InputError: A path does not exist, a folder holds no file, or a file is named twice.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                inner for inner in path.rglob("*") if inner.is_file() and not _is_hidden(inner.relative_to(path).parts)
            )
            if not inside:
                raise InputError(f"{path}: expected log files in the folder, got none")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path}: expected a log file or a folder of log files, got no such file")
    seen: set[Path] = set()
    for path in found:
        if path.resolve() in seen:
            raise InputError(f"{path}: expected each log file once, got it twice")
        seen.add(path.resolve())
    return found


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[list[tuple[str, Path]]]:
    """Unpack a log file if it is compressed. Unpacked files are removed at the end of the context.

    Args:
        path: A file, plain or ending in `.gz`, `.bz2`, `.xz`, `.zst` or `.zip`, in any case.
        folder: A new folder for the unpacked files.

    Yields:
        The plain files, each with its name for messages.

    Raises:
        InputError: A compressed file is damaged, not of the kind its name states, or of another kind.
    """
    _expect_known(str(path), path.name)
    if path.suffix.lower() not in _PACKED:
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
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        # bz2 and zst raise an OSError without a number for a file that is none of theirs; other errors have a number.
        if error.errno is None:
            raise _damaged(path, error) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def _streams(path: Path) -> Iterator[tuple[str, SupportsRead]]:
    """Open the files packed in `path` one after the other, each with its name for messages."""
    kind = path.suffix.lower()
    if kind == ".zip":
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _expect_inside(path, member)
                if not member.is_dir() and not _is_hidden(member.filename.split("/")):
                    _expect_known(f"{path}:{member.filename}", member.filename, is_packed=True)
                    with archive.open(member) as stream:
                        yield f"{path}:{member.filename}", stream
        return
    with _opened(path, kind) as stream:
        yield str(path), stream


def _opened(path: Path, kind: str) -> AbstractContextManager[SupportsRead]:
    """Open a compressed file."""
    if kind == ".gz":
        return gzip.open(path)
    if kind == ".bz2":
        return bz2.open(path)
    if kind == ".xz":
        return lzma.open(path)
    try:
        import pyarrow
    except ImportError as error:
        raise InputError(f"{path}: expected {_ARE_READ}, got zst without the package pyarrow, which reads it") from error
    return cast(AbstractContextManager[SupportsRead], pyarrow.CompressedInputStream(str(path), "zstd"))


def _expect_known(source: str, name: str, *, is_packed: bool = False) -> None:
    """Refuse a file that is packed in a way that is not read, or twice."""
    kinds = [kind.lower() for kind in Path(name).suffixes]
    if kinds and (kinds[-1] in _OTHERWISE_PACKED or (is_packed and kinds[-1] in _PACKED)):
        raise InputError(f"{source}: expected {_ARE_READ}, got {kinds[-1]}{' inside an archive' if is_packed else ''}")
    if kinds[-2:-1] == [".tar"] and kinds[-1] in _PACKED:
        raise InputError(f"{source}: expected {_ARE_READ}, got .tar{kinds[-1]}")


def _is_hidden(parts: Sequence[str]) -> bool:
    """Return whether a path is of a hidden file, in a hidden folder, or left behind by a system."""
    return any(part.startswith(".") or part in _NO_LOGS for part in parts)


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
