"""Write the pages that are made from the code, before Sphinx lists the pages.

They are committed, for readers of the repository; a test compares them with the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import command_lines
import scenario_keys

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PAGES = {"commands.md": command_lines.page, "scenario-keys.md": scenario_keys.page}


def _write(app: Sphinx) -> None:
    for name, page in PAGES.items():
        path, text = Path(app.srcdir) / name, page()
        # A page that says so already keeps its time of change, so that Sphinx does not build it again.
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write before the pages are listed."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True}
