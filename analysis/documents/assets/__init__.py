"""Read the style sheet and the scripts that pages hold: our own, and the charting library with its licences.

The files of d3 (7.9.2) and Observable Plot (0.6.17) are those that their makers publish, byte for byte.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

CHART_SCRIPTS = ("d3.min.js", "plot.umd.min.js", "charts.js")
"""Scripts of a page with interactive figures, in the order in which they run."""


@cache
def asset(name: str) -> str:
    """Return the text of a file of this folder."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
