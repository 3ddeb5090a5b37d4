"""Plan the spend of a day: each hour's share of what is left, the error of an hour, and bids from a few coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import COST
from auctionsim.market.actor import DayState
from auctionsim.market.market import Market

Array = NDArray[np.float64]


def hourly_share(market: Market, advertisers: NDArray[np.int64]) -> Array:
    """Return each hour's share of what is left of a day: its auctions over those from it to midnight, on training days.

    For example, with the same number of auctions in every hour, hour 23 has the share 1, hour 22 1/2 and hour 0 1/24.

    Args:
        market: The market.
        advertisers: Indices of the advertisers, `[n]`.

    Returns:
        Shares in [0, 1], `[24, n]`; 1 where no auctions are to come.
    """
    days = market.scenario.traffic.train_days
    auctions = sum((market.hourly_auctions(day)[:, advertisers] for day in days), np.zeros((24, len(advertisers))))
    to_come = np.cumsum(auctions[::-1], axis=0)[::-1]
    return np.divide(auctions, to_come, out=np.ones_like(auctions), where=to_come > 0)


def planned_spend(share: Array, left: Array) -> Array:
    """Return the planned spend of an hour, currency: its share of what is left; infinite without a budget, whatever the share.

    Args:
        share: Shares in [0, 1], `[n, P]` or what broadcasts to it.
        left: Currency left, infinite without a budget, `[n, P]`.
    """
    is_limited = np.isfinite(left)
    return np.where(is_limited, share * np.where(is_limited, left, 0.0), np.inf)


class SpendPlan:
    """Planned spends of a day's hours so far, which reports are compared with when they come.

    Without delay an hour is compared with its plan as soon as it is over. Where reports are late, what was planned for the
    hours that are not reported yet counts as spent.

    Args:
        share: Each hour's share of what is left, as from `hourly_share`, `[24, n]`.
    """

    def __init__(self, share: Array) -> None:
        self._share, self._planned = share[:, :, None], dict[int, Array]()

    def error(self, state: DayState) -> Array | None:
        """Return the relative error of the last hour reported, `[n, P]`; None where nothing was planned for it."""
        planned = self._planned.get(state.reported - 1)
        return None if planned is None else spend_error(state.last_step[:, COST], planned)

    def plan(self, state: DayState) -> None:
        """Plan the spend of the coming hour."""
        left = state.budget_left
        for hour in range(state.reported, state.steps_done):
            unreported = self._planned.get(hour, np.zeros(()))
            left = np.maximum(left - np.where(np.isfinite(unreported), unreported, 0.0), 0.0)
        self._planned[state.steps_done] = planned_spend(self._share[state.hour], left)


def spend_error(cost: Array, planned: Array) -> Array:
    """Return the relative error of an hour's spend, `cost / planned - 1`; 0 without a budget, and where nothing was planned.

    Args:
        cost: Cost of the hour, currency `[n, P]`.
        planned: Planned spend of the hour, currency, infinite without a budget, `[n, P]`.
    """
    planned = np.broadcast_to(planned, cost.shape)
    is_planned = np.isfinite(planned) & (planned > 0)
    return np.divide(cost, planned, out=np.ones_like(cost), where=is_planned) - 1.0


def bid_by(**coefficients: Array) -> Array:
    """Return coefficients over `bid_formula.FEATURES`, `[n, 4, P]`, from those of some features, each `[n, P]`; 0 elsewhere."""
    theta = np.zeros((*next(iter(coefficients.values())).shape, len(FEATURES)))
    for name, values in coefficients.items():
        theta[:, :, FEATURES.index(name)] = values
    return theta.transpose(0, 2, 1)
