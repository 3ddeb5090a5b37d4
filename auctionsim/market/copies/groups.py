"""Hold copies of days that are replayed together, as policies of one replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Replay = TypeVar("Replay")


@dataclass(eq=False)
class Group(Generic[Replay]):
    """Copies that began the same day at the same time: one replay of it, or one for each thread."""

    replay: Replay
    """The day; its policy p is the copy `members[p]`."""
    members: NDArray[np.int64]
    """Indices of the copies."""
    is_live: NDArray[np.bool_]
    """Whether each member is still on this day; the others began another one, and what is replayed for them is unused."""

    @classmethod
    def of(cls, replay: Replay, members: NDArray[np.int64]) -> Group[Replay]:
        """Return the group of copies that begin a day."""
        return cls(replay, members, np.ones(len(members), dtype=bool))

    @cached_property
    def index(self) -> slice | NDArray[np.int64]:
        """Return the members as an index into arrays of copies.

        It is a slice where they are evenly spaced, which takes a view instead of an array: environments that are seeded one
        after the other are, for example 0, 2, 4 and 1, 3, 5 over two days.
        """
        step = int(self.members[1] - self.members[0]) if len(self.members) > 1 else 1
        is_even = step > 0 and (np.diff(self.members) == step).all()
        return slice(int(self.members[0]), int(self.members[-1]) + 1, step) if is_even else self.members

    def is_everybody(self, copies: int) -> bool:
        """Return whether all of so many copies are in this group, in their order, and still on its day."""
        return len(self.members) == copies and isinstance(self.index, slice) and bool(self.is_live.all())


def without(groups: Sequence[Group[Replay]], copies: NDArray[np.int64]) -> list[Group[Replay]]:
    """Return groups after some copies left their days; a group of which nobody is left goes.

    Args:
        groups: The groups, which are changed.
        copies: Indices of the copies that leave.
    """
    for group in groups:
        group.is_live &= ~np.isin(group.members, copies)
    return [group for group in groups if group.is_live.any()]
