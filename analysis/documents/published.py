"""Set measured figures beside published ones: does each reproduction land in its range?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auctionsim.analysis.documents.sections import Table
from auctionsim.analysis.statistics import Interval


@dataclass(frozen=True)
class Published:
    """A published figure, and the range that a reproduction has to land in."""

    measure: str
    text: str
    """The figure as its source prints it."""
    low: float
    high: float
    """The measured mean has to lie in [low, high]."""

    def holds(self, measured: Interval) -> bool:
        """Return True if the measured mean lies in the range, its ends included."""
        return self.low <= measured.mean <= self.high


def published_table(pairs: Sequence[tuple[Published, Interval]], source: str) -> Table:
    """Return a table with one row per figure: measured, published, the accepted range, and whether it holds."""
    rows = [
        [
            figure.measure,
            str(measured),
            figure.text,
            f"{figure.low:g} to {figure.high:g}",
            "yes" if figure.holds(measured) else "no",
        ]
        for figure, measured in pairs
    ]
    return Table(["", "measured", "published", "accepted range", "holds"], rows, f"Published: {source}.")


def verdict(pairs: Sequence[tuple[Published, Interval]]) -> str:
    """Return the table's result in one sentence."""
    held = sum(figure.holds(measured) for figure, measured in pairs)
    missed = [figure.measure for figure, measured in pairs if not figure.holds(measured)]
    if not missed:
        return f"Reproduced: {'all ' if held > 1 else ''}{held} figure{'s' if held > 1 else ''} inside the published range."
    return f"{held} of {len(pairs)} figures inside the published range; not: {', '.join(missed)}."
