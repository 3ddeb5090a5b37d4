"""Second-price pacing equilibria: valid, several of them in some markets, and no better for revenue than first prices."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.equilibria import fppe, sppe
from auctionsim.equilibria.second_price_pacing import pacing_violation
from auctionsim.errors import RunError

from .markets import random_market

# Found by drawing markets until the program's two ends differed: values, budgets, most and least revenue.
SEVERAL = (
    ([(1.0, 1.0), (0.1, 0.6)], [0.1, 0.27], 0.37, 0.2),
    ([(0.9, 0.2), (0.8, 0.7)], [0.46, 0.12], 0.58, 3 / 7),
    ([(0.9, 0.4), (0.4, 0.1)], [0.1, 0.62], 0.5, 0.325),
)


@pytest.mark.parametrize("seed", range(25))
def test_what_is_found_is_an_equilibrium(seed: int):
    values, budgets = random_market(seed)
    found = sppe(values, budgets)
    assert found.violation < 1e-6
    assert (found.multipliers >= 0).all()
    assert (found.multipliers <= 1).all()
    assert found.allocation.sum(axis=0) == pytest.approx(np.ones(values.shape[1]), abs=1e-6)


@pytest.mark.parametrize(("values", "budgets", "most", "least"), SEVERAL)
def test_some_markets_have_several_and_first_prices_bring_the_revenue_of_the_best(
    values: list[tuple[float, float]], budgets: list[float], most: float, least: float
):
    high, low = sppe(values, budgets, "most revenue"), sppe(values, budgets, "least revenue")
    assert high.is_proven
    assert low.is_proven
    assert max(high.violation, low.violation) < 1e-9
    assert (high.revenue, low.revenue) == pytest.approx((most, least))
    # Under first prices there is one equilibrium, and it sells for no less.
    assert fppe(values, budgets).revenue >= most - 1e-6


def test_without_budgets_everybody_bids_its_value():
    values, _ = random_market(2, 3, 4)
    found = sppe(values, np.full(3, np.inf))
    assert found.multipliers == pytest.approx(np.ones(3), abs=1e-6)
    assert found.revenue == pytest.approx(np.sort(values, axis=0)[-2].sum(), abs=1e-6)


def test_the_violation_is_computed_it_rises_with_a_departure():
    values, budgets = random_market(4, 4, 6)
    found = sppe(values, budgets)
    for factor in (0.99, 0.9):
        assert pacing_violation(values, budgets, found.multipliers * factor, found.allocation) > found.violation + 1e-3
    swapped = found.allocation[::-1]
    assert pacing_violation(values, budgets, found.multipliers, swapped) > 1e-3


@pytest.mark.parametrize("seed", range(12))
def test_first_prices_bring_no_less_revenue(seed: int):
    values, budgets = random_market(seed, 4, 6)
    assert fppe(values, budgets).revenue >= sppe(values, budgets).revenue - 1e-6


def test_no_equilibrium_in_no_time_is_said():
    values, budgets = random_market(0, 6, 12)
    with pytest.raises(RunError, match="found no equilibrium in 1e-06 s"):
        sppe(values, budgets, "most revenue", seconds=1e-6)
