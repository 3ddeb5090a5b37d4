"""Write a document, given as a list of sections, as Markdown and as a self-contained page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from auctionsim.analysis.documents import page
from auctionsim.analysis.documents.charts.model import Chart
from auctionsim.analysis.documents.plots.style import Figure, png, svg
from auctionsim.analysis.documents.tones import TONE_SIGNS, Tone
from auctionsim.files import write_text, write_then_rename
from auctionsim.names.text import code_span, markdown_writer
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
class Mark:
    """What was judged and how: the revenue floor, the verdict on collusion."""

    text: str
    tone: Tone


@dataclass(frozen=True)
class Conclusion:
    """What a run shows in one sentence, with what was judged; the first sections of a report."""

    text: str
    tone: Tone
    marks: Sequence[Mark] = ()


@dataclass(frozen=True)
class Facts:
    """What is known of each of some runs, in words: a column for each of them, a row for each fact."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column holds names, the others figures."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    filters: Sequence[int] | None = None
    """Columns of few values to filter by, beside a search; None for a table without either."""
    signed: Sequence[int] = ()
    """Columns of gains and losses, which are coloured by their sign."""


@dataclass(frozen=True)
class Picture:
    """A figure and its caption, which states units, seeds and days."""

    name: str
    figure: Figure
    caption: str
    chart: Chart | None = None
    """The same as data, which the page draws with values under the pointer; None for a picture alone."""


@dataclass(frozen=True)
class Note:
    """A paragraph in small type: where figures come from, how they were made."""

    text: str


Section = Heading | Text | Conclusion | Facts | Table | Picture | Note


def warning_sections(warnings: Sequence[str]) -> list[Section]:
    """Return warnings of what makes figures meaningless as the first sections of a document."""
    return [Text(f"Warning: {warning}.") for warning in warnings]


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
    for written in (out, folder, folder / "figures"):
        remove_leftovers(written)
    drawn = {one.name: save_figure(one.figure, folder / "figures", one.name) for one in sections if isinstance(one, Picture)}
    plain = markdown_writer(names)
    figures = (folder / "figures").relative_to(out)
    lines = [f"# {plain(title)}", "", *(f"Made by {code_span(command)}.  " for command in commands)]
    for section in sections:
        lines += _markdown(section, plain, figures)
    write_text(out / text, "\n".join(line.rstrip() for line in lines) + "\n")
    parts = [part for section in sections for part in _html(section, drawn)]
    write_text(folder / "index.html", page.page(title, [*parts, *(page.command(command) for command in commands)]))
    return folder / "index.html"


def _html(section: Section, drawn: dict[str, str]) -> list[str]:
    """Return a section's parts of the page; `drawn` has the SVG of each picture by its name."""
    match section:
        case Heading(words):
            return [page.heading(words)]
        case Text(words):
            return [page.verdict(words)]
        case Note(words):
            return [page.note(words)]
        case Conclusion(words, tone, marks):
            return [page.conclusion(words, tone, [(f"{TONE_SIGNS[mark.tone]} {mark.text}", mark.tone) for mark in marks])]
        case Facts(header, rows):
            return [page.facts(header, rows)]
        case Table(header, rows, note, filters, signed):
            return [page.table(header, rows, filters, signed), *([page.note(note)] if note else [])]
        case Picture(name, _, caption, chart):
            return [page.picture(drawn[name], caption, chart)]


def _markdown(section: Section, plain: Callable[[str], str], figures: Path) -> list[str]:
    """Return a section's lines of Markdown, after an empty one."""
    match section:
        case Heading(words):
            return ["", f"## {plain(words)}"]
        case Text(words) | Note(words):
            return ["", plain(words)]
        case Conclusion(words, _, marks):
            listed = [f"- {TONE_SIGNS[mark.tone]} {plain(mark.text)}" for mark in marks]
            return ["", f"**{plain(words)}**", *(["", *listed] if listed else [])]
        case Facts(header, rows):
            return ["", *_markdown_table(header, rows, plain, "---")]
        case Table(header, rows, note):
            return ["", *_markdown_table(header, rows, plain), *(["", plain(note)] if note else [])]
        case Picture(name, _, caption):
            return ["", f"![{plain(caption)}]({figures / name}.svg)"]


def save_figure(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure as SVG and PNG, and return the SVG text."""
    # The places that the SVG's texts need serve both.
    text = svg(figure)
    picture = png(figure)
    write_text(folder / f"{name}.svg", text)
    write_then_rename(folder / f"{name}.png", lambda part: part.write_bytes(picture))
    return text


def _markdown_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], plain: Callable[[str], str], others: str = "---:"
) -> list[str]:
    aligned = ["---", *[others] * (len(header) - 1)]
    shown = [[_cell(plain(cell)) for cell in row] for row in (header, *rows)]
    return ["| " + " | ".join(row) + " |" for row in (shown[0], aligned, *shown[1:])]


def _cell(text: str) -> str:
    """Return Markdown for one cell, in which a bar that a name has not escaped already would end the cell."""
    return re.sub(r"(?<!\\)\|", r"\\|", text)
