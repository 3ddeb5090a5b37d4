"""Compressed logs: unpack what is meant to be read, and tell damaged, hostile and endless ones in one line."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import shutil
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar, cast

from auctionsim.errors import InputError, shown
from auctionsim.extras import expect_library
from auctionsim.traffic.ingest.log_files import is_hidden

UNPACKED_RATIO = 100
"""Largest number of bytes that each byte of a compressed log may unpack to. Logs reach 5 to 30."""
UNPACKED_LEAST_GB = 0.25
"""Size in GB that every compressed log may unpack to."""


_CHUNK = 1 << 20
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_OTHERWISE_PACKED = (".tar", ".tgz", ".7z", ".rar", ".lz4", ".lzma", ".lzo", ".br", ".z", ".snappy", ".sz")
_ARE_READ = "a log, plain or packed as gz, bz2, xz, zst or zip"
_DAMAGE = (
    EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, struct.error, NotImplementedError, OSError, OverflowError,
    RuntimeError, ValueError, LookupError,
)  # fmt: skip
"""Errors that the libraries raise on archives that are cut off, altered, or of a kind that they do not know."""

_Part = TypeVar("_Part")


class SupportsRead(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Read up to `size` bytes, or all of them if `size` is -1."""


@contextmanager
def unpacked(path: Path, link: Path, folder: Path, limit_gb: float | None = None) -> Iterator[list[tuple[str, Path]]]:
    """Unpack a log file if it is compressed. Unpacked files are removed at the end of the context.

    Args:
        path: A file, plain or ending in `.gz`, `.bz2`, `.xz`, `.zst` or `.zip`, in any case.
        link: The path under which it is read.
        folder: A new folder for the unpacked files.
        limit_gb: Size in GB that the files in a compressed one may have together; None for `UNPACKED_RATIO` times its size.

    Yields:
        The plain files, each with its name for messages.

    Raises:
        InputError: A compressed file is damaged, too large when unpacked, not of the kind its name states, or of another kind.
    """
    _expect_known(str(path), path.name)
    kind = path.suffix.lower()
    if kind not in _PACKED:
        yield [(str(path), link)]
        return
    folder.mkdir()
    try:
        plain = []
        left = _Room(path, link.stat().st_size, limit_gb)
        with closing(_streams(path, link, kind)) as streams:
            for i, (name, stream) in enumerate(_damage_reported(path, streams)):
                plain.append((name, folder / f"{i}.txt"))
                with plain[-1][1].open("xb") as out:
                    for chunk in _damage_reported(path, _chunks(stream)):
                        left.take(len(chunk))
                        out.write(chunk)
        if not plain:
            raise InputError(f"{path}: expected log files in the archive, got none")
        yield plain
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Room:
    """The room that is left for what a compressed file unpacks to."""

    def __init__(self, path: Path, size: int, limit_gb: float | None) -> None:
        self._path = path
        self._size = size
        usual = max(UNPACKED_RATIO * size, UNPACKED_LEAST_GB * 1e9)
        self._limit = usual if limit_gb is None else limit_gb * 1e9
        self._taken = 0

    def take(self, count: int) -> None:
        """Take room for some bytes.

        Raises:
            InputError: There is less.
        """
        self._taken += count
        if self._taken > self._limit:
            raise InputError(
                f"{self._path}: expected a log of <= {self._limit / 1e9:.3g} GB when it is unpacked, got more from "
                f"{self._size / 1e6:.3g} MB (raise the limit with --max-unpacked GB)"
            )


def _damage_reported(path: Path, parts: Iterator[_Part]) -> Iterator[_Part]:
    """Yield the parts of a compressed file; turn whatever a library raises on a damaged one into an `InputError`."""
    while True:
        try:
            part = next(parts)
        except StopIteration:
            return
        except InputError:
            raise
        except MemoryError as error:
            raise InputError(f"{path}: expected a {path.suffix} file that fits into memory, got one that does not") from error
        except _DAMAGE as error:
            # The disk may fail too. A number that only a wrong position in the file explains is damage.
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise
            raise InputError(f"{path}: expected a complete {path.suffix} file, got {shown(str(error))}") from error
        yield part


def _streams(path: Path, link: Path, kind: str) -> Generator[tuple[str, SupportsRead], None, None]:
    """Open the files packed in `path` one after the other, each with its name for messages."""
    if kind == ".zip":
        with zipfile.ZipFile(link) as archive:
            for member in archive.infolist():
                _expect_inside(path, member)
                if not member.is_dir() and not is_hidden(member.filename.split("/")):
                    _expect_known(f"{path}:{member.filename}", member.filename, is_packed=True)
                    with archive.open(member) as stream:
                        yield f"{path}:{member.filename}", stream
        return
    with _opened(path, link, kind) as stream:
        yield str(path), stream


def _chunks(stream: SupportsRead) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _opened(path: Path, link: Path, kind: str) -> AbstractContextManager[SupportsRead]:
    """Open a compressed file."""
    if kind == ".gz":
        return gzip.open(link)
    if kind == ".bz2":
        return bz2.open(link)
    if kind == ".xz":
        return lzma.open(link)
    expect_library("pyarrow", f"{path}: a log packed as zst")
    import pyarrow

    return cast(AbstractContextManager[SupportsRead], pyarrow.CompressedInputStream(str(link), "zstd"))


def _expect_known(source: str, name: str, *, is_packed: bool = False) -> None:
    """Refuse a file that is packed in a way that is not read, or twice."""
    kinds = [kind.lower() for kind in Path(name).suffixes]
    if kinds and (kinds[-1] in _OTHERWISE_PACKED or (is_packed and kinds[-1] in _PACKED)):
        raise InputError(f"{source}: expected {_ARE_READ}, got {kinds[-1]}{' inside an archive' if is_packed else ''}")
    if kinds[-2:-1] == [".tar"] and kinds[-1] in _PACKED:
        raise InputError(f"{source}: expected {_ARE_READ}, got .tar{kinds[-1]}")


def _expect_inside(path: Path, member: zipfile.ZipInfo) -> None:
    """Refuse an encrypted member, and one whose path leaves the archive's folder.

    Members are never unpacked under their own names, so the second could do no harm. But such an archive is not to be trusted.
    """
    if member.filename.startswith("/") or ".." in member.filename.replace("\\", "/").split("/"):
        raise InputError(f"{path}: expected members inside the archive's folder, got {shown(member.filename)}")
    if member.flag_bits & 1:
        raise InputError(f"{path}: member {shown(member.filename)}: expected no password, got an encrypted one")
