"""What was measured beside what was published: does it land inside?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auctionsim.analysis.documents.sections import Table
from auctionsim.analysis.reports.metrics import Interval


@dataclass(frozen=True)
class Published:
    """A published figure and how near a reproduction has to come."""

    measure: str
    text: str
    """The figure as its source has it."""
    low: float
    high: float
    """The mean has to lie within these, ends included."""

    def holds(self, measured: Interval) -> bool:
        """Whether the mean lies inside."""
        return self.low <= measured.mean <= self.high


def published_table(pairs: Sequence[tuple[Published, Interval]], source: str) -> Table:
    """One row per figure: measured, published, the range asked for, and whether it holds."""
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
    return Table(["", "measured", "published", "asked for", "holds"], rows, f"Published: {source}.")


def verdict(pairs: Sequence[tuple[Published, Interval]]) -> str:
    """The table in a sentence."""
    held = sum(figure.holds(measured) for figure, measured in pairs)
    missed = [figure.measure for figure, measured in pairs if not figure.holds(measured)]
    if not missed:
        return f"Reproduced: {'all ' if held > 1 else ''}{held} figure{'s' if held > 1 else ''} inside the published range."
    return f"{held} of {len(pairs)} figures inside the published range; not: {', '.join(missed)}."
