"""Docstrings here are plain text: single backticks around code, and here and there a heading, table or listing as in Markdown.

Sphinx reads reStructuredText, in which these mean other things.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_ROW = re.compile(r"\s*\|.*\|\s*$")
_FENCE = re.compile(r"(\s*)```(\w*)\s*$")
_HEADING = re.compile(r"(\s*)#+ (.*)")


def as_markup(lines: list[str]) -> list[str]:
    """A docstring as reStructuredText."""
    found: list[str] = []
    text: list[str] = []
    table: list[str] = []

    def flush() -> None:
        found.extend(_marked("\n".join(text)).split("\n") if text else [])
        found.extend(_table(table) if table else [])
        text.clear()
        table.clear()

    is_code = False
    for line in lines:
        fence = _FENCE.match(line)
        if fence or is_code:
            flush()
            is_code = is_code != bool(fence)
            # What stands between fences is indented under the directive.
            found += ["", f"{fence.group(1)}.. code-block:: {fence.group(2) or 'none'}", ""] if fence and is_code else []
            found += [] if fence else [f"   {line}"]
            continue
        heading = _HEADING.match(line)
        if bool(table) != bool(_ROW.match(line)) or heading:
            flush()
        if heading:
            found += ["", f"{heading.group(1)}.. rubric:: {heading.group(2)}", ""]
        else:
            (table if _ROW.match(line) else text).append(line)
    flush()
    return found


def _marked(text: str) -> str:
    """Text with its code marked as such and no other character read as markup."""
    parts = _CODE.split(text)
    for i, part in enumerate(parts):
        if i % 2:
            # Code that goes on in the next line is put on one; a letter right after it, by a blank that is not shown.
            parts[i] = f"``{' '.join(part.split())}``" + ("\\ " if re.match(r"\w", parts[i + 1]) else "")
        else:
            parts[i] = re.sub(r"([*|])", r"\\\1", re.sub(r"(\w)_(?=\W|$)", r"\1\\_", part))
    return "".join(parts)


def _table(lines: list[str]) -> list[str]:
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    rows = [[_marked(cell.strip()) for cell in line.strip()[1:-1].split("|")] for line in lines]
    rows = [row for row in rows if not all(re.fullmatch(r":?-+:?|", cell) for cell in row)]
    listed = [f"{'* ' if i == 0 else '  '}- {cell}" for row in rows for i, cell in enumerate(row)]
    return ["", f"{indent}.. list-table::", "", *(f"{indent}   {line}" for line in listed), ""]


def _process(_app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    lines[:] = as_markup(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Ahead of napoleon, which reads the sections of Google's style."""
    app.connect("autodoc-process-docstring", _process, priority=100)
    return {"parallel_read_safe": True}
