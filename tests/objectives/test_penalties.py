"""Penalties of rewards: exact near feasibility, rising everywhere, bounded, and numbers in 32 bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auctionsim.errors import InputError
from auctionsim.objectives.constraints import REVENUE_FLOOR
from auctionsim.objectives.fitness import penalty
from auctionsim.objectives.penalties import MOST_AT_KNEE, MOST_BEYOND, PENALTIES, capped, linear, reward_price
from auctionsim.scenario import LearnerSection

BASES = st.floats(1.0001, 1e300)
ANY_VIOLATION = st.one_of(st.floats(-1e3, 1e3), st.floats(-1e300, 1e300), st.just(np.inf))


def one(shape: object, violation: float, base: float) -> float:
    return float(shape(np.array([violation]), base)[0])  # type: ignore[operator]


@given(st.floats(-10, 1), st.floats(1.0001, 100))
def test_up_to_all_of_a_limit_the_capped_penalty_is_that_of_macg_es_to_the_bit(violation: float, base: float):
    assert one(capped, violation, base) == one(penalty, violation, base)


@given(st.floats(-10, 0.5), st.floats(100, 1e4))
def test_with_a_steep_base_it_is_so_up_to_half_a_limit(violation: float, base: float):
    assert one(capped, violation, base) == one(penalty, violation, base)


@given(ANY_VIOLATION, BASES)
def test_a_capped_penalty_is_bounded_and_a_number_in_32_bits(violation: float, base: float):
    charged = one(capped, violation, base)
    assert 0 <= charged <= MOST_AT_KNEE + MOST_BEYOND + 1e-9
    assert np.isfinite(np.float32(charged) ** 2)


@given(ANY_VIOLATION, ANY_VIOLATION, BASES)
def test_a_larger_violation_never_costs_less(one_violation: float, other: float, base: float):
    low, high = sorted((one_violation, other))
    slack = 1 + 1e-12  # the last bits of a logarithm
    assert one(capped, low, base) <= one(capped, high, base) * slack
    assert one(linear, low, base) <= one(linear, high, base) * slack


@given(st.floats(1e-3, 1e9), st.floats(1.5, 1e4))
def test_a_violation_twice_as_large_costs_more_in_32_bits_too(violation: float, base: float):
    assert np.float32(one(capped, 2 * violation, base)) > np.float32(one(capped, violation, base))


@pytest.mark.parametrize("base", [1.5, 20.0, 100.0, 1e6])
def test_the_capped_penalty_has_no_kink_where_it_leaves_the_exponential(base: float):
    knee, step = min(1.0, np.log(100) / np.log(base)), 1e-6
    below, at, above = (one(capped, knee + shift, base) for shift in (-step, 0.0, step))
    assert (above - at) / (at - below) == pytest.approx(1.0, rel=1e-4)


def test_the_linear_penalty_meets_the_capped_one_at_nothing_and_at_the_knee():
    assert one(linear, 0.0, 20.0) == one(capped, 0.0, 20.0) == 0.0
    assert one(linear, 1.0, 20.0) == pytest.approx(one(capped, 1.0, 20.0)) == pytest.approx(19.0)
    assert one(linear, 0.5, 20.0) == pytest.approx(9.5)
    assert one(linear, np.log(100) / np.log(1e6), 1e6) == pytest.approx(99.0)


def test_the_table_of_the_module_holds_these_numbers():
    found = capped(np.array([0.1, 0.5, 1.0, 10.0, 1e6]), 20.0)
    np.testing.assert_allclose(found, [0.35, 3.5, 19, 138, 450], rtol=0.015)


def test_the_names_of_the_shapes_choose_them_and_another_is_refused_in_one_line():
    settings, violation = LearnerSection(penalty=20.0), np.array([-0.5, 0.5, 3.0])
    by_name = {name: reward_price(name, settings)(REVENUE_FLOOR, violation) for name in PENALTIES}
    np.testing.assert_array_equal(by_name["capped"], capped(violation, 20.0))
    np.testing.assert_array_equal(by_name["linear"], linear(violation, 20.0))
    np.testing.assert_array_equal(by_name["none"], 0.0)
    with pytest.raises(InputError, match=r"^penalty: unknown 'caped'.*capped"):
        reward_price("caped", settings)
