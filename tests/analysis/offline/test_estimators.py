"""Off-policy estimates: unbiased, exact where the model is, with intervals that cover, and none where weights collapse."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from auctionsim.analysis.offline.estimators import ESTIMATORS, MIN_EFFECTIVE, Episodes, Estimate, effective_size, estimate
from auctionsim.analysis.offline.exploration import Exploration
from auctionsim.analysis.offline.fitted_q import fit_values
from auctionsim.ratios import NotDefined

from .decisions import episodes, exact, log

BEHAVIOR, MEANS = Exploration(0.3, 0.05), (0.05, 0.0)
SAMPLES, SIZE = 400, 100


@cache
def samples(seed: int, model_scale: float) -> tuple[float, list[Episodes]]:
    """The target's value, and `SAMPLES` samples of logged episodes with a model that is so many times the true one."""
    states, actions, rewards = log(np.random.default_rng(seed), SAMPLES * SIZE, BEHAVIOR, MEANS[1])
    value, q, v = exact(BEHAVIOR, MEANS[0], states, actions)
    whole = episodes(BEHAVIOR, BEHAVIOR, MEANS, actions, rewards, model_scale * q, model_scale * v)
    return value, [
        Episodes(whole.log_ratios[own], whole.rewards[own], whole.days[own], whole.q[own], whole.v[own])
        for own in np.split(np.arange(SAMPLES * SIZE), SAMPLES)
    ]


@pytest.mark.parametrize("name", ["ips", "pdis", "dr"])
def test_importance_sampling_is_unbiased_in_a_process_with_a_known_value_whatever_the_model(name: str):
    value, drawn = samples(1, model_scale=0.4)
    found = np.array([answer.value for sample in drawn if isinstance(answer := estimate(name, sample), Estimate)])
    assert len(found) == SAMPLES
    assert abs(found.mean() - value) < 3.5 * found.std() / np.sqrt(SAMPLES)
    # A wrong weight would move it by far more: unweighted, the estimate is the behavior policy's own value.
    assert abs(exact(BEHAVIOR, MEANS[1], np.zeros((1, 6)), np.zeros((1, 6)))[0] - value) > 6 * found.std() / np.sqrt(SAMPLES)


def test_a_bandit_is_estimated_at_its_value_in_closed_form():
    target = Exploration(0.2)
    states, actions, rewards = log(np.random.default_rng(2), 200_000, Exploration(0.5, 0.1), 0.1, steps=1)
    first, second = target.moments(np.array([0.2]))
    value = 1 + 2 * first[0] - 3 * second[0]
    logged = episodes(target, Exploration(0.5, 0.1), (0.2, 0.1), actions, rewards, 0 * states, 0 * states)
    for name in ("ips", "pdis", "snips", "snpdis", "dr", "sndr"):
        answer = estimate(name, logged)
        assert isinstance(answer, Estimate)
        # Within two half intervals, four standard errors, which are small.
        assert abs(answer.value - value) < answer.high - answer.low < 0.05


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "dm"])
def test_intervals_cover_the_value_in_about_95_of_100_samples(name: str):
    value, drawn = samples(1, model_scale=0.4)
    answers = [answer for sample in drawn if isinstance(answer := estimate(name, sample), Estimate)]
    assert len(answers) == SAMPLES
    covered = np.mean([answer.low <= value <= answer.high for answer in answers])
    assert 0.91 <= covered <= 0.98


def test_doubly_robust_is_exact_in_every_episode_where_the_model_is():
    states, actions, rewards = log(np.random.default_rng(4), 500, BEHAVIOR, 0.0, noise=0.0)
    value, q, v = exact(BEHAVIOR, 0.05, states, actions)
    logged = episodes(BEHAVIOR, BEHAVIOR, MEANS, actions, rewards, q, v)
    for name in ("dr", "sndr"):
        answer = estimate(name, logged)
        assert isinstance(answer, Estimate)
        assert answer.value == pytest.approx(value, abs=1e-9)
        assert answer.high - answer.low < 1e-9
    plain = estimate("pdis", logged)
    assert isinstance(plain, Estimate)
    assert plain.high - plain.low > 0.1


def test_the_model_is_fitted_from_other_episodes_and_finds_the_true_values():
    states, actions, rewards = log(np.random.default_rng(5), 400, BEHAVIOR, 0.0, noise=0.0)
    _, q, v = exact(BEHAVIOR, 0.05, states, actions)
    moments = BEHAVIOR.moments(np.full((*actions.shape, 1), 0.05))
    found = fit_values(states[..., None], actions[..., None], moments, rewards, np.zeros(400, dtype=np.int64), ridge=1e-9)
    assert found[0] == pytest.approx(q, abs=1e-4)
    assert found[1] == pytest.approx(v, abs=1e-4)
    changed = rewards.copy()
    changed[0] += 1000.0
    again = fit_values(states[..., None], actions[..., None], moments, changed, np.zeros(400, dtype=np.int64), ridge=1e-9)
    # Episode 0 changes the models of the other folds, never its own.
    assert (again[0][0] == found[0][0]).all()
    assert (again[0][1] != found[0][1]).any()


def test_a_day_with_another_level_is_no_noise():
    days = np.arange(200) % 2
    rewards = np.where(days == 0, 10.0, 1000.0)[:, None] + np.random.default_rng(0).standard_normal((200, 1))
    zero = np.zeros((200, 1))
    answer = estimate("ips", Episodes(zero, rewards, days, zero, zero))
    assert isinstance(answer, Estimate)
    assert answer.high - answer.low < 0.6
    assert answer.value == rewards.mean()


def test_weights_that_collapse_give_no_number():
    rng = np.random.default_rng(6)
    states, actions, rewards = log(rng, 200, BEHAVIOR, 0.0)
    far = episodes(BEHAVIOR, BEHAVIOR, (0.6, 0.0), actions, rewards, 0 * states, 0 * states)
    assert effective_size(far.weights[:, -1]) < MIN_EFFECTIVE
    for name in ESTIMATORS:
        answer = estimate(name, far)
        assert isinstance(answer, Estimate if name == "dm" else NotDefined)
    never = replace(far, log_ratios=np.full(far.log_ratios.shape, -np.inf))
    assert str(estimate("ips", never)) == "not defined: the weights of 200 episodes count as those of 0.0, < 30"


def test_the_model_alone_has_no_interval():
    states, actions, rewards = log(np.random.default_rng(7), 50, BEHAVIOR, 0.0)
    answer = estimate("dm", episodes(BEHAVIOR, BEHAVIOR, MEANS, actions, rewards, 0 * states, 0 * states + 3))
    assert isinstance(answer, Estimate)
    assert answer.value == 3
    assert np.isnan([answer.low, answer.high]).all()


def test_kishs_size_counts_equal_weights_as_all_and_one_weight_as_one():
    assert effective_size(np.full(7, 0.3)) == pytest.approx(7)
    assert effective_size(np.array([0.0, 5.0, 0.0])) == 1
    assert effective_size(np.zeros(3)) == 0
