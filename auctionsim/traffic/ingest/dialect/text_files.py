"""Bring a file of text into UTF-8 with one kind of line end, if it is not; and find or check its encoding."""

from __future__ import annotations

import codecs
import encodings.aliases
import re
from dataclasses import dataclass
from pathlib import Path

from auctionsim.errors import InputError, shown, suggestion
from auctionsim.traffic.text_lines import count_ends

_CHUNK = 1 << 20
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# Bytes beyond ASCII that stand alone are letters with accents in Western text. Chinese or Japanese ones come in pairs.
_ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_NOT_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


@dataclass(frozen=True)
class TextFile:
    """A file as DuckDB can read it."""

    path: Path
    """File in UTF-8, with one kind of line end."""
    encoding: str
    """Encoding in which the log's file was read."""


def find_encoding(source: str, name: str) -> str:
    """Return the normal name of an encoding of text.

    Args:
        source: The key that holds the name, for messages.
        name: Name of the encoding as Python knows it.

    Raises:
        InputError: There is no such encoding.
    """
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except (LookupError, ValueError, UnicodeError):
        known = sorted({*encodings.aliases.aliases.values(), "cp1252", "latin-1", "utf-8", "utf-16", "gb18030"})
        near = suggestion(name, (encoding.replace("_", "-") for encoding in known))
        raise InputError(f"{source}: expected an encoding such as utf-8, utf-16 or cp1252, got {shown(name)}{near}") from None
    return found.name


def as_utf8(name: str, path: Path, out: Path, encoding: str | None) -> TextFile:
    """Return a file in UTF-8 with one kind of line end: the file itself, or a copy.

    Args:
        name: The file's name in messages.
        path: The file.
        out: The path of the copy, if one is needed.
        encoding: The file's encoding, or None to find it: UTF-8 or UTF-16 by their marks and bytes, cp1252 if bytes that are
            no UTF-8 stand alone among ASCII. Rows that are no UTF-8 in a file that is otherwise are left to the reader.

    Raises:
        InputError: The file is not in the encoding that was named, or is binary.
    """
    with path.open("rb") as opened:
        head = opened.read(_CHUNK)
    found = encoding or _by_head(head)
    if b"\0" in head and (found is None or found.startswith("utf-8")):
        raise InputError(f"{name}: expected text, got a binary file")
    found = found or ("cp1252" if _is_cp1252(path) else "utf-8")
    if found == "utf-8" or (found == "utf-8-sig" and head.startswith(codecs.BOM_UTF8)):
        if not _has_other_line_ends(path):
            return TextFile(path, "utf-8")
        _copy(name, path, out, "utf-8", "surrogateescape")
        return TextFile(out, "utf-8")
    _copy(name, path, out, found, "strict")
    return TextFile(out, found)


def _by_head(head: bytes) -> str | None:
    """Return the encoding that the first bytes state, or None."""
    for mark, encoding in _BOMS.items():
        if head.startswith(mark):
            return encoding
    # ASCII in UTF-16 without a mark: every second byte is 0.
    even, odd = head[0:200:2], head[1:200:2]
    if odd and not any(odd) and all(even):
        return "utf-16-le"
    if even and not any(even) and all(odd):
        return "utf-16-be"
    return None


def _is_cp1252(path: Path) -> bool:
    """Return whether a file has no line in UTF-8 beyond ASCII, and bytes beyond ASCII that mostly stand alone."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as opened:
        try:
            while chunk := opened.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return False
        opened.seek(0)
        alone = beyond = 0
        while line := opened.readline(_CHUNK):
            if line.isascii():
                continue
            if _NOT_CP1252.search(line) or _is_utf8(line):
                return False
            alone += len(_ALONE.findall(line))
            beyond += len(_BEYOND_ASCII.findall(line))
    return 2 * alone >= beyond


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _has_other_line_ends(path: Path) -> bool:
    """Return whether a file has bare carriage returns, or both line ends of Windows and of Unix."""
    both = returns = feeds = 0
    last = b""
    with path.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            both += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
            returns += chunk.count(b"\r")
            feeds += chunk.count(b"\n")
            last = chunk[-1:]
    return returns > both or 0 < both < feeds


def _read_before(error: UnicodeDecodeError, encoding: str, state: int) -> str:
    """Return the text before the byte that cannot be read, in Latin-1 where an encoding reads no part of it, as idna."""
    before = codecs.getincrementaldecoder(encoding)()
    text = error.object[: error.start]
    try:
        before.setstate((b"", state))
        return before.decode(text, final=True)
    except UnicodeError:
        return text.decode("latin-1")


def _copy(name: str, path: Path, out: Path, encoding: str, errors: str) -> None:
    """Write a file again in UTF-8, with the line ends of Unix."""
    line = 1
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    with path.open("rb") as opened, out.open("w", encoding="utf-8", errors=errors, newline="") as written:
        held = ""
        while True:
            chunk = opened.read(_CHUNK)
            _, state = decoder.getstate()
            try:
                text = held + decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line += count_ends(held + _read_before(error, encoding, state))
                byte = error.object[error.start]
                raise InputError(f"{name}: line {line}: expected {encoding}, got byte {byte:#04x}") from error
            except UnicodeError as error:
                raise InputError(f"{name}: expected {encoding}, got other text: {shown(str(error))}") from error
            # A carriage return at the end may be half of a line end.
            held = "\r" if text.endswith("\r") and chunk else ""
            text = text.removesuffix("\r") if held else text
            line += count_ends(text)
            written.write(text.replace("\r\n", "\n").replace("\r", "\n"))
            if not chunk:
                return
