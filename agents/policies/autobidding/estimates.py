"""Count conversions that are reported late, each value maximizer by its own estimate (docs/delays.md)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auctionsim.market.policy import DayState

Array = NDArray[np.float64]


class Estimates:
    """Estimates of n advertisers.

    Args:
        settings: Estimate and window of each, n.
    """

    def __init__(self, settings: Sequence[tuple[str, int]]) -> None:
        self._groups = [
            (estimate, window, np.array([i for i, own in enumerate(settings) if own == (estimate, window)]))
            for estimate, window in dict.fromkeys(settings)
        ]

    def step(self, state: DayState) -> Array:
        """Return what was learned in the last hour, impressions, clicks, conversions, GMV and cost, `[n, 5, P]`.

        Args:
            state: The state of the n advertisers at the hour's end.
        """
        if state.reports is None:
            return state.last_step
        found = np.array(state.last_step)
        for estimate, window, who in self._groups:
            if estimate != "naive":
                found[who] = state.reports.of(who).step(estimate, window)
        return found
