"""A document as a list of sections, written once as Markdown and once as a self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auctionsim.analysis.documents import page
from auctionsim.analysis.documents.plots.style import Figure, png, svg
from auctionsim.files import write_text, write_then_rename


@dataclass(frozen=True)
class Heading:
    """The title of what follows."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph; the first ones of a document are its verdict."""

    text: str


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names, the others are figures."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure and what it shows: units, seeds, days."""

    name: str
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Note:
    """A quiet paragraph: where figures come from, how they were made."""

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
) -> Path:
    """Write a page with its figures as files, and the same as Markdown.

    Args:
        title: Of the document.
        commands: The command lines that make what it reports.
        sections: What it says.
        out: Folder.
        page_in: Folder of the page `index.html` and its `figures/`, inside `out`.
        text: File name of the Markdown, inside `out`.

    Returns:
        The page.
    """
    folder = out / page_in
    parts: list[str] = []
    lines = [f"# {title}", "", *(f"Made by `{command}`.  " for command in commands)]
    for section in sections:
        match section:
            case Heading(words):
                parts.append(page.heading(words))
                lines += ["", f"## {words}"]
            case Text(words):
                parts.append(page.verdict(words))
                lines += ["", words]
            case Note(words):
                parts.append(page.note(words))
                lines += ["", words]
            case Table(header, rows, note):
                parts += [page.table(header, rows), *([page.note(note)] if note else [])]
                lines += ["", *_markdown_table(header, rows), *(["", note] if note else [])]
            case Picture(name, figure, caption):
                parts.append(page.picture(save_figure(figure, folder / "figures", name), caption))
                lines += ["", f"![{caption}]({(folder / 'figures' / name).relative_to(out)}.svg)"]
    write_text(out / text, "\n".join(line.rstrip() for line in lines) + "\n")
    write_text(folder / "index.html", page.page(title, [*parts, *(page.command(command) for command in commands)]))
    return folder / "index.html"


def save_figure(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure as SVG and PNG; returns the SVG text."""
    text, picture = svg(figure), png(figure)
    write_text(folder / f"{name}.svg", text)
    write_then_rename(folder / f"{name}.png", lambda part: part.write_bytes(picture))
    return text


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    aligned = ["---", *["---:"] * (len(header) - 1)]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (header, aligned, *rows)]
