"""The evolution strategy on problems whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.learners.es.strategy import ESState, adam_step, candidates, centred_ranks, pair_noise, rank_differences


def test_ranks_of_distinct_values_run_from_minus_half_to_half():
    assert centred_ranks(np.array([3.0, 1.0, 2.0])).tolist() == [0.5, -0.5, 0.0]


def test_ties_share_their_average_rank():
    assert centred_ranks(np.array([0.0, 0.0, 1.0, 0.0])) == pytest.approx([-1 / 6, -1 / 6, 0.5, -1 / 6])
    assert centred_ranks(np.zeros(4)).tolist() == [0.0] * 4


def test_a_failed_member_ranks_last():
    assert centred_ranks(np.array([np.nan, -np.inf, 5.0])).tolist() == [-0.25, -0.25, 0.5]
    assert centred_ranks(np.array([np.nan, -1e300, 5.0])).tolist() == [-0.5, 0.0, 0.5]


def test_members_come_in_mirrored_pairs_around_the_mean():
    mean = np.arange(6.0).reshape(2, 3)
    noise = pair_noise(0, 0, range(4), (2, 3))
    population = candidates(mean, noise, sigma=0.3)
    np.testing.assert_allclose((population[0::2] + population[1::2]) / 2, np.tile(mean, (4, 1, 1)))
    np.testing.assert_allclose(population[0::2] - mean, 0.3 * noise)


def test_a_block_of_noise_is_the_same_drawn_alone():
    whole = pair_noise(7, 3, range(8), (2, 3))
    assert (pair_noise(7, 3, range(5, 8), (2, 3)) == whole[5:]).all()
    assert not np.array_equal(whole[0], whole[1])
    assert not np.array_equal(pair_noise(7, 4, range(1), (2, 3)), whole[:1])


def test_every_agent_finds_its_own_optimum_under_joint_perturbation():
    # Agent i's fitness is -|x_i - t_i|^2 plus what the others do, which is noise to it.
    target = np.array([[1.0, -1.0], [0.5, 2.0], [-2.0, 0.0]])
    state = ESState.start(np.zeros((3, 2)))
    for _ in range(400):
        noise = pair_noise(0, state.iteration, range(16), (3, 2))
        distance = ((candidates(state.mean, noise, 0.1) - target) ** 2).sum(axis=-1)
        fitness = -(0.9 * distance + 0.1 * distance.sum(axis=-1, keepdims=True)).T
        state = adam_step(state, rank_differences(fitness, 0.1), noise, learning_rate=0.03)
    np.testing.assert_allclose(state.mean, target, atol=0.1)


def test_equal_fitness_moves_nothing():
    state = ESState.start(np.ones((2, 3)))
    noise = pair_noise(0, 0, range(4), (2, 3))
    assert adam_step(state, rank_differences(np.zeros((2, 8)), 0.1), noise, learning_rate=0.1).mean == pytest.approx(
        np.ones((2, 3))
    )
