"""Begin and end a step in the ledger: choose the units of charges, and turn sums in units into currency and counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.budgets import EXHAUSTED_SHARE
from auctionsim.auction.kernel.arguments import CHARGE_SCALE, LIMIT, SPENDABLE, ChargeBounds
from auctionsim.auction.kernel.compiled import compiled, inlined
from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.auction.units import CHARGE_MARGIN, LEAST_EXPONENT, MOST_EXPONENT, TOTAL_BITS

NO_LIMIT = 2**62
"""Units of a budget that cannot run out, twice what a day can cost (`units.TOTAL_BITS`)."""


@compiled
def choose_units(
    ledger: NDArray[np.int64],
    charge_scale: NDArray[np.float64],
    budgets: NDArray[np.float64],
    scales: NDArray[np.float64],
    cost_before: NDArray[np.int64],
) -> None:
    """Choose the unit of every account's charges, and write its budget and its cost so far in it.

    A unit that was chosen earlier on the day is kept, unless it has become too small.

    Args:
        ledger: `Accounts.ledger`, updated.
        charge_scale: `Accounts.charge_scale`, the same memory; 0 where no unit was chosen before.
        budgets: Budgets of the day, currency, `[A, P]`, infinite for none.
        scales: Units of a unit of currency that the step asks for, `[A, P]`.
        cost_before: Written to: the cost so far of every account, in units, `[A, P]`.
    """
    for a in range(ledger.shape[0]):
        for p in range(ledger.shape[1]):
            old, new = charge_scale[a, p, CHARGE_SCALE], scales[a, p]
            if old == 0.0 or new < old:
                _change_unit(ledger[a, p], charge_scale[a, p], budgets[a, p], old, new)
            cost_before[a, p] = ledger[a, p, COST]


@inlined
def scale_of(own: float, rivals: float, bounds: ChargeBounds) -> float:
    """Return how many units of charges a unit of currency is, from what an advertiser's bids and its rivals' are at most."""
    charge = own * bounds.most_clicks
    if bounds.is_set_by_rivals:
        score = max(rivals * bounds.quality, bounds.external_score)
        charge = min(charge, max(score * bounds.clicks_per_quality, bounds.reserve_charge))
    charge *= CHARGE_MARGIN
    exponent = LEAST_EXPONENT
    if charge > 0.0:
        exponent = min(max(math.frexp(charge)[1] + bounds.bits - TOTAL_BITS, LEAST_EXPONENT), MOST_EXPONENT)
    # The type that a device's function takes.
    power: Any = np.int32(-exponent)
    return math.ldexp(1.0, power)


@compiled
def write_scales(
    coefficients: NDArray[np.float64],
    phi: NDArray[np.float64],
    bounds: ChargeBounds,
    scales: NDArray[np.float64],
) -> None:
    """Write how many units of charges a unit of currency is, as `units.scales` of `units.charge_bounds` states it.

    It is asked for before every step of every day that is trained on, where the same in a dozen calls of numpy took as long as
    clearing 3,000 auctions.

    Args:
        coefficients: theta of the step, `[A, 4, P]`.
        phi: The day's largest bid features, `[4]`.
        bounds: Other bounds of a charge.
        scales: Written to, `[A, P]`.
    """
    n_advertisers = coefficients.shape[0]
    for p in range(coefficients.shape[2]):
        highest, second = 0.0, 0.0
        for a in range(n_advertisers):
            bound = 0.0
            for f in range(coefficients.shape[1]):
                bound += abs(coefficients[a, f, p]) * phi[f]
            bound = min(max(bound, bounds.bid_floor), bounds.bid_cap)
            scales[a, p] = bound
            if bound > highest:
                highest, second = bound, highest
            else:
                second = max(second, bound)
        for a in range(n_advertisers):
            scales[a, p] = scale_of(scales[a, p], highest if scales[a, p] < highest else second, bounds)


@compiled
def change_budgets(ledger: NDArray[np.int64], charge_scale: NDArray[np.float64], budgets: NDArray[np.float64]) -> None:
    """Write other budgets for the rest of the day, in the units chosen so far; see `choose_units` for the arguments."""
    for a in range(ledger.shape[0]):
        for p in range(ledger.shape[1]):
            scale = charge_scale[a, p, CHARGE_SCALE]
            if scale > 0.0:
                limit, spendable = _units_of_budget(budgets[a, p], scale)
                ledger[a, p, LIMIT] = limit
                ledger[a, p, SPENDABLE] = spendable


@inlined
def _change_unit(account: NDArray[np.int64], scale: NDArray[np.float64], budget: float, old: float, new: float) -> None:
    """Write a budget in another unit: `old` and `new` units of a unit of currency, `old` = 0 on the day's first step."""
    limit, spendable = _units_of_budget(budget, new)
    spent = account[COST]
    if old > 0.0:
        is_exhausted: Any = spent >= account[SPENDABLE]
        spent = np.int64(np.rint(spent * (new / old)))
        if is_exhausted:
            # Rounding must not bring anybody back.
            spent = max(spent, spendable)
    account[COST] = spent
    account[LIMIT] = limit
    account[SPENDABLE] = spendable
    scale[CHARGE_SCALE] = new


@inlined
def _units_of_budget(budget: float, scale: float) -> tuple[Any, Any]:
    """Return a budget in units, and the cost from which on it counts as exhausted; `NO_LIMIT` where a day cannot spend it."""
    limit = np.floor(budget * scale)
    if limit < NO_LIMIT:
        return np.int64(limit), np.int64(limit) - np.int64(np.floor(budget * EXHAUSTED_SHARE * scale))
    return NO_LIMIT, NO_LIMIT


@compiled
def money_left(
    ledger: NDArray[np.int64],
    charge_scale: NDArray[np.float64],
    budgets: NDArray[np.float64],
    left: NDArray[np.float64],
) -> None:
    """Write what is left of every budget, currency, to `left` `[A, P]`; see `choose_units` for the other arguments.

    What is left of an exhausted budget is at most what counts as exhausted.
    """
    for a in range(left.shape[0]):
        for p in range(left.shape[1]):
            left[a, p] = budgets[a, p]
            scale = charge_scale[a, p, CHARGE_SCALE]
            if scale > 0.0 and budgets[a, p] < np.inf:
                left[a, p] = max(budgets[a, p] - ledger[a, p, COST] / scale, 0.0)
                if ledger[a, p, COST] >= ledger[a, p, SPENDABLE]:
                    left[a, p] = min(left[a, p], budgets[a, p] * EXHAUSTED_SHARE)


@compiled
def collect_step(
    ledger: NDArray[np.int64],
    charge_scale: NDArray[np.float64],
    outcome_scale: NDArray[np.float64],
    cost_before: NDArray[np.int64],
    details: NDArray[np.float64],
    before: NDArray[np.float64],
    step: NDArray[np.float64],
    cumulative: NDArray[np.float64],
) -> None:
    """Move the sums of a step out of the accounts, in one pass.

    Args:
        ledger: `Accounts.ledger`; its sums become 0, but for the cost, which is that of the day.
        charge_scale: `Accounts.charge_scale`.
        outcome_scale: `Accounts.outcome_scale`.
        cost_before: Cost of the day before the step, in units, `[A, P]`.
        details: `Accounts.details`.
        before: Cumulative sums before the step, `[A, sums, P]`.
        step: Written to: the sums of `OUTCOMES`, and of the details after them, `[A, sums, P]`.
        cumulative: Written to: `before` + `step`.
    """
    n_outcomes = len(OUTCOMES)
    for a in range(step.shape[0]):
        for k in range(step.shape[1]):
            for p in range(step.shape[2]):
                if k == COST:
                    amount = (ledger[a, p, k] - cost_before[a, p]) / charge_scale[a, p, CHARGE_SCALE]
                elif k < n_outcomes:
                    amount = ledger[a, p, k] / outcome_scale[k]
                    ledger[a, p, k] = 0
                else:
                    amount = details[a, p, k - n_outcomes]
                step[a, k, p] = amount
                cumulative[a, k, p] = before[a, k, p] + amount
