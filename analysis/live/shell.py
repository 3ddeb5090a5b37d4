"""Hold the page of a run that goes on: its style, its script, and the policy that lets it ask its own server and nobody else.

A report is a file and asks nobody, so that its page (`analysis.documents.page`) has another policy and other scripts.
"""

from __future__ import annotations

from collections.abc import Sequence

from auctionsim.analysis.documents.assets import asset
from auctionsim.analysis.documents.page import escape, source_hash

SECONDS = 2
"""Seconds between two looks at the run."""
STYLE = f"""
{asset("page.css")}
.wide:focus-visible {{ outline: 2px solid; }} caption {{ color: var(--quiet); font-size: .9rem; text-align: left; }}
#progress p {{ margin: .6rem 0 .2rem; }} #progress .quiet {{ font-size: .9rem; }}
progress {{ width: 100%; accent-color: var(--c0); }}
svg {{ width: 100%; height: auto; max-width: 48rem; font: 12px system-ui, sans-serif; }}
svg text {{ fill: var(--ink); }} .axis, .grid {{ fill: none; stroke: var(--line); }}
.band {{ fill: var(--c0); fill-opacity: .18; }}
polyline, .level {{ fill: none; }} .seed {{ stroke: var(--quiet); stroke-opacity: .45; }} circle.seed {{ fill: var(--quiet); }}
.mean {{ stroke: var(--c0); stroke-width: 2.2; }} circle.mean {{ fill: var(--c0); }}
.level {{ stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 4 3; }}
@media (max-width: 30rem) {{ svg {{ font-size: 19px; }} }}
"""
SCRIPT = f"""
const put = (id, html) => {{
  const old = document.getElementById(id);
  if (old === null || old.dataset.html === html) return;
  const lists = [...old.querySelectorAll(".wide")], focused = lists.indexOf(document.activeElement);
  const left = lists.map(list => list.scrollLeft), open = [...old.querySelectorAll("details")].map(one => one.open);
  const summaries = [...old.querySelectorAll("summary")], asked = summaries.indexOf(document.activeElement);
  old.innerHTML = old.dataset.html = html;
  old.querySelectorAll("details").forEach((one, i) => {{ one.open = Boolean(open[i]); }});
  old.querySelectorAll("summary").forEach((one, i) => {{ if (i === asked) one.focus(); }});
  old.querySelectorAll(".wide").forEach((list, i) => {{
    list.scrollLeft = left[i] || 0;
    if (i === focused) list.focus();
  }});
}};
const say = text => {{
  const status = document.getElementById("status");
  if (status.textContent !== text) status.textContent = text;
}};
const follow = async () => {{
  try {{
    const answer = await fetch("live", {{ cache: "no-store" }});
    if (!answer.ok) throw new Error(answer.status);
    const found = await answer.json();
    say(found.sentence);
    Object.entries(found.blocks).forEach(([id, html]) => put(id, html));
  }} catch (error) {{
    say("The view has ended: what follows is the last that it showed. The run is not touched by that.");
  }}
  setTimeout(follow, {SECONDS * 1000});
}};
setTimeout(follow, {SECONDS * 1000});
"""


def content_policy() -> str:
    """Return the page's Content-Security-Policy: its own style and script alone, and requests to its own server alone."""
    return (
        f"default-src 'none'; style-src {source_hash(STYLE)}; script-src {source_hash(SCRIPT)}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def shell(title: str, parts: Sequence[str]) -> str:
    """Return a whole page.

    Args:
        title: The title, as text.
        parts: The parts, as HTML.
    """
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # An empty icon, so that no browser requests one.
        f'<link rel="icon" href="data:,"><style>{STYLE}</style></head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n'
        + "\n".join(parts)
        + f"\n</main>\n<script>{SCRIPT}</script>\n</body></html>\n"
    )


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, named by its caption; where it is too wide, it scrolls by the keyboard too."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
