"""Show names that come from outside, of advertisers, runs or files, without letting them act as markup or control text.

A name may hold anything: `<img src=x>`, `cost$cpc$`, a line break, 200 characters, half of a surrogate pair.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

_SPECIAL = re.compile(r"([\\`*\[\]|~#!$])|(?<!\w)(_)|(_)(?!\w)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LINK = re.compile(r"\](?=[(\[:])")


def printable(text: str) -> str:
    r"""Return the text with everything that is not visible written as an escape, such as `\x07`, `\n` or `\udcff`.

    Escaped are control and format characters, halves of surrogate pairs, which no file can hold, and line separators.
    """
    return "".join(_escaped(one) if _is_hidden(one) else one for one in text)


def visible(text: str) -> str:
    """Return a text of several lines with everything but its line breaks made visible, as `printable` does."""
    return "\n".join(map(printable, text.split("\n")))


def width(text: str) -> int:
    """Return how many columns a text takes; a Chinese, Japanese or Korean character takes two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def shortened(text: str, columns: int) -> str:
    """Return the text, its middle left out if it takes more than `columns` columns: `advertiser-of-…-no-17`."""
    if width(text) <= columns:
        return text
    room = columns - 1
    tail = ""
    while tail != text and width(text[-len(tail) - 1 :]) <= room // 3:
        tail = text[-len(tail) - 1 :]
    head = ""
    while width(text[: len(head) + 1]) <= room - width(tail):
        head = text[: len(head) + 1]
    return f"{head}…{tail}"


def markdown_name(name: str) -> str:
    r"""Return a name as Markdown that shows it letter by letter: `<b>` as `&lt;b&gt;`, `a|b` as `a\|b`.

    An underscore inside a word means nothing in Markdown and stays.
    """
    text = printable(name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


def markdown_text(text: str, names: Iterable[str] = ()) -> str:
    """Return a sentence as Markdown: its own markup stays, the names in it are shown letter by letter, and nothing is a tag.

    Args:
        text: The sentence. An interval such as `1.0 [0.9, 1.1]` stays as it is, since only `](`, `][` and `]:` make a link.
        names: The names from outside that it may hold.
    """
    return markdown_writer(names)(text)


def markdown_writer(names: Iterable[str]) -> Callable[[str], str]:
    """Return what writes many sentences that may hold the same names; see `markdown_text`.

    The names are looked through once: a report has thousands of cells and hundreds of names, and to look through them for each
    cell took longer than to draw its figures.
    """
    special = sorted({name for name in names if name and markdown_name(name) != name}, key=len, reverse=True)
    known, split = frozenset(special), re.compile("|".join(f"({re.escape(name)})" for name in special))

    def write(text: str) -> str:
        parts = split.split(text) if known else [text]
        return "".join(markdown_name(part) if part in known else _plain(part) for part in parts if part)

    return write


def code_span(text: str) -> str:
    """Return the text as inline code of Markdown, fenced by more backticks than it holds in a row."""
    shown = printable(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _plain(text: str) -> str:
    return _LINK.sub(r"\\]", _TAG.sub("&lt;", visible(text)))


def _is_hidden(one: str) -> bool:
    return unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")
