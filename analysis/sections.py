"""A document as a list of sections, written once as Markdown and once as a self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auctionsim.analysis import page
from auctionsim.analysis.plots.style import Figure, png, svg

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


Section = Heading | Text | Table | Picture


def write_document(title: str, command: str, sections: Sequence[Section], out: Path) -> Path:
    """Write `out/table.md`, `out/report/index.html` and the figures as files in `out/report/figures`.

    Args:
        title: Of the document.
        command: The command line that makes it again.
        sections: What it says.
        out: Folder.

    Returns:
        The page.
    """
    parts: list[str] = []
    lines = [f"# {title}", "", f"Made by `{command}`."]
    for section in sections:
        match section:
            case Heading(text):
                parts.append(page.heading(text))
                lines += ["", f"## {text}"]
            case Text(text):
                parts.append(page.verdict(text))
                lines += ["", text]
            case Table(header, rows, note):
                parts += [page.table(header, rows), *([page.note(note)] if note else [])]
                lines += ["", *_markdown_table(header, rows), *(["", note] if note else [])]
            case Picture(name, figure, caption):
                parts.append(page.picture(save_figure(figure, out / "report" / "figures", name), caption))
    write_text(out / "table.md", "\n".join(lines) + "\n")
    index = out / "report" / "index.html"
    write_text(index, page.page(title, [*parts, page.command(command)]))
    return index


def save_figure(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure as SVG and PNG; returns the SVG text."""
    text, picture = svg(figure), png(figure)
    write_text(folder / f"{name}.svg", text)
    write_then_rename(folder / f"{name}.png", lambda part: part.write_bytes(picture))
    return text


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    aligned = ["---", *["---:"] * (len(header) - 1)]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (header, aligned, *rows)]
