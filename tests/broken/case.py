"""A broken input: files in an empty folder, a command run in it, and how the one line that it ends in begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Broken:
    """One input of the corpus."""

    command: str
    """What stands after `auctionsim`, run in the folder."""
    says: str
    """How the line on stderr begins."""
    files: Mapping[str, bytes | str] = field(default_factory=dict)
    """Contents by the path in the folder."""
    on_run: Callable[[Path], object] | None = None
    """Breaks the folder `run`, a copy of a finished run."""
