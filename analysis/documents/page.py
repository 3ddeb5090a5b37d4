"""Build one self-contained HTML page: no network, light and dark, readable on a phone. All text is escaped.

The only script sorts a table when a column's title is clicked; without it the page reads the same.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape as html_escape

from auctionsim.names.text import visible

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
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid; }
th[aria-sort=ascending] button::after { content: " \\25B2"; } th[aria-sort=descending] button::after { content: " \\25BC"; }
th:first-child, td:first-child { text-align: left; } code { overflow-wrap: anywhere; }
"""

_SCRIPT = """
document.querySelectorAll("th button").forEach(button => button.addEventListener("click", () => {
  const head = button.parentElement, body = head.closest("table").tBodies[0];
  const rising = head.getAttribute("aria-sort") !== "ascending", column = head.cellIndex;
  head.parentElement.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const key = row => { const text = row.cells[column].textContent, number = parseFloat(text);
    return Number.isNaN(number) ? text : number; };
  const order = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
  [...body.rows].sort((a, b) => (rising ? 1 : -1) * order(key(a), key(b))).forEach(row => body.append(row));
}));
"""


def page(title: str, parts: Sequence[str]) -> str:
    """Return a whole page of parts made by the functions below."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # An empty icon, so that no browser requests one.
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n'
        + "\n".join(parts)
        + f"\n<script>{_SCRIPT}</script>\n</body></html>\n"
    )


def heading(text: str) -> str:
    """Return a section's heading."""
    return f"<h2>{escape(text)}</h2>"


def verdict(text: str) -> str:
    """Return a paragraph of the verdict."""
    return f'<p class="verdict">{escape(text)}</p>'


def note(text: str) -> str:
    """Return a paragraph in small, grey type."""
    return f'<p class="quiet">{escape(text)}</p>'


def command(text: str) -> str:
    """Return the command line that made the page."""
    return f'<p class="quiet">Made by <code>{escape(text)}</code></p>'


def picture(svg: str, caption: str) -> str:
    """Return a figure with its caption.

    The SVG is embedded as an image of its own: inline, two figures' identifiers (`#clip1`) would collide.
    """
    encoded = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/svg+xml;base64,{encoded}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table that sorts by a column when its title is clicked; the first column is text, the others numbers."""
    head = "".join(f"<th><button>{escape(cell)}</button></th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def escape(text: str) -> str:
    """Return a text as HTML that shows it letter by letter, what is not visible as escapes."""
    return html_escape(visible(text))
