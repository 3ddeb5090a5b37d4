"""Find what documentation mentions: code, command lines and paths in pages, notebooks, docstrings and comments."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_PATH = re.compile(r"(?<![\w/.:@-])(?:[\w-]+/)+[\w*-]+\.(?:py|md|toml|ipynb)\b(?::[A-Za-z_]\w*)?")


@dataclass(frozen=True)
class Text:
    """A piece of prose and where it stands.

    Args:
        path: The file.
        line: Its first line in the file.
        prose: Text in Markdown, without its blocks of code.
        blocks: The blocks of code: language and text.
    """

    path: Path
    line: int
    prose: str
    blocks: tuple[tuple[str, str], ...]

    def code(self) -> list[str]:
        """Return what stands in backticks, each on one line."""
        return [" ".join(code.split()) for code in _CODE.findall(self.prose)]

    def paths(self) -> list[str]:
        """Return the paths of source files and pages, in backticks or not."""
        return _PATH.findall(self.prose)

    def lines(self) -> list[str]:
        """Return the lines of all blocks of code, continued lines as one."""
        return [line for _, block in self.blocks for line in block.replace("\\\n", " ").split("\n")]


def texts(path: Path) -> list[Text]:
    """Return the documentation in a file: of a page or a notebook all of it, of a module docstrings, messages, comments."""
    if path.suffix == ".md":
        return [text_of(path, 1, path.read_text(encoding="utf-8"))]
    if path.suffix == ".ipynb":
        return list(_notebook(path))
    if path.suffix == ".toml":
        comments = [(line, text) for line, text in enumerate(path.read_text().split("\n"), 1) if "#" in text]
        return [text_of(path, line, text.partition("#")[2]) for line, text in comments]
    return [*_strings(path), *_comments(path)]


def text_of(path: Path, line: int, markdown: str) -> Text:
    blocks = tuple((match[1], match[2]) for match in _FENCE.finditer(markdown))
    return Text(path, line, _FENCE.sub("", markdown), blocks)


def _notebook(path: Path) -> Iterator[Text]:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield text_of(path, 1, source)
        elif source.startswith("%%bash"):
            yield Text(path, 1, "", (("bash", source),))


def _strings(path: Path) -> Iterator[Text]:
    """Docstrings (every string that stands as a statement), and messages that send the reader to a page or a command."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_message = "docs/" in node.value or "`auctionsim " in node.value
            if id(node) in docstrings or is_message:
                yield text_of(path, node.lineno, node.value)


def _comments(path: Path) -> Iterator[Text]:
    """Runs of comment lines, since code in backticks may go over a line's end."""
    run: list[str] = []
    last = 0
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    for token in tokens:
        if token.type != tokenize.COMMENT:
            continue
        if run and token.start[0] != last + 1:
            yield text_of(path, last, "\n".join(run))
            run = []
        run.append(token.string.lstrip("# "))
        last = token.start[0]
    if run:
        yield text_of(path, last, "\n".join(run))
