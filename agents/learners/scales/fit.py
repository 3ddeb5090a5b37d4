"""Fit one scale for all: the simplest cooperative rule, everybody bids lambda times the value of a click.

At equal lambda the auction goes to the largest value, as in the efficient allocation, and lambda sets what the platform earns.
So lambda is the smallest number at which the revenue floor holds. Where values are all that matters, nothing that is
bid in advance leaves the advertisers more; caps, budgets and other objectives it knows nothing of (docs/learners.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.scales.bracket import Bracket
from auctionsim.agents.learners.scales.directions import value_direction
from auctionsim.agents.policies.base import Constant
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.outcome import COST
from auctionsim.errors import InputError
from auctionsim.market.goals import training_goals
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.constraints import trained_revenue_floor
from auctionsim.objectives.fitness import day_score
from auctionsim.objectives.goals import day_totals, global_profit, of_all

Array = NDArray[np.float64]

RANGE = 1e4
"""Largest factor on a direction, and the smallest one's inverse."""
N_VALUES = 16
"""Scales that are tried side by side in a replay."""
TOLERANCE = 1e-6
"""Width of a bracket in logs at which the search ends."""


@dataclass(frozen=True, eq=False)
class DayMeasures:
    """One day under P policies."""

    revenue: Array
    """The platform's revenue over the baseline's, `[P]`."""
    profit: Array
    """Total profit over the baseline's, `[P]`."""
    fitness: Array
    """Mean fitness of the controlled advertisers (`objectives.fitness.day_score`), `[P]`."""


def expect_learners(market: Market) -> None:
    """Refuse a market in which nobody is controlled.

    Raises:
        InputError: Nobody is.
    """
    if not len(market.learners):
        raise InputError(f"{market.scenario.source}: advertisers: expected a group with controller = 'learner', got none")


def fit_value_scale(market: Market, days: Sequence[int] | None = None, floor: float | None = None) -> float:
    """Return the smallest lambda at which bids of lambda times the value of a click hold the revenue floor.

    The floor is on the mean over days of the revenue as a ratio to the baseline's. Revenue rises with lambda but where budgets
    run out; the search takes the first crossing that its grid meets. Where no lambda holds the floor, it is the one of the
    largest revenue; where the floor is 0, the one of the largest mean fitness of the controlled advertisers.

    Args:
        market: The market, under its budgets; those that nobody controls follow their rules.
        days: Days to fit on; the training days where None.
        floor: Revenue floor, a share of the baseline's revenue; what training aims at (`trained_revenue_floor`) where None.

    Returns:
        Lambda: the bid per click is lambda x pcvr x item_price; 0 where no click is worth anything.

    Raises:
        InputError: Nobody is controlled.
    """
    expect_learners(market)
    days = market.scenario.traffic.train_days if days is None else days
    floor = trained_revenue_floor(market.scenario) if floor is None else floor
    direction = value_direction(market)
    return fitted_factor(market, days, floor, direction) * float(direction[0, FEATURES.index("value")])


def fitted_factor(market: Market, days: Sequence[int], floor: float, direction: Array) -> float:
    """Return the factor on a direction `[learners, 4]`, the same for all, that `fit_value_scale` describes."""
    bracket, factor = start_bracket(), 1.0
    while bracket.width > TOLERANCE:
        factors = bracket.grid(N_VALUES)
        bids = scaled_bids(market, direction, np.tile(factors, (len(market.learners), 1)))
        bracket, chosen = narrowed(bracket, [measured_day(market, day, bids) for day in days], floor)
        factor = float(factors[chosen])
    return factor


def start_bracket() -> Bracket:
    """Return the range of factors before the search."""
    return Bracket(float(-arithmetic.log(RANGE)), float(arithmetic.log(RANGE)))


def narrowed(bracket: Bracket, days: Sequence[DayMeasures], floor: float) -> tuple[Bracket, int]:
    """Return the range after a step, and the index of the factor to bid by, by what the grid's policies brought."""
    revenue = mean_over_days([day.revenue for day in days])
    if floor > 0:
        return bracket.around_first(revenue >= floor, revenue)
    return bracket.around_best(mean_over_days([day.fitness for day in days]))


def scaled_bids(market: Market, direction: Array, scales: Array) -> Array:
    """Return everybody's coefficients: scales times a direction for the controlled ones, the others as they are.

    Args:
        market: The market.
        direction: Coefficients that a scale of 1 bids by, `[learners, 4]`.
        scales: Scale of each controlled advertiser and policy, `[learners, P]`.

    Returns:
        Coefficients over `bid_formula.FEATURES`, `[advertisers, 4, P]`; NaN where a rule bids.
    """
    theta = np.repeat(market.fixed[:, :, None], scales.shape[1], axis=2)
    theta[market.learners] = direction[:, :, None] * scales[:, None, :]
    return theta


def measured_day(market: Market, day: int, bids: Array) -> DayMeasures:
    """Replay a day with coefficients `[advertisers, 4, P]` that hold all day."""
    totals = day_totals(simulate_day(market, day, Constant(bids), n_policies=bids.shape[2]).outcome)
    goals = training_goals(market, day)
    fitness = day_score(totals, goals, market.scenario.learner)[market.learners]
    return DayMeasures(
        revenue=of_all(totals[:, COST]) / goals.revenue_scale,
        profit=global_profit(totals, goals),
        fitness=of_all(fitness) / len(fitness),
    )


def mean_over_days(by_day: Sequence[Array]) -> Array:
    """Return the mean of arrays of one shape, one for each day."""
    mean: Array = np.add.accumulate(np.stack(by_day), axis=0)[-1] / len(by_day)
    return mean
