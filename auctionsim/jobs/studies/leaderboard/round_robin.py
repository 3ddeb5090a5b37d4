"""Let every entrant meet every other one: half of the advertisers follow one, half the other, then the roles are swapped.

`payoff[a, b]` is the mean objective of those that follow a where the others follow b, as a ratio to keyword bids, on test days;
the diagonal is where everybody follows a. Learners are trained with everybody following them and meet the others as they are:
nobody learns against the mixture (Balduzzi et al., Re-evaluating Evaluation, NeurIPS 2018, evaluate by such tables).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from auctionsim.agents.policies.base import Constant, Policy
from auctionsim.agents.policies.mixed import Mixed
from auctionsim.market.goals import goals_of
from auctionsim.market.market import Market
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives.goals import day_totals
from auctionsim.objectives.relative import mean_of_defined, relative_objectives

Array = NDArray[np.float64]

BETWEEN = " against "
"""Text between the two names of a payoff's metric."""


def payoffs(market: Market, policies: Mapping[str, Policy]) -> dict[str, float]:
    """Return the payoff of every entrant against every other and against itself, by `A against B`.

    Args:
        market: The market.
        policies: The policy of the whole market of each entrant.
    """
    found = {}
    for name, policy in policies.items():
        found[f"{name}{BETWEEN}{name}"] = mean_of_defined(_objectives(market, policy)[market.learners])
    for one, other in combinations(policies, 2):
        own, others = _meet(market, policies[one], policies[other])
        found[f"{one}{BETWEEN}{other}"], found[f"{other}{BETWEEN}{one}"] = own, others
    return found


def halves(market: Market) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the masks of every other learner, beginning with the first and with the second, `[advertisers]` each."""
    first = np.zeros(len(market.advertisers), dtype=bool)
    first[market.learners[::2]] = True
    return first, market.is_controlled & ~first


def _meet(market: Market, one: Policy, other: Policy) -> tuple[float, float]:
    """Return the mean objectives of the two policies' followers, over both roles."""
    own, others = [], []
    rest = (Constant(market.fixed[:, :, None]), ~market.is_controlled)
    for mine, theirs in (halves(market), halves(market)[::-1]):
        objective = _objectives(market, Mixed([rest, (one, mine), (other, theirs)]))
        own.append(objective[mine])
        others.append(objective[theirs])
    return mean_of_defined(np.concatenate(own)), mean_of_defined(np.concatenate(others))


def _objectives(market: Market, policy: Policy) -> Array:
    """Return each advertiser's weighted objective over the test days, as a ratio to keyword bids, `[advertisers]`."""
    days = market.scenario.traffic.test_days
    totals = np.sum([day_totals(simulate_day(market, day, policy).outcome) for day in days], axis=0)
    return weighted_objectives(market, days, totals)


def weighted_objectives(market: Market, days: Sequence[int], totals: Array) -> Array:
    """Return each advertiser's weighted objective as a ratio to the baseline's, `[advertisers]`, NaN where there is none.

    Args:
        market: The market.
        days: The days that were added up.
        totals: Their totals, `[advertisers, 5, 1]`.
    """
    baseline = np.sum([day_totals(market.baseline[day]) for day in days], axis=0)
    weights = goals_of(market, days[0]).weights[:, :, 0]
    return relative_objectives(totals[:, :, 0], baseline[:, :, 0], weights)
