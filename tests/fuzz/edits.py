"""Edits of texts and bytes, as a case holds them: each is a list of an operation, a place from 0 to 1, and a value."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TOKENS = (
    "", "-1", "0", "1", "2", "0.5", "-0.0", "1e308", "1e-320", "nan", "inf", "-inf", "1e999", "9223372036854775807",
    "9223372036854775808", "18446744073709551616", "9" * 400, "true", "none", "null", "NaN", "1,5", "1_000", "0x1f", " 7 ",
    '"', "'", "a b", "<b>x</b>", "$x^2$", "../../etc/passwd", "*.csv", "row", "\u00fc\u5e7f\u544a", "\U0001f600",
    "\u202e", "\x00", "\x1b[31m",
    "\udcff", "\ufeff", "\r", "\n", "\t", ";", "#", "[", "]]", "{", "}", "=", "\\", "%s", "{seed}", "x" * 3000,
)  # fmt: skip
"""Pieces of text that parsers stumble over."""

_TEXT_OPERATIONS = ("token", "insert", "delete line", "double line", "cut", "swap lines", "line ends", "mark")
_BYTE_OPERATIONS = ("flip", "cut", "insert", "zeros", "ones", "double")


SEEDS = st.integers(0, 2**32 - 1)
"""Cases that a generator of random numbers makes whole, as the mutators of `tests` do: a seed is all that is kept of one."""


def text_edits(most: int = 3) -> st.SearchStrategy[list[list[Any]]]:
    """Return the strategy of lists of edits of a text."""
    edit = st.tuples(st.sampled_from(_TEXT_OPERATIONS), st.floats(0, 0.999), st.sampled_from(TOKENS))
    return st.lists(edit.map(list), max_size=most)


def byte_edits(most: int = 4) -> st.SearchStrategy[list[list[Any]]]:
    """Return the strategy of lists of edits of bytes."""
    edit = st.tuples(st.sampled_from(_BYTE_OPERATIONS), st.floats(0, 0.999), st.integers(0, 255))
    return st.lists(edit.map(list), min_size=1, max_size=most)


def edited_text(text: str, edits: list[list[Any]], separator: str = "\n") -> str:
    """Return a text after edits; a token is what stands between separators or spaces of a line."""
    for operation, place, value in edits:
        lines = text.split("\n")
        at = int(place * len(lines))
        if operation == "token":
            # A token is a number, a word or a quoted text: what stands between the separators of a line.
            parts = lines[at].split(separator if separator != "\n" else " ")
            parts[int(place * 7919) % len(parts)] = value
            lines[at] = (separator if separator != "\n" else " ").join(parts)
        elif operation == "delete line":
            del lines[at]
        elif operation == "double line":
            lines.insert(at, lines[at])
        elif operation == "swap lines":
            lines[at], lines[-1 - at] = lines[-1 - at], lines[at]
        text = "\n".join(lines)
        spot = int(place * (len(text) + 1))
        if operation == "insert":
            text = text[:spot] + value + text[spot:]
        elif operation == "cut":
            text = text[:spot]
        elif operation == "line ends":
            text = text.replace("\n", "\r\n" if place < 0.5 else "\r")
        elif operation == "mark":
            text = "\ufeff" + text
    return text


def edited_bytes(contents: bytes, edits: list[list[Any]]) -> bytes:
    """Return bytes after edits."""
    changed = bytearray(contents)
    for operation, place, value in edits:
        spot = int(place * len(changed))
        if operation == "cut":
            del changed[spot:]
        elif operation == "insert":
            changed[spot:spot] = bytes([value]) * (1 + value % 9)
        elif operation == "double":
            changed[spot:spot] = changed[spot : spot + value]
        elif operation == "flip" and changed:
            changed[spot] ^= value or 1
        elif changed:
            end = min(len(changed), spot + 1 + value % 16)
            changed[spot:end] = (b"\0" if operation == "zeros" else b"\xff") * (end - spot)
    return bytes(changed)


def to_bytes(text: str) -> bytes:
    """Encode a text of a case; lone surrogates stand for bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape" if all(not 0xD800 <= ord(c) < 0xDC80 for c in text) else "surrogatepass")
