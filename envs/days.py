"""Which day an episode replays and how its luck falls: drawn by the seed of `reset`, the day also fixed by its options."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auctionsim.errors import InputError, unknown
from auctionsim.market.setup import Market
from auctionsim.market.traffic import HOURS
from auctionsim.streams import stream

SPLITS = ("train", "test")


def days_of(market: Market, split: str) -> tuple[int, ...]:
    """The training or test days.

    Raises:
        InputError: `split` is neither.
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    section = market.scenario.traffic
    return section.train_days if split == "train" else section.test_days


@dataclass(frozen=True)
class Draw:
    """What chance decides about an episode."""

    day: int
    luck: int
    """The seed of its sampled outcomes."""


class Draws:
    """The episodes of one copy after `reset(seed=seed)`; copy i of a vector is seeded with seed + i.

    The first day is that of the seed's turn, so that copies spread evenly over the days and neighbouring seeds begin on
    different ones; later days are drawn, and so is the luck of every episode.
    """

    def __init__(self, days: tuple[int, ...], seed: int) -> None:
        self.stream = stream(seed, "env")
        self._days = days
        self._turn: int | None = seed % len(days)

    def next(self, day: object = None) -> Draw:
        """The next episode; where its day is fixed it is drawn all the same, so that later ones stay what they were.

        Raises:
            InputError: `day` is neither None nor a whole number.
        """
        drawn, luck = int(self.stream.integers(len(self._days))), int(self.stream.integers(2**63))
        turn, self._turn = self._turn, None
        if day is None:
            return Draw(self._days[drawn if turn is None else turn], luck)
        if isinstance(day, bool) or not isinstance(day, int | np.integer):
            raise InputError(f"options['day']: expected a whole number, got {day!r}")
        return Draw(int(day), luck)


def checked_max_cycles(max_cycles: int | None) -> int:
    """Steps after which an episode is cut; a whole day where None.

    Raises:
        InputError: It is less than 1.
    """
    if max_cycles is None:
        return HOURS
    if max_cycles < 1:
        raise InputError(f"max_cycles: expected a whole number at least 1, got {max_cycles}")
    return max_cycles
