"""Make the figures of docs/gallery.md by the commands that stand under them: `make gallery`."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parent / "gallery.md"
MOST_BYTES = 150_000
_ENTRY = re.compile(r"!\[[^]]*\]\((?P<image>[^)]+)\).*?```\n(?P<commands>.*?)```\s+`(?P<made>[^`]+)`", re.DOTALL)


class Figure(NamedTuple):
    """One figure of the gallery: where it lies, its commands, and the file that they make."""

    image: Path
    commands: str
    made: str


def figures(text: str) -> list[Figure]:
    """Return the figures of the page, first to last."""
    return [Figure(PAGE.parent / found["image"], found["commands"], found["made"]) for found in _ENTRY.finditer(text)]


def main() -> None:
    """Make all but those of the demo, which takes minutes."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for figure in figures(PAGE.read_text(encoding="utf-8")):
        if figure.commands.startswith("make "):
            continue
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["bash", "-ec", figure.commands], cwd=folder, env={**os.environ, "PATH": path}, check=True)
            figure.image.write_bytes(_small(Path(folder) / figure.made))
        print(f"wrote {figure.image}")


def _small(path: Path) -> bytes:
    """Return a picture as it is, or with 64 colors where it takes too many bytes for a page."""
    from PIL import Image

    if path.stat().st_size <= MOST_BYTES:
        return path.read_bytes()
    buffer = io.BytesIO()
    Image.open(path).convert("RGB").quantize(64).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
