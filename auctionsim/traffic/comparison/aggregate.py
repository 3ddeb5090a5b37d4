"""One aggregate of a profile, and how far a generated one may be from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from auctionsim.traffic.comparison.week import Week

Kind = Literal["level", "distance", "direction"]


@dataclass(frozen=True)
class Aggregate:
    """An aggregate with its published value.

    A level may differ by `tolerance`. A distance is that of a whole curve or distribution, 0 where all is equal, and may be
    `tolerance` at most. A direction must have the sign of the published value.
    """

    name: str
    """The aggregate in words."""
    key: str
    """The figure of the profile that it belongs to."""
    kind: Kind
    published: float
    """The published value; 0 for distances."""
    tolerance: float
    """Largest difference, >= 0; 0 for directions."""
    measure: Callable[[Week], float]
    """Function that measures the aggregate on a generated week."""
    is_given: bool = True
    """Whether the generator is given the aggregate; one that it is not given tests the assumptions."""

    def holds(self, generated: float) -> bool:
        """Return whether a generated value is near enough; one that is not defined is not."""
        if self.kind == "direction":
            return generated * self.published > 0
        return abs(generated - self.published) <= self.tolerance
