"""A day is the same whether the bids of a step are those of the step before, or made anew."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from auctionsim.auction import units
from auctionsim.auction.day import DayReplay
from auctionsim.auction.kernel.ledger import write_scales
from auctionsim.auction.rules import Rules
from auctionsim.auction.sources import TableSource
from auctionsim.traffic.table import HOURS

from .test_units import markets_of

N, POLICIES = 5, 3
RULES = (
    Rules(),
    Rules(pricing="first", bid_cap=0.5),
    Rules(slot_effect=(1.0, 0.5, 0.2), pricing="vcg", reserve=0.3, squash=0.5, bid_floor=0.2),
    Rules(outcomes="sampled", reserve=0.1),
)


def hourly(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Coefficients of the hours of a day, some those of the hour before, some of one policy changed."""
    theta = [10.0 ** rng.uniform(-2, 1, (N, 4, POLICIES)) * (rng.random((N, 4, POLICIES)) < 0.7)]
    for _ in range(HOURS - 1):
        after = theta[-1].copy()
        if rng.random() < 0.3:
            after[:, :, rng.integers(POLICIES)] *= rng.uniform(0, 3)
        theta.append(after)
    return theta


@pytest.mark.parametrize("rules", RULES)
def test_bids_of_the_step_before_serve_only_where_the_same_would_be_made(rules: Rules):
    rng = np.random.default_rng(3)
    for seed in range(10):
        traffic = markets_of(seed, N, 120, hours=sorted(rng.integers(0, HOURS, 120).tolist()))
        source, theta = TableSource(traffic, rules), hourly(rng)
        money = rng.uniform(0, 20, (N, POLICIES))
        days = [DayReplay(source, 0, rules, policies=POLICIES, budgets=money) for _ in range(2)]
        # One array that is written to, as a policy may do with what it returned.
        written = np.empty((N, 4, POLICIES))
        for hour in range(HOURS):
            if hour in (8, 16):
                # Whoever was out comes back.
                spent = days[0].cumulative[:, -1]
                for day in days:
                    day.change_budgets(np.maximum(money * 3.0 ** (hour / 8), spent))
            written[:] = theta[hour]
            days[1]._bids = None
            first, second = days[0].step(written), days[1].step(theta[hour])
            np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(days[0].budget_left, days[1].budget_left)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_units_of_a_step_are_those_that_their_definition_gives(rules: Rules, n: int):
    rng = np.random.default_rng(n)
    for seed in range(10):
        largest = TableSource(markets_of(seed, n), rules).largest(0)
        theta = 10.0 ** rng.uniform(-20, 15, (n, 4, POLICIES)) * (rng.random((n, 4, POLICIES)) < 0.6)
        theta[rng.integers(n)] = theta[0]
        found = np.empty((n, POLICIES))
        write_scales(theta, largest.phi, units.kernel_bounds(largest, rules), found)
        bounds = units.charge_bounds(units.bid_bounds(theta, largest, rules), largest, rules)
        np.testing.assert_array_equal(found, units.scales(bounds, units.count_bits(largest, rules)))
