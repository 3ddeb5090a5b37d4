"""`throttle`: the keyword bid in a share of the auctions (Agarwal et al., LinkedIn, KDD 2014: probabilistic throttling)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.policies.pacing.plan import bid_by
from auctionsim.auction.outcome import COST
from auctionsim.market.market import Market
from auctionsim.market.policy import DayPolicy, DayState, Participation
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]

# As in the source: the rate of the first minute, its steps of a minute, and the hour by which a day's budget is to be spent.
_FIRST_RATE, _UP, _DOWN, _FINISH = 0.1, 1.1, 0.9, 22.0
# Our choice, for 24 updates a day: an hour moves the rate by at most as much as ten of the source's minutes.
_MINUTES = 10
_SMALLEST_RATE = 0.01


class Throttle:
    """Participate in a share (the pass-through rate) of the auctions, with the keyword bid unchanged.

    The source compares spend with an allocation curve once a minute, and multiplies the rate by 1.1 or 0.9. The curve is the
    forecast share of the day's eligible impressions, compressed to 22 hours so that the budget is spent in time; the forecast
    here is the mean of the training days' auctions. An hour's spend is proportional to the rate, so the hour's factor is the
    one that brings spend back to the curve, `(allocated by the hour's end - spent) / (last cost x auctions / last auctions)`,
    between 0.9^10 and 1.1^10. The rate starts at 0.1 and stays in [0.01, 1]. Without a budget it is 1.

    `auction/throttling.py` leaves auctions out. One random draw per candidate row, keyed by (seed, day, hour, row), decides
    whether the row participates. So expected outcomes are exact for the auctions participated in, and, over seeds, for the rate
    itself where cells have weight 1. A cell of weight n is cleared as a whole, so its n auctions share one draw: right on
    average, with a larger variance.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        days, n = market.scenario.traffic.train_days, len(advertisers)
        self._auctions = sum((market.hourly_auctions(day)[:, advertisers] for day in days), np.zeros((HOURS, n)))
        by_hour = np.vstack([np.zeros(n), self._auctions.cumsum(axis=0)])
        curve = by_hour / np.maximum(by_hour[-1], 1e-12)
        ends = np.minimum(np.arange(1, HOURS + 1) * HOURS / _FINISH, HOURS)
        self._allocated = np.stack([arithmetic.interpolate(ends, np.arange(HOURS + 1), own) for own in curve.T], axis=1)
        self._budgets = market.budgets[advertisers]

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (other rules use them)
        """Begin a day with the first rate."""
        budgets = self._budgets[:, None]
        is_limited = np.isfinite(budgets)
        rate = np.tile(np.where(is_limited, _FIRST_RATE, 1.0), n_policies)

        def act(state: DayState) -> Participation:
            nonlocal rate
            if state.reported:
                limit = np.where(is_limited, budgets, 1.0)
                wanted = self._allocated[state.hour][:, None] * limit - np.where(is_limited, limit - state.budget_left, 0.0)
                # The hours that are not reported yet, and the coming one.
                to_come = self._auctions[state.reported : state.hour + 1].sum(axis=0)
                usual = to_come / np.maximum(self._auctions[state.reported - 1], 1.0)
                expected = np.maximum(state.last_step[:, COST] * usual[:, None], 1e-12)
                factor = np.clip(wanted / expected, arithmetic.power(_DOWN, _MINUTES), arithmetic.power(_UP, _MINUTES))
                rate = np.where(is_limited, np.clip(rate * factor, _SMALLEST_RATE, 1.0), 1.0)
            return Participation(bid_by(keyword_bid=np.ones_like(rate)), rate)

        return DayPolicy(act)
