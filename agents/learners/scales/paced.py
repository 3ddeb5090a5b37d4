"""Fit a scale of each advertiser's own, as the rule `value-scale-paced` does, for a learner that starts there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.agents.learners.scales.directions import value_direction
from auctionsim.agents.learners.scales.fit import N_VALUES, expect_learners
from auctionsim.agents.learners.scales.search import Search, tried_day
from auctionsim.auction.bid_formula import FEATURES
from auctionsim.market.market import Market
from auctionsim.objectives.constraints import trained_revenue_floor

Array = NDArray[np.float64]

MOST_STEPS = 100
"""Steps after which a search ends that goes to and fro between two brackets."""


def fit_paced_scales(market: Market) -> Array:
    """Return the numbers times the value of a click that the rule `value-scale-paced` bids by, `[learners]`.

    Args:
        market: The market, with the training days that scales are fitted on.

    Raises:
        InputError: Nobody is controlled.
    """
    expect_learners(market)
    own = market.scenario.learner
    learner = own.model_copy(update={"algorithm": "value-scale-paced", "start": "keyword-bid", "population": N_VALUES})
    scenario = market.scenario.model_copy(update={"learner": learner})
    paced, floor = market.with_goals(scenario), trained_revenue_floor(scenario)
    search = Search.start(paced, scenario)
    for _ in range(MOST_STEPS):
        if search.is_over(learner.value_scale):
            break
        search, _ = search.after(scenario, [tried_day(paced, day, search) for day in scenario.traffic.train_days], floor)
    scales: Array = arithmetic.exp(search.found) * value_direction(market)[:, FEATURES.index("value")]
    return scales
