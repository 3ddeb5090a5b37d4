"""One copy of the auction played hour by hour: what the parallel and the single-bidder environment have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.envs.actions import Actions
from auctionsim.envs.days import Draws, checked_max_cycles, days_of
from auctionsim.envs.episodes import Episodes, Hour
from auctionsim.envs.rendering import Story, checked_render_mode
from auctionsim.market.market import Market

Array = NDArray[np.float64]


class OneCopy:
    """A day under way, its actions, and the story told of it."""

    day: int
    _draws: Draws

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
        """Check the arguments, then build the market, which takes longer."""
        self.actions = Actions(bid_model, action_mode, levels, max_multiplier)
        self.render_mode = checked_render_mode(render_mode, render_modes)
        self.max_cycles = checked_max_cycles(max_cycles)
        self.market = market()
        self.episodes = Episodes(self.market, bid_model, copies=1)
        self.story = Story(self.market)
        self._days = days_of(self.market, split)

    def _begin(self, options: Mapping[str, Any] | None) -> None:
        """Start the next day that is drawn, or `options["day"]`."""
        draw = self._draws.next((options or {}).get("day"))
        self.episodes.start(np.array([0]), [draw])
        self.day = draw.day
        self.story.begin(self.day)

    def _replay(self, log_multipliers: Array) -> tuple[Hour, bool, bool]:
        """Replay an hour with log multipliers `[1, A, coefficients]`; whether the day is over, and whether it was cut."""
        hour = self.episodes.step(log_multipliers)
        self.story.add(self.episodes.last[:, :, 0])
        is_over = bool(hour.is_over[0])
        is_cut = not is_over and bool(self.episodes.hour[0] >= self.max_cycles)
        if self.render_mode == "human":
            self.render()
        return hour, is_over, is_cut

    def render(self) -> NDArray[np.uint8] | None:
        """Print the day so far (`human`), or draw it as `[height, width, 3]` (`rgb_array`)."""
        return self.story.render(self.render_mode)
