"""Sample episodes: which day is replayed, and the seed of its sampling noise. The seed of `reset` decides both."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from auctionsim.arguments import one_of
from auctionsim.errors import InputError, shown
from auctionsim.market.market import Market
from auctionsim.numbers import whole_number
from auctionsim.streams import stream
from auctionsim.traffic.table import HOURS

SPLITS = ("train", "test")
UNKNOWN_SEED = -1
"""Seed of a sampler whose generator was given, as Gymnasium reports it in `np_random_seed`."""


_DRAWN_BELOW = 2**53
"""Drawn seeds are below it, so that a float, as JSON and loggers hold numbers, holds them exactly."""


def drawn_seed() -> int:
    """Draw the seed of an environment that nobody seeded, from the operating system's entropy, as Gymnasium does."""
    return secrets.randbelow(_DRAWN_BELOW)


def days_of(market: Market, split: str) -> tuple[int, ...]:
    """Return the training or test days of a market.

    Args:
        market: The market.
        split: `train` or `test`.

    Raises:
        InputError: `split` is neither.
    """
    one_of("split", split, SPLITS)
    section = market.scenario.traffic
    return section.train_days if split == "train" else section.test_days


@dataclass(frozen=True)
class EpisodeSeed:
    """Everything about an episode that is random: its day, and the seed of its sampling noise."""

    day: int
    """Day that is replayed."""
    sampler: EpisodeSampler
    """Sampler that the episode comes from."""
    episode: int
    """Number of the episode since the sampler was seeded, 0 for the first."""

    @property
    def noise_seed(self) -> int:
        """Return the seed of the episode's sampled outcomes; must be read before the next episode is."""
        return self.sampler.sampled(self.episode)[1]


class EpisodeSampler:
    """Sample the episodes of one environment after `reset(seed=seed)`; environment i of a vector has the seed s + i.

    The first day is number `seed` modulo the number of days, so that parallel environments spread evenly over the days and
    neighboring seeds begin on different ones. Later days are drawn, and so is the noise seed of every episode. Drawn lazily:
    with expected outcomes, creating generators that nobody uses would take about 10 % of a vector environment's time.

    Args:
        days: Days to sample from.
        seed: Seed of the random stream, >= 0.
        generator: Generator that all days are drawn from, the first one too, in place of the seed's; None for the seed's.
    """

    def __init__(self, days: tuple[int, ...], seed: int, generator: np.random.Generator | None = None) -> None:
        self._days, self._generator = days, generator
        self.seed = seed if generator is None else UNKNOWN_SEED
        """Seed of the random stream; `UNKNOWN_SEED` where a generator was given."""
        self._episode = -1
        self._n_sampled, self._last = 0, (0, 0)

    @cached_property
    def stream(self) -> np.random.Generator:
        """Return the generator that episodes are drawn from."""
        return stream(self.seed, "env") if self._generator is None else self._generator

    def sampled(self, episode: int) -> tuple[int, int]:
        """Draw the episodes up to a given one.

        Args:
            episode: Number of an episode, that of the last one that was drawn or larger.

        Returns:
            Index of the episode's day in `days`, and the seed of its sampling noise.

        Raises:
            ValueError: A later episode was drawn before.
        """
        while self._n_sampled <= episode:
            self._last = int(self.stream.integers(len(self._days))), int(self.stream.integers(2**63))
            self._n_sampled += 1
        if episode < self._n_sampled - 1:
            raise ValueError(f"episode: expected a number >= {self._n_sampled - 1}, got {episode}")
        return self._last

    def next(self, day: int | None = None) -> EpisodeSeed:
        """Return the next episode. Fixing its day changes no later episode.

        Args:
            day: Day to replay, from `checked_day`; drawn where None.
        """
        self._episode += 1
        if day is not None:
            return EpisodeSeed(day, self, self._episode)
        is_of_seed = self._episode == 0 and self._generator is None
        index = self.seed % len(self._days) if is_of_seed else self.sampled(self._episode)[0]
        return EpisodeSeed(self._days[index], self, self._episode)


def checked_day(market: Market, day: Any) -> int | None:
    """Return the day that a user fixes with `options["day"]`; None where the day is drawn.

    Args:
        market: The market.
        day: The day as given.

    Raises:
        InputError: It is no whole number, or neither a training nor a test day.
    """
    if day is None:
        return None
    if isinstance(day, bool) or not isinstance(day, int | np.integer):
        raise InputError(f"options['day']: expected a whole number, got {shown(day)}")
    if int(day) not in market.baseline:
        raise InputError(f"options['day']: expected one of {sorted(market.baseline)}, got {shown(day)}")
    return int(day)


def checked_max_cycles(max_cycles: int | None) -> int:
    """Return the number of steps after which an episode is truncated; 24, a whole day, where None.

    Raises:
        InputError: It is no whole number >= 1.
    """
    return HOURS if max_cycles is None else whole_number("max_cycles", max_cycles, 1)
