"""Exploration: densities that integrate to one, draws that follow them, moments in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from auctionsim.analysis.offline.exploration import Exploration, normal_cdf
from auctionsim.errors import InputError

GRID = (np.arange(200_000) + 0.5) / 100_000 - 1.0


@given(st.floats(0.01, 2), st.floats(0, 1), st.floats(-1, 1))
def test_the_density_integrates_to_one(noise: float, uniform: float, mean: float):
    density = np.exp(Exploration(noise, uniform).log_density(GRID[:, None], np.full((1, 1), mean)))
    assert density.mean() * 2 == pytest.approx(1.0, abs=1e-4)


def test_the_density_over_two_coefficients_integrates_to_one_and_is_no_product_of_mixtures():
    side = (np.arange(400) + 0.5) / 200 - 1.0
    x = np.stack(np.meshgrid(side, side), axis=-1)
    explored = Exploration(0.3, 0.4)
    assert np.exp(explored.log_density(x, np.array([0.9, -0.2]))).mean() * 4 == pytest.approx(1.0, abs=1e-4)


@given(st.floats(0.02, 2), st.floats(0, 1), st.floats(-1, 1))
def test_moments_are_those_of_the_density(noise: float, uniform: float, mean: float):
    explored = Exploration(noise, uniform)
    density = np.exp(explored.log_density(GRID[:, None], np.full((1, 1), mean)))
    first, second = explored.moments(np.array([mean]))
    assert first[0] == pytest.approx((density * GRID).mean() * 2, abs=2e-5)
    assert second[0] == pytest.approx((density * GRID * GRID).mean() * 2, abs=2e-5)


@pytest.mark.parametrize(("noise", "uniform", "mean"), [(0.1, 0.0, 0.0), (0.5, 0.0, 1.0), (2.0, 0.3, -0.7), (0.01, 0.0, -1.0)])
def test_draws_follow_the_density(noise: float, uniform: float, mean: float):
    explored = Exploration(noise, uniform)
    drawn = explored.draw(np.full((20_000, 1), mean), np.random.default_rng(0).random((20_000, 2)))[:, 0]
    density = np.exp(explored.log_density(GRID[:, None], np.full((1, 1), mean)))
    distance = np.abs(np.searchsorted(np.sort(drawn), GRID) / 20_000 - np.cumsum(density) / 100_000).max()
    # Kolmogorov's distance of 20,000 draws exceeds 0.0138 once in a thousand samples.
    assert distance < 0.0138
    assert ((drawn >= -1) & (drawn <= 1)).all()


def test_actions_outside_the_range_have_no_density():
    assert Exploration(0.1, 0.5).log_density(np.array([[1.0001], [-1.5]]), np.zeros((2, 1))).tolist() == [-math.inf] * 2


def test_the_normal_distribution_function_is_scipys():
    z = np.linspace(-9, 9, 3001)
    assert np.abs(normal_cdf(z) - ndtr(z)).max() < 2e-15


@pytest.mark.parametrize(("noise", "uniform"), [(0.0, 0.0), (-1.0, 0.0), (2.1, 0.0), (math.nan, 0.0), (0.1, -0.1), (0.1, 1.1)])
def test_noise_outside_its_range_is_refused(noise: float, uniform: float):
    with pytest.raises(InputError, match="expected a number"):
        Exploration(noise, uniform)
