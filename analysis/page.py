"""One self-contained HTML page: no script, no network, light and dark, readable on a phone. All text is escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --quiet: #5c5c5c; --paper: #fdfdfc; --line: #dcdcd8; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --quiet: #a8a8a8; --paper: #17181a; --line: #3a3b3d; } }
body { margin: 0 auto; padding: 1.2rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .6rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
p.verdict { font-size: 1.05rem; margin: .2rem 0; }
figure { margin: 1rem 0; } figure img { width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption, .quiet { color: var(--quiet); font-size: .88rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } code { overflow-wrap: anywhere; }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """A whole page from parts made by the functions below."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # An empty icon, so that no browser asks for one.
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def heading(text: str) -> str:
    """A section's heading."""
    return f"<h2>{escape(text)}</h2>"


def verdict(text: str) -> str:
    """A line of the verdict."""
    return f'<p class="verdict">{escape(text)}</p>'


def note(text: str) -> str:
    """A quiet paragraph."""
    return f'<p class="quiet">{escape(text)}</p>'


def command(text: str) -> str:
    """A command line."""
    return f'<p class="quiet">Made by <code>{escape(text)}</code></p>'


def picture(svg: str, caption: str) -> str:
    """A figure; as an image of its own, so that two figures' SVG identifiers cannot meet."""
    encoded = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/svg+xml;base64,{encoded}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column is text, the rest numbers."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
