"""Which day an episode replays and how its luck falls: drawn by the seed of `reset`, the day also fixed by its options."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from auctionsim.errors import InputError, unknown
from auctionsim.market.market import Market
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

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
    draws: Draws
    episode: int

    @property
    def luck(self) -> int:
        """The seed of its sampled outcomes; to be asked before the next episode."""
        return self.draws.drawn(self.episode)[1]


class Draws:
    """The episodes of one copy after `reset(seed=seed)`; copy i of a vector is seeded with seed + i.

    The first day is that of the seed's turn, so that copies spread evenly over the days and neighbouring seeds begin on
    different ones; later days are drawn, and so is the luck of every episode. Drawn when it is asked for: where nothing happens
    by luck, many copies would spend a tenth of their time on generators that nobody asks.
    """

    def __init__(self, days: tuple[int, ...], seed: int) -> None:
        self._days, self._seed = days, seed
        self._episode = -1
        self._n_drawn, self._last = 0, (0, 0)

    @cached_property
    def stream(self) -> np.random.Generator:
        """Where they are drawn from."""
        return stream(self._seed, "env")

    def drawn(self, episode: int) -> tuple[int, int]:
        """Number of the day and luck of an episode, the last one or a later one."""
        while self._n_drawn <= episode:
            self._last = int(self.stream.integers(len(self._days))), int(self.stream.integers(2**63))
            self._n_drawn += 1
        if episode < self._n_drawn - 1:
            raise ValueError(f"episode: expected at least {self._n_drawn - 1}, got {episode}")
        return self._last

    def next(self, day: object = None) -> Draw:
        """The next episode; where its day is fixed, later ones stay what they were.

        Raises:
            InputError: `day` is neither None nor a whole number.
        """
        self._episode += 1
        if day is None:
            number = self._seed % len(self._days) if self._episode == 0 else self.drawn(self._episode)[0]
            return Draw(self._days[number], self, self._episode)
        if isinstance(day, bool) or not isinstance(day, int | np.integer):
            raise InputError(f"options['day']: expected a whole number, got {day!r}")
        return Draw(int(day), self, self._episode)


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
