"""Intervals, paired comparisons, ranks and inequality on cases with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auctionsim.analysis.statistics import (
    INTERVALS,
    LEVEL,
    Interval,
    central_range,
    compare_paired,
    gini,
    mean_interval,
    ranks,
)


def test_an_interval_covers_the_mean_and_shrinks_to_a_point_without_spread():
    interval = mean_interval([1.0, 2.0, 3.0, 4.0])
    assert interval.low < interval.mean == 2.5 < interval.high
    assert mean_interval([2.0, 2.0]) == Interval(2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="expected finite numbers"):
        mean_interval([1.0, np.nan])


def test_intervals_cover_the_true_mean_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        interval = mean_interval(rng.normal(0, 1, 20))
        hits += interval.low <= 0 <= interval.high
    assert 0.88 <= hits / 300 <= 0.98


def test_a_paired_comparison_removes_what_seeds_share():
    shared = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    found = compare_paired(shared + np.array([1.0, 1.1, 0.9, 1.2, 0.8]), shared)
    assert found.difference.low > 0.8
    assert (found.better, found.seeds) == (5, 5)
    assert found.p_value == 2 / 2**5
    assert compare_paired([1.0, -1.0], [0.0, 0.0]).p_value == 1.0
    assert compare_paired(shared, shared).p_value == 1.0
    with pytest.raises(ValueError, match="one value of each arm per seed"):
        compare_paired([1.0], [1.0, 2.0])


def test_the_sign_flip_test_has_its_nominal_error_rate():
    rng = np.random.default_rng(0)
    few = [compare_paired(rng.normal(size=8), np.zeros(8)).p_value for _ in range(400)]
    assert 0.02 <= np.mean(np.array(few) <= 0.05) <= 0.08
    assert compare_paired(rng.normal(1, 1, 30), np.zeros(30)).p_value < 0.001


def test_gini_of_known_shares():
    assert gini([3, 3, 3]) == pytest.approx(0)
    assert gini([0, 0, 0, 1]) == pytest.approx(3 / 4)
    assert gini([1, 2, 3, 4]) == pytest.approx(0.25)
    assert np.isnan(gini([-1, 1]))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=20), st.floats(0.1, 10))
def test_gini_is_half_the_relative_mean_difference_and_independent_of_currency(values: list[float], scale: float):
    v = np.array(values)
    assert gini(v) == pytest.approx(np.abs(v[:, None] - v).mean() / (2 * v.mean()), abs=1e-9)
    assert gini(scale * v) == pytest.approx(gini(v), abs=1e-9)


def test_intervals_are_named_by_their_level():
    assert f"{100 * LEVEL:.0f} %" in INTERVALS


def test_the_central_range_leaves_the_same_share_out_at_both_ends():
    assert central_range(np.arange(101), 0.9) == pytest.approx((5.0, 95.0))
    assert central_range(np.arange(101), 1.0) == (0.0, 100.0)


def test_the_highest_score_ranks_first_and_equal_scores_alphabetically():
    assert ranks({"b": 2.0, "a": 2.0, "c": 3.0, "d": -np.inf}) == {"c": 1, "a": 2, "b": 3, "d": 4}
    assert list(ranks({"x": 0.0, "y": 1.0})) == ["y", "x"], "best first"
