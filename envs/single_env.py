"""Run one environment hour by hour: what the parallel and the single-bidder environment have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim import arguments
from auctionsim.envs.actions import Actions
from auctionsim.envs.batched_days import BatchedDays, HourResult
from auctionsim.envs.episode_sampler import EpisodeSampler, checked_day, checked_max_cycles, days_of
from auctionsim.envs.rendering import Renderer, checked_render_mode
from auctionsim.market.market import Market
from auctionsim.numbers import checked_seed

Array = NDArray[np.float64]


class SingleEnvMixin:
    """The simulated day of one environment, with its actions and its rendering."""

    day: int
    """Day that is replayed."""
    _sampler: EpisodeSampler

    def _set_up(
        self,
        market: Callable[[], Market],
        *,
        bid_model: str,
        action_mode: str,
        levels: int,
        max_multiplier: float,
        split: str,
        max_cycles: int | None,
        render_mode: str | None,
        render_modes: Sequence[str],
    ) -> None:
        """Check the arguments, then build the market, which takes longer. The scenario's seed is the first one."""
        self.actions = Actions(bid_model, action_mode, levels, max_multiplier)
        self.render_mode = checked_render_mode(render_mode, render_modes)
        self.max_cycles = checked_max_cycles(max_cycles)
        self.market = market()
        self.batched_days = BatchedDays(self.market, bid_model, num_envs=1)
        self._renderer = Renderer(self.market)
        self._days = days_of(self.market, split)
        self._sampler = EpisodeSampler(self._days, self.market.seed)

    def _begin(self, seed: int | None, options: Mapping[str, Any] | None) -> None:
        """Begin the next day that the sampler draws, or `options["day"]`.

        Seed and day are checked before anything changes, so that an error leaves the environment as it was.
        """
        given = None if seed is None else checked_seed("seed", seed)
        day = checked_day(self.market, arguments.options(options, ("day",)).get("day"))
        if given is not None:
            self._sampler = EpisodeSampler(self._days, given)
        episode = self._sampler.next(day)
        self.batched_days.begin(np.array([0]), [episode])
        self.day = episode.day
        self._renderer.begin(self.day)

    def _replay(self, log_multipliers: Array) -> tuple[HourResult, bool, bool]:
        """Replay an hour.

        Args:
            log_multipliers: Logs of the factors on the starting coefficients, `[1, agents, coefficients]`.

        Returns:
            Rewards and objectives of the hour, whether the day is over (terminated), and whether it was cut short (truncated).
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
