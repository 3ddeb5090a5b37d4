"""Score and observe an hour of all copies: functions of arrays alone, in numpy or wherever the copies' arrays are.

Each takes the terms of the copies' days first. None of them looks at a number, so that they can be recorded on a GPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from auctionsim.auction.outcome import COST
from auctionsim.market.copies.terms import DayTerms
from auctionsim.market.observations import observe
from auctionsim.objectives import goals as obj
from auctionsim.objectives.costs import violations_of
from auctionsim.objectives.fitness import Price, charge, violations
from auctionsim.scenario import LearnerSection


def scored(
    terms: DayTerms,
    last_step: Any,
    cumulative: Any,
    is_over: Any,
    was_running: Any,
    *,
    learners: Any,
    settings: LearnerSection,
    price: Price,
) -> tuple[Any, Any, Any]:
    """Return rewards `[P, A]`, objectives `[P, A, 4]` and costs `[P, A, C]` of an hour.

    Args:
        terms: Terms of the copies' days.
        last_step: Totals of the hour, `[advertisers, 5, P]`.
        cumulative: Totals of the day with that hour, `[advertisers, 5, P]`.
        is_over: Whether the day ended with the hour, `[P]`; None where none did.
        was_running: Whether the copy was on a day, `[P]`; None where all were.
        learners: Indices of the agents, `[A]`.
        settings: Section `[learner]` of the scenario.
        price: Price of violations.
    """
    reward = obj.running_score(last_step, terms.goals, settings)
    if is_over is not None:
        reward = reward - np.where(is_over, charge(violations(cumulative, terms.goals), price, terms.goals), 0.0)
    objectives = obj.objective_vector(last_step)[learners].transpose(2, 0, 1).copy()
    costs = terms.rates.costs(last_step, learners)
    if was_running is not None:
        costs = np.where(was_running[:, None, None], costs, 0.0)
    return reward[learners].T.copy(), objectives, costs


def observed(terms: DayTerms, hour: Any, budget_left: Any, last_step: Any, *, learners: Any) -> Any:
    """Return the observations of all agents before an hour, `[P, A, 15]`.

    Args:
        terms: Terms of the copies' days.
        hour: Hours replayed so far, `[P]`.
        budget_left: Currency that is left of each budget, `[advertisers, P]`.
        last_step: Totals of the hour before, `[advertisers, 5, P]`.
        learners: Indices of the agents, `[A]`.
    """
    revenue = obj.of_all(last_step[:, COST])
    return observe(terms.scales, hour, budget_left[learners], last_step[learners], revenue)


def violated(terms: DayTerms, cumulative: Any, *, learners: Any) -> Any:
    """Return how far the day so far is beyond each limit, `[P, A, C]`: relative and signed, > 0 where it is violated.

    Args:
        terms: Terms of the copies' days.
        cumulative: Totals of the day so far, `[advertisers, 5, P]`.
        learners: Indices of the agents, `[A]`.
    """
    return violations_of(violations(cumulative, terms.goals, terms.binding), learners, cumulative.shape[2])
