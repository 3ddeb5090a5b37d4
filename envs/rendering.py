"""Render a day so far: a line of text per hour, or a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.arguments import one_of
from auctionsim.auction.environment import quiet_matplotlib
from auctionsim.auction.outcome import COST, GMV, OUTCOMES
from auctionsim.market.market import Market
from auctionsim.traffic.table import HOURS


def checked_render_mode(render_mode: str | None, render_modes: Sequence[str]) -> str | None:
    """Return the render mode of an environment.

    Args:
        render_mode: Name of the mode; None for none.
        render_modes: Names of the modes that the environment has.

    Raises:
        InputError: The mode is not among those the environment has.
    """
    return None if render_mode is None else one_of("render_mode", render_mode, render_modes)


class Renderer:
    """The hours of a day so far, as text or picture.

    Args:
        market: The market, whose baseline is drawn beside the day.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._hours: list[NDArray[np.float64]] = []
        self._day: int | None = None

    def begin(self, day: int) -> None:
        """Begin a new day."""
        self._day, self._hours = day, []

    def add(self, totals: NDArray[np.float64]) -> None:
        """Add an hour.

        Args:
            totals: Impressions, clicks, conversions, GMV and cost of the hour, `[advertisers, 5]`.
        """
        self._hours.append(totals)

    def render(self, render_mode: str | None) -> NDArray[np.uint8] | None:
        """Print a line (`human`), return a picture (`rgb_array`), or do nothing (None)."""
        if render_mode == "human":
            print(self.line())
        if render_mode != "rgb_array":
            return None
        # Imported here, since it imports matplotlib.
        with quiet_matplotlib():
            from auctionsim.envs.frame import day_frame

        baseline = None if self._day is None else self._market.baseline[self._day]
        return day_frame(self._totals(), baseline, self._market.advertisers, self._title())

    def line(self) -> str:
        """Return the day so far as a line of text."""
        totals = self._totals().sum(axis=(0, 1))
        return f"{self._title()}  revenue {totals[COST]:.2f}  gmv {totals[GMV]:.2f}"

    def _totals(self) -> NDArray[np.float64]:
        """Return the hours so far as one array, `[hours, advertisers, 5]`."""
        shape = (len(self._hours), len(self._market.advertisers), len(OUTCOMES))
        return np.array(self._hours, dtype=np.float64).reshape(shape)

    def _title(self) -> str:
        """Return day and hour as text."""
        return f"day {'-' if self._day is None else self._day} hour {len(self._hours):2d}/{HOURS}"
