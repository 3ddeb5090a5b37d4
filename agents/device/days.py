"""Play copies of several days at once on a device, all of them in the same hour: what learners roll out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from auctionsim.agents.device.engine import ArrayEngine, engine_on
from auctionsim.agents.device.home import Home
from auctionsim.auction.outcome import OUTCOMES
from auctionsim.market.actor import DayState
from auctionsim.market.market import Market


class DeviceDays:
    """Copies of days from midnight on, with the attributes of a `MarketDay` that a rollout needs.

    Args:
        market: The market.
        days: Days; the copies of the first one come first.
        copies: Number of copies of each day.
        home: The place of the arrays, a device.

    Raises:
        ValueError: The place is memory.
    """

    def __init__(self, market: Market, days: Sequence[int], copies: int, home: Home) -> None:
        if home.device is None:
            raise ValueError("home: expected a device, got none")
        count, n = len(days) * copies, len(market.advertisers)
        self._engine = ArrayEngine(engine_on(home.device, market, count, source=f"{market.scenario.source}: learner.device"))
        self._engine.begin(np.arange(count), np.repeat(np.array(days), copies), [market.seed] * count)
        self._hour = 0
        self._budget_left = home.array(np.tile(market.first_budgets[:, None], (1, count)))
        self.last_step = home.array(np.zeros((n, len(OUTCOMES), count)))
        """Impressions, clicks, conversions, GMV and cost of the last hour, `[advertisers, 5, P]`."""
        self.cumulative = np.zeros_like(self.last_step)
        """The same of the days so far."""

    @property
    def rewarded(self) -> Any:
        """Return the totals that learners are paid by, `[advertisers, 5, P]`: all that came, since nothing is late here."""
        return self.cumulative

    @property
    def state(self) -> DayState:
        """Return what is known before the next hour; its `day` is -1, since there are several."""
        return DayState(-1, self._hour, self._hour, self._budget_left, self.last_step, self.cumulative)

    def step(self, coefficients: Any) -> None:
        """Clear the next hour with coefficients `[advertisers, 4, P]`."""
        self.last_step, self._budget_left = self._engine.step(coefficients)
        self.cumulative = self.cumulative + self.last_step
        self._hour += 1
