"""Random draws are numpy's but for last bits, whoever computes them."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim import arithmetic


@pytest.mark.parametrize("seed", range(4))
def test_normal_numbers_are_numpys_but_for_the_last_bit_of_the_tail(seed: int):
    ours, numpys = np.random.default_rng(seed), np.random.default_rng(seed)
    drawn, expected = arithmetic.normal(ours, (300, 1000)), numpys.standard_normal((300, 1000))
    np.testing.assert_allclose(drawn, expected, rtol=1e-15)
    is_inside = np.abs(expected) < 3.654
    np.testing.assert_array_equal(drawn[is_inside], expected[is_inside])
    assert (~is_inside).sum() > 30
    # The generator goes on where numpy's does.
    assert ours.random() == numpys.random()


def test_normal_numbers_do_not_depend_on_how_many_are_drawn_at_once():
    at_once, one_by_one = np.random.default_rng(5), np.random.default_rng(5)
    np.testing.assert_array_equal(arithmetic.normal(at_once, 9000), [arithmetic.normal(one_by_one) for _ in range(9000)])
    assert at_once.bit_generator.state == one_by_one.bit_generator.state


def test_uniform_numbers_are_numpys():
    ours, numpys = np.random.default_rng(1), np.random.default_rng(1)
    np.testing.assert_array_equal(arithmetic.uniform(ours, -0.3, 1.7, (50, 7)), numpys.uniform(-0.3, 1.7, (50, 7)))
    assert isinstance(arithmetic.uniform(ours, 0.0, 1.0), float)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (200, 9)])
def test_numbers_of_the_old_generator_are_numpys_but_for_the_last_bits(size: tuple[int, int]):
    drawn = arithmetic.legacy_normal(np.random.RandomState(3), size)
    np.testing.assert_allclose(drawn, np.random.RandomState(3).randn(*size), rtol=1e-15)


@pytest.mark.parametrize("size", [4095, 4096, 100_003])
def test_many_normal_numbers_are_those_of_few_and_leave_the_generator_where_they_do(size: int):
    """Many are drawn from the generator's state in compiled code, few from an array of its words."""
    at_once, in_parts = np.random.default_rng([size, 7]), np.random.default_rng([size, 7])
    # A word of 32 bits is kept by the generator for the next such draw, and must be kept.
    assert at_once.integers(0, 9, dtype=np.int32) == in_parts.integers(0, 9, dtype=np.int32)
    parts = [arithmetic.normal(in_parts, min(1000, size - first)) for first in range(0, size, 1000)]
    np.testing.assert_array_equal(arithmetic.normal(at_once, size), np.concatenate(parts))
    assert at_once.bit_generator.state == in_parts.bit_generator.state


def test_other_generators_than_pcg64_give_their_own_numbers():
    ours, numpys = (np.random.Generator(np.random.Philox(3)) for _ in range(2))
    drawn, expected = arithmetic.normal(ours, 5000), numpys.standard_normal(5000)
    np.testing.assert_allclose(drawn, expected, rtol=1e-15)
    assert ours.random() == numpys.random()
