"""Write a document, given as a list of sections, as Markdown and as a self-contained page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from auctionsim.analysis.documents import page
from auctionsim.analysis.documents.plots.style import Figure, png, svg
from auctionsim.files import write_text, write_then_rename
from auctionsim.names.text import code_span, markdown_text
from auctionsim.outputs.temporary import remove_leftovers


@dataclass(frozen=True)
class Heading:
    """The title of the sections that follow."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph; the first paragraphs of a document are its verdict."""

    text: str


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column holds names, the others figures."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure and its caption, which states units, seeds and days."""

    name: str
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Note:
    """A paragraph in small type: where figures come from, how they were made."""

    text: str


Section = Heading | Text | Table | Picture | Note


def write_document(
    title: str,
    commands: Sequence[str],
    sections: Sequence[Section],
    out: Path,
    *,
    page_in: str = "report",
    text: str = "table.md",
    names: Collection[str] = (),
) -> Path:
    """Write a page with its figures as files, and the same document as Markdown.

    Args:
        title: The title of the document.
        commands: The command lines that made the reported results.
        sections: The sections in order, the verdict first.
        out: The folder to write to.
        page_in: The folder of `index.html` and `figures/`, relative to `out`; "" for `out` itself.
        text: The file name of the Markdown, relative to `out`.
        names: Names from outside that sections hold, such as those of advertisers: no letter of theirs is markup.

    Returns:
        The path of index.html.
    """
    folder = out / page_in
    parts: list[str] = []
    for written in (out, folder, folder / "figures"):
        remove_leftovers(written)
    plain = partial(markdown_text, names=names)
    lines = [f"# {plain(title)}", "", *(f"Made by {code_span(command)}.  " for command in commands)]
    for section in sections:
        match section:
            case Heading(words):
                parts.append(page.heading(words))
                lines += ["", f"## {plain(words)}"]
            case Text(words):
                parts.append(page.verdict(words))
                lines += ["", plain(words)]
            case Note(words):
                parts.append(page.note(words))
                lines += ["", plain(words)]
            case Table(header, rows, note):
                parts += [page.table(header, rows), *([page.note(note)] if note else [])]
                lines += ["", *_markdown_table(header, rows, plain), *(["", plain(note)] if note else [])]
            case Picture(name, figure, caption):
                parts.append(page.picture(save_figure(figure, folder / "figures", name), caption))
                lines += ["", f"![{plain(caption)}]({(folder / 'figures' / name).relative_to(out)}.svg)"]
    write_text(out / text, "\n".join(line.rstrip() for line in lines) + "\n")
    write_text(folder / "index.html", page.page(title, [*parts, *(page.command(command) for command in commands)]))
    return folder / "index.html"


def save_figure(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure as SVG and PNG, and return the SVG text."""
    text = svg(figure)
    # The layout is found; finding it again for the PNG would draw the figure once more.
    figure.set_layout_engine("none")
    picture = png(figure)
    write_text(folder / f"{name}.svg", text)
    write_then_rename(folder / f"{name}.png", lambda part: part.write_bytes(picture))
    return text


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], plain: Callable[[str], str]) -> list[str]:
    aligned = ["---", *["---:"] * (len(header) - 1)]
    shown = [[_cell(plain(cell)) for cell in row] for row in (header, *rows)]
    return ["| " + " | ".join(row) + " |" for row in (shown[0], aligned, *shown[1:])]


def _cell(text: str) -> str:
    """Return Markdown for one cell, in which a bar that a name has not escaped already would end the cell."""
    return re.sub(r"(?<!\\)\|", r"\\|", text)
