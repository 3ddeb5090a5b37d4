"""Learn pacing from logged days: a linear program over hours and bid levels, solved again every hour for what is left.

From the logs alone: the mean value and cost of each hour, and how both change with the level of the bid, in bins of the logged
action. With value s_h g_b and cost c_h k_b of bidding at level b in hour h, the plan from hour h on is

    max  sum_h' s_h' g_b(h')   subject to   sum_h' c_h' k_b(h') <= budget left

whose dual has one multiplier lambda: every hour takes the level of the largest s_h g_b - lambda c_h k_b, and lambda is the
least one that keeps the budget (Agrawal, Wang and Ye 2014; AuctionNet's baseline OnlineLP solves the same program by
opportunity).
That value and cost are a product of the hour and the level is our assumption: it needs 24 times fewer days than free cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.errors import InputError

Array = NDArray[np.float64]

BINS = 9
_MULTIPLIERS = 200


@dataclass(frozen=True, eq=False)
class PacingTable:
    """What an agent's logs say: levels to bid at, and what is spent from each hour on for each multiplier."""

    levels: Array
    """Action of each level, in [-1, 1], rising, `[B]`."""
    choice: NDArray[np.int64]
    """Level that each hour takes for each multiplier, `[multipliers, T]`."""
    cost_to_go: Array
    """Cost from each hour to midnight for each multiplier, currency, falling along the first axis, `[multipliers, T]`."""

    def action(self, hour: int, budget_left: Array) -> Array:
        """Return the actions before an hour for what is left of the budget, currency, `[P]`; infinite without a budget."""
        fits = self.cost_to_go[:, hour, None] <= budget_left
        # The largest multiplier spends least: where nothing fits, it is taken.
        first = np.where(fits.any(axis=0), fits.argmax(axis=0), len(self.cost_to_go) - 1)
        chosen: Array = self.levels[self.choice[first, hour]]
        return chosen


def learn_pacing(actions: Array, log_propensity: Array, values: Array, costs: Array, is_live: NDArray[np.bool_]) -> PacingTable:
    """Learn the table of one agent, whose action is one number.

    Args:
        actions: Logged actions, `[N, T]`.
        log_propensity: Logs of their densities, `[N, T]`; weights 1 / density undo that the policy preferred some actions.
        values: Amounts to be maximized, by hour, `[N, T]`.
        costs: Cost, currency, `[N, T]`.
        is_live: Whether the agent had budget left when the hour began, `[N, T]`.

    Raises:
        InputError: The agent never had any budget left, or never paid anything.
    """
    if not is_live.any() or not costs[is_live].sum() > 0:
        raise InputError("dataset: expected an agent that pays something, got one that never does")
    weight = np.where(is_live, 1.0 / np.maximum(arithmetic.exp(log_propensity), 1e-12), 0.0)
    hourly_value, hourly_cost = _hourly(values, is_live), _hourly(costs, is_live)
    edges = np.quantile(actions[is_live], np.linspace(0, 1, BINS + 1)[1:-1])
    level = np.searchsorted(edges, actions, side="right")
    sizes = [weight * (level == b) for b in range(BINS)]
    kept = [size for size in sizes if size.sum() > 0]
    levels = np.array([(size * actions).sum() / size.sum() for size in kept])
    expected_value, expected_cost = np.broadcast_to(hourly_value, actions.shape), np.broadcast_to(hourly_cost, actions.shape)
    gain = np.array([_ratio((size * values).sum(), (size * np.abs(expected_value)).sum()) for size in kept])
    price = np.array([_ratio((size * costs).sum(), (size * expected_cost).sum()) for size in kept])
    value, cost = np.abs(hourly_value)[:, None] * gain, hourly_cost[:, None] * price
    multipliers = _multipliers(value, cost)
    choice = np.stack([(value - rate * cost).argmax(axis=1) for rate in multipliers])
    spent = np.take_along_axis(cost[None], choice[:, :, None], axis=2)[:, :, 0]
    to_go = np.cumsum(spent[:, ::-1], axis=1)[:, ::-1]
    # Rounding aside, a larger multiplier never spends more.
    return PacingTable(levels, choice, np.minimum.accumulate(to_go, axis=0))


def _hourly(amounts: Array, is_live: NDArray[np.bool_]) -> Array:
    """Return the mean of each hour over the days on which there was budget left, `[T]`; 0 where there never was."""
    count = is_live.sum(axis=0)
    return np.divide((amounts * is_live).sum(axis=0), count, out=np.zeros(amounts.shape[1]), where=count > 0)


def _ratio(amount: float, base: float) -> float:
    return float(amount / base) if base > 0 else 0.0


def _multipliers(value: Array, cost: Array) -> Array:
    """Return the multipliers that are tried: 0, and others up to where every hour takes its cheapest level, rising."""
    rise, more = value[:, :, None] - value[:, None, :], cost[:, :, None] - cost[:, None, :]
    rates = (rise[more > 0] / more[more > 0]) if (more > 0).any() else np.zeros(1)
    breaks = np.unique(np.clip(rates, 0.0, None))
    if len(breaks) > _MULTIPLIERS:
        breaks = breaks[np.linspace(0, len(breaks) - 1, _MULTIPLIERS).astype(np.int64)]
    # Just above a break, the cheaper level of the two is taken.
    return np.concatenate([[0.0], breaks * (1 + 1e-9) + 1e-300])
