"""What `render` shows: a line per hour, or a picture of the day so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.outcome import COST, GMV, OUTCOMES
from auctionsim.errors import unknown
from auctionsim.market.market import Market
from auctionsim.traffic.table import HOURS


def checked_render_mode(render_mode: str | None, render_modes: Sequence[str]) -> str | None:
    """The render mode of an environment.

    Raises:
        InputError: It is not among those the environment has.
    """
    if render_mode is not None and render_mode not in render_modes:
        raise unknown("render_mode", render_mode, render_modes)
    return render_mode


class Story:
    """The hours of a day so far."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._hours: list[NDArray[np.float64]] = []
        self._day: int | None = None

    def begin(self, day: int) -> None:
        """A new day."""
        self._day, self._hours = day, []

    def add(self, totals: NDArray[np.float64]) -> None:
        """An hour's totals, `[advertisers, 5]`."""
        self._hours.append(totals)

    def render(self, render_mode: str | None) -> NDArray[np.uint8] | None:
        """Print a line (`human`), return a picture (`rgb_array`), or do nothing."""
        if render_mode == "human":
            print(self.line())
        if render_mode != "rgb_array":
            return None
        from auctionsim.envs.frame import day_frame

        reference = None if self._day is None else self._market.baseline[self._day]
        return day_frame(self._totals(), reference, self._market.advertisers, self._title())

    def line(self) -> str:
        """The day so far as text."""
        totals = self._totals().sum(axis=(0, 1))
        return f"{self._title()}  revenue {totals[COST]:.2f}  gmv {totals[GMV]:.2f}"

    def _totals(self) -> NDArray[np.float64]:
        """`[hours so far, advertisers, 5]`."""
        shape = (len(self._hours), len(self._market.advertisers), len(OUTCOMES))
        return np.array(self._hours, dtype=np.float64).reshape(shape)

    def _title(self) -> str:
        return f"day {'-' if self._day is None else self._day} hour {len(self._hours):2d}/{HOURS}"
