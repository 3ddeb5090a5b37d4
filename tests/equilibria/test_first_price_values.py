"""First-price auctions with private values: closed forms, the equations' solution, and exploitability that is computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auctionsim.equilibria import BidFunction, PowerValues, first_price_equilibrium, uniform_values, utility_losses
from auctionsim.equilibria.first_price_values import checked_bids
from auctionsim.equilibria.quadrature import composite_rule
from auctionsim.errors import InputError

UNIFORM = uniform_values()
GRID = np.linspace(0, 1, 11)


@pytest.mark.parametrize("n", [2, 5, 10])
def test_uniform_values_are_shaded_by_one_nth(n: int):
    found = first_price_equilibrium([UNIFORM] * n)
    assert np.abs(found.bids[0].bids - found.bids[0].values * (n - 1) / n).max() < 1e-12
    assert found.exploitability < 1e-12


def test_half_of_the_value_is_not_exploitable_and_truth_loses_a_twelfth():
    half, truth = BidFunction(GRID, GRID / 2), BidFunction(GRID, GRID)
    assert utility_losses([UNIFORM] * 2, [half, half]).max() < 1e-12
    assert utility_losses([UNIFORM] * 2, [truth, truth]) == pytest.approx([1 / 12, 1 / 12], abs=1e-12)


@pytest.mark.parametrize("factor", [0.9, 0.98, 1.02, 1.1])
def test_a_small_departure_is_exploited_by_the_square_of_its_size(factor: float):
    half = BidFunction(GRID, GRID / 2)
    losses = utility_losses([UNIFORM] * 2, [half.scaled(factor), half])
    # Bidder 0 gets (v - b) 2b and best v^2 / 2; with bids above 1/2 it always wins, and pays more than it has to.
    if factor <= 1:
        exact = (1 - factor) ** 2 / 6
    else:
        kink = 1 / factor
        exact = (1 - factor) ** 2 * kink**3 / 6 + (1 - kink**3) / 6 - (1 - factor / 2) * (1 - kink**2) / 2
    assert losses[0] == pytest.approx(exact, rel=1e-3)
    assert losses[0] > 1e-5


@pytest.mark.parametrize("high", [1.2, 2.0])
def test_two_uniform_bidders_with_different_ends_bid_as_plum_and_krishna_derive(high: float):
    found = first_price_equilibrium([UNIFORM, uniform_values(0, high)])
    assert found.bids[0].bids[-1] == pytest.approx(high / (1 + high), abs=1e-9)
    assert found.bids[1].bids[-1] == pytest.approx(high / (1 + high), abs=1e-9)
    for function, own, other in ((found.bids[0], 1.0, high), (found.bids[1], high, 1.0)):
        k = 1 / own**2 - 1 / other**2
        value = np.linspace(0.05, 1, 40) * own
        assert np.abs(function(value) - (1 - np.sqrt(1 - k * value**2)) / (k * value)).max() < 1e-5
    assert found.exploitability < 1e-6
    shifted = utility_losses(found.distributions, (found.bids[0].scaled(1.05), found.bids[1]))
    assert shifted[0] > 100 * found.exploitability


def test_powers_have_a_closed_form_and_unequal_powers_are_solved():
    # F = v^2: three bidders bid v - v / 5; the integral of t^4 is v^5 / 5.
    found = first_price_equilibrium([PowerValues(exponent=2.0)] * 3)
    assert found.bids[0](GRID) == pytest.approx(0.8 * GRID, abs=1e-6)
    unequal = first_price_equilibrium([PowerValues(exponent=2.0), UNIFORM])
    assert unequal.exploitability < 1e-6
    # The weaker bidder bids more at the same value.
    inside = np.linspace(0.2, 0.9, 20)
    assert (unequal.bids[1](inside) > unequal.bids[0](inside)).all()


@pytest.mark.parametrize("n", [3, 5])
def test_the_equations_of_bidders_who_are_hardly_unlike_end_at_the_closed_form(n: int):
    unlike = [*[UNIFORM] * (n - 1), PowerValues(exponent=1.0 + 1e-9)]
    for function in first_price_equilibrium(unlike).bids:
        assert np.abs(function(GRID) - GRID * (n - 1) / n).max() < 1e-6


@pytest.mark.parametrize(
    "distributions",
    [
        [UNIFORM, UNIFORM, uniform_values(0, 2)],
        [UNIFORM, uniform_values(0, 1.2), uniform_values(0, 2)],
        [PowerValues(exponent=2.0), PowerValues(exponent=0.5), UNIFORM, uniform_values(0, 1.5)],
    ],
)
def test_nobody_gains_from_other_bids_where_three_or_four_bidders_are_unlike(distributions: list[PowerValues]):
    found = first_price_equilibrium(distributions)
    assert found.exploitability < 2e-6
    for k in range(len(distributions)):
        bent = [function.scaled(0.97) if i == k else function for i, function in enumerate(found.bids)]
        assert utility_losses(distributions, bent)[k] > 20 * found.exploitability
    # The highest bid is made by two bidders at least, and by the strongest.
    tops = sorted(function.bids[-1] for function in found.bids)
    assert tops[-1] == pytest.approx(tops[-2], rel=1e-9)


def test_a_weak_third_bidder_stays_below_the_highest_bid_and_hardly_moves_the_others():
    strong = first_price_equilibrium([UNIFORM, UNIFORM]).bids[0]
    low, high = (first_price_equilibrium([UNIFORM, UNIFORM, uniform_values(0, end)]) for end in (0.1, 0.6))
    assert low.bids[2].bids[-1] < 0.1 < high.bids[2].bids[-1] < 0.6
    value = np.linspace(0.2, 1, 9)
    # Above the third one's bids the two others share a day that begins with its chance to win: b(v) = (v^2 / 2 + c) / v.
    c = low.bids[0](value) * value - value**2 / 2
    assert np.ptp(c) < 1e-5
    assert 0 < c.mean() < 0.1**2 / 2
    assert (strong(value) < low.bids[0](value)).all()
    assert (low.bids[0](value) < high.bids[0](value)).all()


def test_values_from_one_to_two_shade_towards_the_lowest():
    found = first_price_equilibrium([uniform_values(1, 2)] * 2)
    assert found.bids[0](np.array([1, 1.5, 2])) == pytest.approx([1, 1.25, 1.5], abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.05, 1), min_size=3, max_size=6))
def test_losses_agree_with_plain_sums_over_values_and_bids(steps: list[float]):
    bids = np.concatenate([[0], np.cumsum(steps)])
    function = BidFunction(np.linspace(0, 1, len(bids)), bids / bids[-1] * 0.8)
    loss = utility_losses([UNIFORM] * 2, [function, function])[0]
    value, trial = (np.arange(400) + 0.5) / 400, np.linspace(0, 0.8, 1601)
    chance = function.value_at(trial)
    best = ((value[:, np.newaxis] - trial) * chance).max(axis=1)
    usual = (value - function(value)) * value
    assert loss == pytest.approx((best - usual).mean(), abs=2e-4)


def test_the_rule_of_quadrature_is_exact_for_polynomials():
    nodes, weights = composite_rule(np.array([0.0, 0.5, 2.0]))
    for power in range(10):
        assert (weights * nodes**power).sum() == pytest.approx(2 ** (power + 1) / (power + 1))


def test_what_has_no_solver_is_named():
    with pytest.raises(InputError, match=r"distributions: expected one per bidder, >= 2 bidders, got 1"):
        first_price_equilibrium([UNIFORM])
    with pytest.raises(InputError, match=r"lowest values 0, 1$"):
        first_price_equilibrium([UNIFORM, uniform_values(1, 2)])
    with pytest.raises(InputError, match=r"bids: expected two or more values and as many bids, both rising strictly"):
        checked_bids("bids", [0, 1], [0.5, 0.5])
