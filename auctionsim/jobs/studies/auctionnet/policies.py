"""Bid as simple policies of the AuctionNet benchmark do: `alpha x predicted conversions per exposure`, once per half-hour.

Facts of the rules (thresholds, factors, caps) are those of the published code, alimama-tech/AuctionNet, folder
`simul_bidding_env/strategy`; the code is ours. Each rule is made for all advertisers of a market, whose targets are `cpa_cap`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import COST
from auctionsim.auction.sources import TableSource
from auctionsim.market.actor import DayPolicy, DayState
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.objectives.constraints import CPA_CAP
from auctionsim.traffic.steps import minutes_steps

Array = NDArray[np.float64]

STEPS, MINUTES = 48, 30
"""Steps of a day, and minutes of a step."""
_PCVR = FEATURES.index("pcvr")
_SQUARE = FEATURES.index("one")
"""Place that the square of the prediction takes in the features of `Abid`."""
_FIRST_ALPHA, _GROW, _SHRINK = 15.0, 1.2, 0.7
_TOO_SLOW, _TOO_FAST = 0.7, 1.1
_MOST_OF_TARGET = 1.5


class FixedTarget:
    """Bid the target for a conversion times the prediction, all day: alpha = target.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        self._target = targets(market)[advertisers]

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (bids never change)
        """Begin a day."""
        theta = _bids(self._target[:, None])
        return DayPolicy(lambda state: theta)  # noqa: ARG005


class SpendPid:
    """Bid alpha times the prediction; alpha follows spending alone, from 15 on.

    Before each step the last step's cost is projected on the steps to come. Below 0.7 of what is left of the budget alpha rises
    by 20 %, above 1.1 of it alpha falls by 30 %. The target does not enter: AuctionNet calls it PID.

    Args:
        market: The market; all advertisers have budgets.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:  # noqa: ARG002  (other rules use it)
        self._n = len(advertisers)

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002
        """Begin a day with alpha = 15."""
        alpha = np.full((self._n, n_policies), _FIRST_ALPHA)

        def act(state: DayState) -> Array:
            nonlocal alpha
            if state.steps_done:
                projected = state.last_step[:, COST] * (STEPS - state.steps_done)
                is_slow, is_fast = projected < _TOO_SLOW * state.budget_left, projected > _TOO_FAST * state.budget_left
                alpha = np.where(is_slow, _GROW * alpha, np.where(is_fast, _SHRINK * alpha, alpha))
            return _bids(alpha)

        return DayPolicy(act)


class OnlineLp:
    """Bid the price per conversion at which the rest of a logged day would spend what is left of the budget.

    The log is the first training day with everybody at its target. Sorted by the cost of the last slot per predicted
    conversion, the auctions to come are bought one by one. Alpha is that ratio of the first one beyond the budget, at most 1.5
    targets, and the target where the budget buys all of them. AuctionNet's code cites Hao et al. 2020 (arXiv 2006.16312).

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        day = market.scenario.traffic.train_days[0]
        self._target = targets(market)[advertisers]
        price, value, weight, step = _logged(market, day)
        self._plans = [_plan(price[:, i], value[:, i], weight, step) for i in advertisers]

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (other rules use them)
        """Begin a day."""

        def act(state: DayState) -> Array:
            alpha = np.empty((len(self._target), n_policies))
            for i, (target, (ratio, cost, step)) in enumerate(zip(self._target, self._plans, strict=True)):
                to_come = step >= state.steps_done
                first = np.searchsorted(np.add.accumulate(cost[to_come]), state.budget_left[i], side="right")
                beyond = np.append(ratio[to_come], target)[first]
                alpha[i] = np.minimum(beyond, _MOST_OF_TARGET * target)
            return _bids(alpha)

        return DayPolicy(act)


class Abid:
    """Bid in proportion to the square of the prediction: target x prediction^2 / mean prediction of the step.

    Args:
        market: The market.
        advertisers: Indices of the advertisers that follow the rule, `[n]`.
    """

    def __init__(self, market: Market, advertisers: NDArray[np.int64]) -> None:
        self._target, self._who = targets(market)[advertisers], advertisers

    def begin(self, market: Market, day: int, n_policies: int) -> DayPolicy:  # noqa: ARG002  (bids of one fit any number)
        """Begin a day on bid features of its own: the square stands in place of the constant."""
        phi = market.phi.copy()
        phi[:, _SQUARE] = phi[:, _PCVR] * phi[:, _PCVR]
        means = _step_means(market, day)[:, self._who]

        def act(state: DayState) -> Array:
            theta = np.zeros((len(self._target), len(FEATURES), 1))
            theta[:, _SQUARE, 0] = self._target / means[state.steps_done]
            return theta

        return DayPolicy(act, TableSource(market.traffic, market.rules, phi))


def targets(market: Market) -> Array:
    """Return the target cost per conversion of each advertiser, currency `[advertisers]`, on the first training day."""
    found: Array = goals_of(market, market.scenario.traffic.train_days[0]).limits[CPA_CAP.key][:, 0]
    return found


def _bids(alpha: Array) -> Array:
    """Return the coefficients of bids `alpha x pcvr`, `[n, 4, P]`."""
    theta = np.zeros((len(alpha), len(FEATURES), alpha.shape[-1]))
    theta[:, _PCVR] = alpha
    return theta


def _step_means(market: Market, day: int) -> Array:
    """Return each advertiser's mean prediction in each half-hour, `[48, advertisers]`; the day's where there is no auction."""
    traffic, steps = market.traffic, minutes_steps(market.traffic, day, MINUTES)
    value = _of_cells(market, traffic.pcvr)
    cells = traffic.cell_slice(day)
    whole = value[cells].mean(axis=0)
    ranges = zip(steps.edges[:-1], steps.edges[1:], strict=True)
    return np.stack([value[first:last].mean(axis=0) if last > first else whole for first, last in ranges])


def _logged(market: Market, day: int) -> tuple[Array, Array, Array, NDArray[np.int64]]:
    """Return cost of the last slot and prediction `[cells, advertisers]`, weight and half-hour `[cells]` of a logged day."""
    traffic, steps = market.traffic, minutes_steps(market.traffic, day, MINUTES)
    cells = traffic.cell_slice(day)
    value = _of_cells(market, traffic.pcvr)[cells]
    bids = value * targets(market)
    slots = len(market.rules.slot_effect)
    # The price of the last slot is the bid of the rival that has it now: of four bids 9, 7, 5 and 3 and three slots, who bids 5
    # pays 3, and who bids 3 has to beat 5.
    ordered = -np.sort(-bids, axis=1)
    last, next_one = ordered[:, [slots - 1]], ordered[:, [slots]]
    price = np.maximum(np.where(bids >= last, next_one, last), market.rules.reserve)
    step = np.searchsorted(steps.edges, np.arange(cells.start, cells.stop), side="right") - 1
    return price, value, traffic.weight[cells].astype(np.float64), step


def _plan(price: Array, value: Array, weight: Array, step: NDArray[np.int64]) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return cost per conversion, ascending, cost and half-hour of the auctions of a logged day, `[cells]` each."""
    ratio = price / np.maximum(value, 1e-12)
    order = np.argsort(ratio, kind="stable")
    return ratio[order], (price * weight)[order], step[order]


def _of_cells(market: Market, column: Array) -> Array:
    """Return a column of the rows as `[cells, advertisers]`.

    Raises:
        ValueError: Not everybody is a candidate in every auction.
    """
    n = len(market.advertisers)
    if len(column) != n * len(market.traffic.weight):
        raise ValueError(f"traffic.candidates: expected {n}, everybody in every auction, got fewer")
    return column.reshape(-1, n)
