"""What clearing a day in parallel took beyond clearing it in order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Effort:
    """What a parallel replay took beyond a sequential one."""

    windows: int = 0
    """Windows that were ranked side by side."""
    rounds: int = 0
    """Rounds of settling, all windows together."""
    ranked: int = 0
    """Rankings, buckets x policies, made side by side."""
    ranked_again: int = 0
    """Rankings made again since somebody who mattered to them had run out, once for each round in which it was so."""
    in_order: int = 0
    """Buckets x policies that were cleared in order, as so many ran out that windows did not pay."""

    def add(self, other: Effort) -> None:
        """Add that of another replay."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)
