"""Compare generated weeks with a profile's measured aggregates: a row for each, on every seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from auctionsim.traffic.comparison.aggregate import Aggregate
from auctionsim.traffic.comparison.outside import outside_aggregates
from auctionsim.traffic.comparison.volumes import spread_aggregates, volume_aggregates
from auctionsim.traffic.comparison.week import Week
from auctionsim.traffic.profile import Profile
from auctionsim.traffic.profiles.marks import FIGURES


@dataclass(frozen=True)
class Row:
    """An aggregate and what the generator drew of it."""

    aggregate: Aggregate
    source: str
    """The source that measured it."""
    generated: tuple[float, ...]
    """The generated value on each seed."""

    @property
    def held(self) -> int:
        """Return the number of seeds on which it holds."""
        return sum(self.aggregate.holds(one) for one in self.generated)

    @property
    def holds(self) -> bool:
        """Return whether it holds on every seed."""
        return self.held == len(self.generated)

    @property
    def undefined(self) -> int:
        """Return the number of seeds on which the generated value is not defined."""
        return sum(not math.isfinite(one) for one in self.generated)

    def as_dict(self) -> dict[str, Any]:
        """Return the row for JSON; a value that is not defined is null."""
        own = self.aggregate
        return {
            "aggregate": own.name, "figure": own.key, "source": self.source, "kind": own.kind, "given": own.is_given,
            "published": own.published, "tolerance": own.tolerance,
            "generated": [one if math.isfinite(one) else None for one in self.generated],
            "held": self.held, "holds": self.holds,
        }  # fmt: skip


def aggregates(profile: Profile) -> list[Aggregate]:
    """Return the aggregates of a profile that are measured; what is assumed has no published value to be compared with."""
    found = [*volume_aggregates(profile), *spread_aggregates(profile), *outside_aggregates(profile)]
    return [one for one in found if one.key in profile.marks.measured]


def compared(profile: Profile, weeks: Iterable[Week]) -> list[Row]:
    """Compare weeks with a profile.

    Args:
        profile: The profile.
        weeks: Generated weeks, one for each seed; each is measured before the next one is asked for.
    """
    own = aggregates(profile)
    generated = [[one.measure(week) for one in own] for week in weeks]
    return [
        Row(one, profile.marks.measured[one.key], tuple(found))
        for one, found in zip(own, zip(*generated, strict=True), strict=True)
    ]


def lines_of(profile: Profile, rows: Sequence[Row]) -> list[str]:
    """Return the comparison as a table in plain text, with the sources and what is assumed."""
    cells = [["aggregate", "source", "published", "generated", "tolerance", "verdict"], *map(_cells, rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    shown = cells if rows else []
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    if any(not row.aggregate.is_given for row in rows):
        lines += ["", "* not given to the generator"]
    if any(row.aggregate.kind == "distance" for row in rows):
        lines.append("a distance is 0 where a whole curve or distribution is equal (docs/profiles.md)")
    if any(row.undefined for row in rows):
        lines.append("not defined: there was no auction to measure it on, such as one that is won or lost")
    lines += ["", *profile.sources]
    lines += [f"assumed in part: {FIGURES[key]} ({text})" for key, text in profile.marks.partly.items()]
    return [*lines, *profile.marks.assumed_lines()]


def _cells(row: Row) -> list[str]:
    own, found = row.aggregate, row.generated
    low, high = min(found), max(found)
    generated = f"{low:.4g}" if low == high or len(found) == 1 else f"{sum(found) / len(found):.4g} [{low:.4g}, {high:.4g}]"
    if row.undefined:
        generated = "not defined" if len(found) == 1 else f"not defined on {row.undefined} of {len(found)} seeds"
    tolerance = {"level": f"+-{own.tolerance:.3g}", "distance": f"<= {own.tolerance:.3g}", "direction": "same sign"}[own.kind]
    verdict = "holds" if row.holds else "misses"
    if len(found) > 1 and not row.holds:
        verdict += f" on {len(found) - row.held} of {len(found)} seeds"
    published = "distance" if own.kind == "distance" else f"{own.published:.4g}"
    return [own.name + ("" if own.is_given else " *"), row.source, published, generated, tolerance, verdict]
