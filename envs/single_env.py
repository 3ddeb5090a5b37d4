"""Run one environment hour by hour: what the parallel and the single-bidder environment have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arguments
from auctionsim.arguments import one_of
from auctionsim.envs.actions import Actions
from auctionsim.envs.batched_days import BatchedDays, HourResult
from auctionsim.envs.episode_sampler import (
    UNKNOWN_SEED,
    EpisodeSampler,
    checked_day,
    checked_max_cycles,
    days_of,
    drawn_seed,
)
from auctionsim.envs.infos import REWARDS
from auctionsim.envs.rendering import Renderer, checked_render_mode
from auctionsim.errors import shown
from auctionsim.market.market import Market
from auctionsim.names.display import cut, ranges
from auctionsim.numbers import checked_seed
from auctionsim.objectives.penalties import PENALTIES

Array = NDArray[np.float64]


class SingleEnvMixin:
    """The simulated day of one environment, with its actions and its rendering."""

    day: int
    """Day that is replayed."""
    _sampler: EpisodeSampler | None = None
    """None until a seed is given or needed, so that copies of an environment that never began draw days of their own."""

    def _set_up(
        self,
        market: Callable[[], Market],
        *,
        bid_model: str,
        action_mode: str,
        levels: int,
        max_multiplier: float,
        penalty: str,
        reward: str,
        split: str,
        max_cycles: int | None,
        render_mode: str | None,
        render_modes: Sequence[str],
    ) -> None:
        """Check the arguments, then build the market, which takes longer."""
        self.actions = Actions(bid_model, action_mode, levels, max_multiplier)
        self.render_mode = checked_render_mode(render_mode, render_modes)
        self.max_cycles = checked_max_cycles(max_cycles)
        one_of("penalty", penalty, PENALTIES)
        self.reward = one_of("reward", reward, REWARDS)
        self.market = market()
        self.batched_days = BatchedDays(self.market, bid_model, num_envs=1, penalty=penalty)
        self._renderer = Renderer(self.market)
        self._days = days_of(self.market, split)

    def __repr__(self) -> str:
        market: Market | None = getattr(self, "market", None)
        if market is None:
            return f"{type(self).__name__}(not set up)"
        count, model = len(market.learners), self.actions.bid_model
        agents = f"{count} agent{'s' if count > 1 else ''}"
        return cut(f"{type(self).__name__}({shown(market.scenario.name)}: {agents}, {model}, days {ranges(self._days)})")

    @property
    def np_random(self) -> np.random.Generator:
        """The generator that days and sampling noise are drawn from; one that is set decides them until a seed does."""
        return self._seeded().stream

    @np_random.setter
    def np_random(self, value: np.random.Generator) -> None:
        self._sampler = EpisodeSampler(self._days, UNKNOWN_SEED, value)

    @property
    def np_random_seed(self) -> int:
        """The seed of `np_random`: `reset(seed=...)` with it draws the same days again. -1 where the generator was set."""
        return self._seeded().seed

    def _seeded(self) -> EpisodeSampler:
        """Return the sampler, with a drawn seed where none was given."""
        if self._sampler is None:
            self._sampler = EpisodeSampler(self._days, drawn_seed())
        return self._sampler

    def _begin(self, seed: int | None, options: Mapping[str, Any] | None) -> None:
        """Begin the next day that the sampler draws, or `options["day"]`.

        Seed and day are checked before anything changes, so that an error leaves the environment as it was.
        """
        given = None if seed is None else checked_seed("seed", seed)
        day = checked_day(self.market, arguments.options(options, ("day",)).get("day"))
        if given is not None:
            self._sampler = EpisodeSampler(self._days, given)
        episode = self._seeded().next(day)
        self.batched_days.begin(np.array([0]), [episode])
        self.day = episode.day
        self._renderer.begin(self.day)

    def _replay(self, log_multipliers: Array) -> tuple[HourResult, bool, bool]:
        """Replay an hour.

        Args:
            log_multipliers: Logs of the factors on the starting coefficients, `[1, agents, coefficients]`.

        Returns:
            Rewards, objectives and costs of the hour, whether the day is over (terminated), and whether it was cut short
            (truncated).
        """
        hour = self.batched_days.step(log_multipliers)
        self._renderer.add(self.batched_days.last_step[:, :, 0])
        is_over = bool(hour.is_over[0])
        is_cut = not is_over and bool(self.batched_days.hour[0] >= self.max_cycles)
        if self.render_mode == "human":
            self.render()
        return hour, is_over, is_cut

    def render(self) -> NDArray[np.uint8] | None:
        """Print the day so far (`human`), or return a picture of it, `[height, width, 3]` (`rgb_array`)."""
        return self._renderer.render(self.render_mode)
