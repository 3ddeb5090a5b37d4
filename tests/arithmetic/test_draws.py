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
