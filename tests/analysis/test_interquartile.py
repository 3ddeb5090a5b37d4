"""Interquartile means and their intervals: known values, invariances, and the coverage that the module states."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import trim_mean

from auctionsim.analysis import interquartile
from auctionsim.analysis.interquartile import (
    compare_middles,
    expanded_tail,
    interquartile_interval,
    interquartile_mean,
    middle_interval,
)
from auctionsim.analysis.statistics import mean_interval


def test_the_middle_half_does_not_see_outliers():
    assert interquartile_mean([1, 2, 3, 4, 100]) == 3.0
    assert interquartile_mean([[-50, 1, 2], [3, 4, 1000], [5, 6, 7]]) == pytest.approx((2 + 3 + 4 + 5 + 6) / 5)
    assert interquartile_mean([5.0]) == 5.0


@pytest.mark.parametrize("n", [3, 4, 7, 30])
def test_it_is_the_trimmed_mean_of_a_quarter_at_each_end(n: int):
    sample = np.random.default_rng(n).normal(size=n)
    assert interquartile_mean(sample) == pytest.approx(trim_mean(sample, 0.25))


def test_equal_scores_have_an_interval_of_no_width_and_few_seeds_none():
    found = interquartile_interval(np.full((6, 5), 1.5))
    assert (found.mean, found.low, found.high) == (1.5, 1.5, 1.5)
    few = interquartile_interval(np.ones((6, 3)))
    assert math.isnan(few.low)
    assert str(few) == "1.000 (fewer than 4 seeds, no interval)"


def test_the_same_scores_give_the_same_interval():
    scores = np.random.default_rng(0).normal(size=(6, 5))
    assert interquartile_interval(scores) == interquartile_interval(scores)


def test_tasks_of_one_stratum_have_wider_intervals_than_independent_ones():
    scores = np.tile(np.random.default_rng(0).normal(size=5), (6, 1))
    alone, together = interquartile_interval(scores), interquartile_interval(scores, ["world"] * 6)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_the_tail_is_that_of_hesterberg_and_becomes_the_plain_one():
    # n = 5: t(0.975, 4) = 2.7764, times sqrt(5 / 4) = 3.1042, beyond which lie 0.00095 of a normal distribution.
    assert expanded_tail(5, 1) == pytest.approx(0.00095, abs=1e-5)
    assert expanded_tail(10_000, 3) == pytest.approx(0.025, abs=1e-4)


def coverage(shared: bool, strata: list[int] | None, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(interquartile, "_DRAWS", 500)
    rng, hits, n = np.random.default_rng(3), 0, 500
    for _ in range(n):
        own = rng.normal(size=(6, 5))
        scores = rng.normal(size=(2, 5))[[0, 0, 0, 0, 1, 1]] + 0.3 * own if shared else own
        found = interquartile_interval(scores, strata)
        hits += found.low <= 0.0 <= found.high
    return hits / n


def test_intervals_cover_as_stated(monkeypatch: pytest.MonkeyPatch):
    assert 0.92 <= coverage(False, None, monkeypatch) <= 0.98
    assert 0.90 <= coverage(True, [0] * 4 + [1] * 2, monkeypatch) <= 0.97
    assert coverage(True, None, monkeypatch) < 0.85, "tasks that share their luck are no independent strata"


def test_one_market_s_interval_covers_where_that_of_the_mean_does_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(interquartile, "_DRAWS", 500)
    rng = np.random.default_rng(7)
    draws = rng.lognormal(size=(200_000, 5))
    middle = np.sort(draws, axis=1)[:, 1:4].mean()
    own, mean = 0, 0
    for sample in draws[:500]:
        found, other = middle_interval(sample), mean_interval(sample)
        own += found.low <= middle <= found.high
        mean += other.low <= np.exp(0.5) <= other.high
    assert 0.87 <= own / 500 <= 0.95
    assert mean / 500 < 0.85
    assert middle_interval([1.0, 2.0, 6.0]) == mean_interval([1.0, 2.0, 6.0]), "of three seeds nothing is left out"


def test_arms_are_compared_by_what_most_seeds_say():
    found = compare_middles([2.0, 3.0, 2.5, 2.2, 1.0], [1.0, 2.0, 1.5, 1.2, 900.0])
    assert found.difference.mean == pytest.approx(1.0)
    assert (found.better, found.seeds) == (4, 5)


@pytest.mark.parametrize("scores", [np.ones(3), np.array([[1.0, np.nan]]), np.ones((0, 5))])
def test_scores_of_another_shape_or_not_finite_are_refused(scores: np.ndarray):
    with pytest.raises(ValueError, match="scores: expected finite numbers"):
        interquartile_interval(scores)
