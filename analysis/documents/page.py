"""Build one self-contained HTML page: no network, light and dark, readable on a phone and on paper. All text is escaped.

Scripts sort and filter tables, and draw the figures that come with data; without them the page reads the same. A policy in the
page lets no script run but these, and nothing be loaded.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape as html_escape

from auctionsim.analysis.documents.assets import CHART_SCRIPTS, asset
from auctionsim.analysis.documents.charts.model import Chart
from auctionsim.names.text import visible

_HEADING = re.compile(r'<h2 id="(s\d+)">(.*?)</h2>')
_NOTHING_ELSE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_ZERO = re.compile(r"[-+]0(\.0+)?(?![.\d])")
_HOLDS_ZERO = re.compile(r"\[-.*, \+.*\]$|[\[ ][-+]?0(\.0+)?[,\]]")
"""An interval with ends of both signs, or an end at 0: nothing was gained or lost for sure."""
_DATA = '<script type="application/json">'
"""Beginning of a figure's data, which no escaped text can hold."""
_MOST_UNLISTED = 3
"""A page of more headings begins with a list of them."""


def page(title: str, parts: Sequence[str]) -> str:
    """Return a whole page of parts made by the functions below."""
    body = _numbered("\n".join(parts))
    names = ["tables.js", *(CHART_SCRIPTS if _DATA in body else ())]
    scripts = [f"\n{asset(name)}\n" for name in names]
    policy = f"{_NOTHING_ELSE}; script-src {' '.join(map(source_hash, scripts))}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # An empty icon, so that no browser requests one.
        f'<link rel="icon" href="data:,"><style>\n{asset("page.css")}</style></head>\n'
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n"
        + body
        + "\n</main>\n"
        + "".join(f"<script>{one}</script>\n" for one in scripts)
        + "</body></html>\n"
    )


def source_hash(text: str) -> str:
    """Return the source of a Content-Security-Policy that allows a text as style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _numbered(body: str) -> str:
    """Return the parts with an address for each heading, and a list of many headings before the first of them."""
    pieces = body.split("<h2>")
    body = pieces[0] + "".join(f'<h2 id="s{i}">{piece}' for i, piece in enumerate(pieces[1:], start=1))
    if len(pieces) - 1 <= _MOST_UNLISTED:
        return body
    listed = "".join(f'<li><a href="#{at}">{words}</a></li>' for at, words in _HEADING.findall(body))
    return body.replace("<h2 ", f'<nav aria-label="Contents"><ol>{listed}</ol></nav>\n<h2 ', 1)


def heading(text: str) -> str:
    """Return a section's heading."""
    return f"<h2>{escape(text)}</h2>"


def conclusion(text: str, tone: str, marks: Sequence[tuple[str, str]]) -> str:
    """Return a box with a sentence and what was judged.

    Args:
        text: The sentence.
        tone: Class of the box: `good`, `bad`, `unclear` or `neutral`.
        marks: Judgements and the tone of each.
    """
    listed = "".join(f'<li class="mark {own}">{escape(words)}</li>' for words, own in marks)
    return f'<div class="conclusion {tone}"><p>{escape(text)}</p>{f"<ul>{listed}</ul>" if listed else ""}</div>'


def verdict(text: str) -> str:
    """Return a paragraph of the verdict."""
    return f'<p class="verdict">{escape(text)}</p>'


def note(text: str) -> str:
    """Return a paragraph in small, grey type."""
    return f'<p class="quiet">{escape(text)}</p>'


def command(text: str) -> str:
    """Return the command line that made the page."""
    return f'<p class="quiet">Made by <code>{escape(text)}</code></p>'


def picture(svg: str, caption: str, chart: Chart | None = None) -> str:
    """Return a figure with its caption; with a chart it also holds the figure's data, for the script and as a table.

    The SVG is embedded as an image of its own: inline, two figures' identifiers (`#clip1`) would collide.
    """
    encoded = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    image = f'<img alt="{escape(caption)}" src="data:image/svg+xml;base64,{encoded}">'
    if chart is None:
        return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"
    header, rows, said = chart.table()
    values = f"{table(header, rows)}{note(said) if said else ''}"
    data = f"{_DATA}{chart.text()}</script>"
    listed = f"<details><summary>Values of this figure</summary>{values}</details>"
    return f"<figure>{image}{data}<figcaption>{escape(caption)}{listed}</figcaption></figure>"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], filters: Sequence[int] | None = None, signed: Sequence[int] = ()
) -> str:
    """Return a table that sorts by a column when its title is clicked; the first column is text, the others numbers.

    Args:
        header: The titles of the columns.
        rows: The cells.
        filters: Columns of few values to filter by, beside a search; None for a table without either.
        signed: Columns of gains and losses, which are coloured by their sign unless their interval holds 0.
    """
    head = "".join(f"<th><button>{escape(cell)}</button></th>" if cell else "<td></td>" for cell in header)
    body = "".join("<tr>" + "".join(_cell(cell, i in signed) for i, cell in enumerate(row)) + "</tr>" for row in rows)
    offered = "" if filters is None else f' data-filters="{list(filters)}"'
    return f'<div class="wide"><table{offered}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def facts(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a card of facts; of several things one card with what they have in common, and one each with what differs.

    Args:
        header: An empty cell, and the things' names.
        rows: The name of each fact, and its value for each thing.
    """
    common = [row[:2] for row in rows if len(set(row[1:])) == 1]
    cards = [("All runs" if len(header) > 2 else "", common)] if common else []
    if len(common) < len(rows):
        differing = [row for row in rows if len(set(row[1:])) > 1]
        cards += [(name, [(row[0], row[i]) for row in differing]) for i, name in enumerate(header[1:], start=1)]
    return f'<div class="facts">{"".join(_card(name, own) for name, own in cards)}</div>'


def _card(name: str, listed: Sequence[Sequence[str]]) -> str:
    title = f"<h3>{escape(name)}</h3>" if name else ""
    return f"<div>{title}<dl>{''.join(f'<dt>{escape(key)}</dt><dd>{escape(value)}</dd>' for key, value in listed)}</dl></div>"


def _cell(text: str, is_signed: bool) -> str:
    is_clear = is_signed and not _ZERO.match(text) and not _HOLDS_ZERO.search(text)
    tone = {"-": "loss", "+": "gain"}.get(text[:1]) if is_clear else None
    return f'<td class="{tone}">{escape(text)}</td>' if tone else f"<td>{escape(text)}</td>"


def escape(text: str) -> str:
    """Return a text as HTML that shows it letter by letter, what is not visible as escapes."""
    return html_escape(visible(text))
