"""First-price pacing equilibria: the published example, the proof of precision, and revenue that never falls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim import equilibria
from auctionsim.equilibria.first_price_pacing import duality_gap, fppe
from auctionsim.errors import InputError

from .markets import Array, random_market


def conditions_broken(values: Array, budgets: Array, found: equilibria.FirstPricePacing) -> float:
    """The largest breach of the definition, from multipliers and shares alone, in currency."""
    bids = found.multipliers[:, np.newaxis] * values
    top = bids.max(axis=0)
    spend = (found.allocation * top).sum(axis=1)
    left = np.minimum(budgets, 2 * values.sum(axis=1)) - spend
    return float(
        max(
            np.abs(found.prices - top).max(),
            -left.min(),
            np.minimum((1 - found.multipliers) * values.max(axis=1), left).max(),
            (found.allocation * (top - bids)).max(),
            ((1 - found.allocation.sum(axis=0)) * top).max(),
        )
    )


@pytest.mark.parametrize("other", [(1, 1), (0, 1), (1, 0.5)])
def test_the_first_example_of_conitzer_et_al_has_prices_of_one(other: tuple[float, float]):
    # B1 = 2, v1 = (2, 2): both goods to bidder 1 at its multiplier of one half, whatever an unconstrained rival up to 1 values.
    found = fppe([(2, 2), other], [2, 5])
    assert found.prices == pytest.approx([1, 1], abs=1e-5)
    assert found.multipliers == pytest.approx([0.5, 1], abs=1e-5)
    assert found.allocation[0] == pytest.approx([1, 1], abs=1e-4)
    assert found.revenue == pytest.approx(2, abs=1e-5)
    assert 0 <= found.gap < 1e-9


def test_one_bidder_with_money_for_everything_pays_its_values_for_all_it_bids():
    found = fppe([(3, 1, 0)], [100])
    assert found.prices == pytest.approx([3, 1, 0], abs=1e-6)
    assert found.multipliers == pytest.approx([1], abs=1e-6)


def test_no_budget_is_an_infinite_one():
    values, _ = random_market(3, 4, 5)
    found, rich = fppe(values, np.full(4, np.inf)), fppe(values, np.full(4, 1e9))
    assert found.prices == pytest.approx(values.max(axis=0), abs=1e-6)
    assert (found.prices == rich.prices).all()


@pytest.mark.parametrize("seed", range(60))
def test_all_conditions_hold_and_the_gap_is_proven(seed: int):
    values, budgets = random_market(seed)
    found = fppe(values, budgets)
    assert found.gap < 1e-9
    assert conditions_broken(values, budgets, found) < 1e-5
    assert found.spend == pytest.approx(found.allocation @ found.prices)
    assert found.utilities == pytest.approx((found.allocation * (values - found.prices)).sum(axis=1))


def test_twelve_to_a_hundred_advertisers_are_solved_to_the_same_precision():
    for n, m in ((12, 40), (100, 150)):
        values, budgets = random_market(1, n, m)
        found = fppe(values, budgets)
        assert found.gap < 1e-8
        assert conditions_broken(values, budgets, found) < 1e-5


def test_the_gap_is_computed_it_rises_with_every_departure():
    values, budgets = random_market(5, 4, 6)
    found = fppe(values, budgets)
    gaps = [duality_gap(values, budgets, found.multipliers * factor, found.allocation) for factor in (1, 0.999, 0.99, 0.9)]
    assert gaps == sorted(gaps)
    assert gaps[1] > 1e3 * gaps[0]
    assert duality_gap(values, budgets, found.multipliers, found.allocation * 0.9) > 1e-3


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.2, 1), st.floats(0.5, 1))
def test_the_gap_bounds_the_distance_of_any_multipliers(seed: int, factor: float, kept: float):
    values, budgets = random_market(seed)
    found = fppe(values, budgets)
    off = found.multipliers * factor
    gap = duality_gap(values, budgets, off, found.allocation * kept)
    cut = np.minimum(budgets, 2 * values.sum(axis=1))
    assert (np.abs(off - found.multipliers) <= np.sqrt(2 * gap / cut) + 1e-5).all()
    assert (found.multiplier_error < 1e-3).all()


@pytest.mark.parametrize("seed", range(40))
def test_revenue_never_falls_and_a_budget_adds_no_more_than_itself(seed: int):
    values, budgets = random_market(seed + 1000)
    n, m = values.shape
    before = fppe(values, budgets).revenue
    if m > 1:
        assert fppe(values[:, 1:], budgets).revenue <= before + 1e-7
    if n > 1:
        assert fppe(values[1:], budgets[1:]).revenue <= before + 1e-7
    richer = budgets.copy()
    richer[0] += 0.3
    assert before - 1e-7 <= fppe(values, richer).revenue <= before + 0.3 + 1e-7


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_currency_changes_nothing(unit: float):
    values, budgets = random_market(11, 5, 7)
    found, scaled = fppe(values, budgets), fppe(values * unit, budgets * unit)
    assert scaled.multipliers == pytest.approx(found.multipliers, abs=1e-6)
    assert scaled.prices == pytest.approx(found.prices * unit, rel=1e-5)
    assert scaled.gap < 1e-9 * unit


def test_who_values_nothing_and_what_nobody_values_are_left_alone():
    found = fppe([(1, 0, 2), (0, 0, 0)], [1.5, 1])
    assert found.prices == pytest.approx([0.5, 0, 1], abs=1e-5)
    assert found.multipliers[1] == 1
    assert found.allocation[1].sum() == 0
    nothing = fppe([(0, 0)], [1])
    assert nothing.revenue == nothing.gap == 0


@pytest.mark.parametrize(
    ("values", "budgets", "message"),
    [
        ([1, 2], [1], "values: expected finite numbers >= 0 of shape [bidders, goods], got shape [2]"),
        ([(1, -2)], [1], "values[0, 1]: expected a finite number >= 0, got -2"),
        ([(1, np.inf)], [1], "values[0, 1]: expected a finite number >= 0, got inf"),
        ([(1, 2)], [1, 2], "budgets: expected 1 numbers > 0, one per bidder, got shape [2]"),
        ([(1, 2)], [0], "budgets[0]: expected a number > 0, got 0"),
        ([(1, 2)], [np.nan], "budgets[0]: expected a number > 0, got nan"),
        ("many", [1], "values: expected finite numbers >= 0 of shape [bidders, goods], got 'many'"),
    ],
)
def test_wrong_arguments_are_named(values: Any, budgets: Any, message: str):
    for solve in (equilibria.fppe, equilibria.sppe, equilibria.throttling_equilibrium):
        with pytest.raises(InputError) as error:
            solve(values, budgets)
        assert str(error.value) == message
