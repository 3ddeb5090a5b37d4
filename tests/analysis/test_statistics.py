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
    day_interval,
    gini,
    mean_interval,
    pseudo_values,
    rank_text,
    ranks,
    t_quantile,
)

DRAWS = {
    "normal": (lambda rng, shape: rng.normal(0.0, 1.0, shape), 0.0),
    "exponential": (lambda rng, shape: rng.exponential(1.0, shape), 1.0),
    "lognormal": (lambda rng, shape: rng.lognormal(0.0, 1.0, shape), float(np.exp(0.5))),
}
"""Distributions of values with their true means."""


def coverage(kind: str, n: int, trials: int = 3000) -> float:
    draw, mean = DRAWS[kind]
    intervals = [mean_interval(sample) for sample in draw(np.random.default_rng(n), (trials, n))]
    return float(np.mean([interval.low <= mean <= interval.high for interval in intervals]))


def test_an_interval_of_a_share_holds_shares_alone():
    cut = mean_interval([0.5, 1.0]).within(0.0, 1.0)
    assert (cut.mean, cut.low, cut.high) == (0.75, 0.0, 1.0)
    inner = mean_interval([0.5, 0.5001])
    assert inner.within(0.0, 1.0) == inner
    assert not mean_interval([0.5]).within(0.0, 1.0).is_known


def test_an_interval_is_students_and_shrinks_to_a_point_without_spread():
    interval = mean_interval([1.0, 2.0, 3.0, 4.0])
    half = 3.182446305284263 * np.sqrt(5 / 3) / 2
    assert (interval.mean, interval.low, interval.high) == pytest.approx((2.5, 2.5 - half, 2.5 + half))
    assert mean_interval([2.0, 2.0]) == Interval(2.0, 2.0, 2.0)
    for values in ([1.0, np.nan], [np.inf, 1.0], [], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="expected finite numbers"):
            mean_interval(values)


@pytest.mark.parametrize(("freedom", "tabled"), [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (19, 2.093), (1e9, 1.960)])
def test_quantiles_of_t_are_those_of_the_tables(freedom: float, tabled: float):
    assert t_quantile(freedom) == pytest.approx(tabled, abs=5e-4)


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_intervals_cover_the_mean_of_normal_values_as_often_as_they_say(n: int):
    assert 0.93 <= coverage("normal", n) <= 0.97


@pytest.mark.parametrize(
    ("kind", "n", "stated"),
    [
        ("exponential", 3, 0.88), ("exponential", 5, 0.88), ("exponential", 10, 0.90), ("exponential", 20, 0.92),
        ("lognormal", 3, 0.83), ("lognormal", 5, 0.82), ("lognormal", 10, 0.84), ("lognormal", 20, 0.85),
    ],
)  # fmt: skip
def test_intervals_cover_the_mean_of_skewed_values_as_often_as_is_stated(kind: str, n: int, stated: float):
    assert coverage(kind, n) == pytest.approx(stated, abs=0.025)


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("kind", list(DRAWS))
def test_equal_arms_are_seldom_called_different(kind: str, n: int):
    draw, _ = DRAWS[kind]
    pairs = draw(np.random.default_rng(7), (2000, 2, n))
    assert np.mean([compare_paired(one, other).differs for one, other in pairs]) <= 0.06


def test_one_value_has_no_interval_and_says_so():
    alone = mean_interval([3.1])
    assert alone.mean == 3.1
    assert np.isnan([alone.low, alone.high]).all()
    assert not alone.is_known
    assert str(alone) == "3.100 (one seed, no interval)"
    assert alone.as_dict() == {"mean": 3.1, "low": None, "high": None}
    assert str(mean_interval([1.0, 1.0])) == "1.000 [1.000, 1.000]"
    assert str(day_interval([[3.1], [3.3]])) == "3.200 (one day, no interval)"
    assert not compare_paired([2.0], [1.0]).differs, "one seed tells nothing apart"


@pytest.mark.parametrize(
    ("seeds", "days", "spreads"),
    [(5, 3, (1, 0, 0.3)), (5, 7, (1, 0.3, 0.3)), (5, 7, (0.3, 1, 0.3)), (1, 4, (1, 0, 0)), (3, 10, (1, 1, 1))],
)
def test_intervals_over_days_cover_the_mean_of_further_days_and_seeds(seeds: int, days: int, spreads: tuple[float, ...]):
    """Spreads: sd over days, over seeds, and of the rest."""
    rng, trials = np.random.default_rng(3), 3000
    shapes = (trials, 1, days), (trials, seeds, 1), (trials, seeds, days)
    values = sum(sd * rng.normal(size=shape) for sd, shape in zip(spreads, shapes, strict=True))
    found = [day_interval(own) for own in np.broadcast_to(values, (trials, seeds, days))]
    assert 0.93 <= np.mean([interval.low <= 0 <= interval.high for interval in found]) <= 0.97


def test_seeds_that_share_their_days_are_no_replicates_of_the_days():
    days = np.array([1.0, 2.0, 6.0])
    shared = np.broadcast_to(days, (50, 3))
    found, alone = day_interval(shared), mean_interval(days)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high)), "50 equal seeds are worth one"
    assert found.over == "days"
    assert day_interval(np.ones((2, 3))) == Interval(1.0, 1.0, 1.0, "days")
    for values in ([1.0, 2.0], [[1.0, np.nan]], [[]]):
        with pytest.raises(ValueError, match="one per seed and day"):
            day_interval(values)


def test_pseudo_values_make_days_replicates_of_a_ratio_of_totals():
    learned, baseline = np.array([[3.0, 9.0]]), np.array([[2.0, 4.0]])
    whole = learned.sum(axis=1) / baseline.sum(axis=1)
    without = (learned.sum(axis=1, keepdims=True) - learned) / (baseline.sum(axis=1, keepdims=True) - baseline)
    assert pseudo_values(whole, without).tolist() == [[1.75, 2.5]]
    of_means = pseudo_values(learned.mean(axis=1), (learned.sum(axis=1, keepdims=True) - learned) / 1)
    assert of_means == pytest.approx(learned), "a mean of days has the days as its pseudo-values"


def test_a_difference_by_rounding_is_no_difference():
    other = np.array([0.1 + 0.2, 1.0, 2.0])
    found = compare_paired(other, [0.3, 1.0, 2.0])
    assert (found.difference, found.better, found.p_value) == (Interval(0.0, 0.0, 0.0), 0, 1.0)
    assert not found.differs


def test_a_paired_comparison_removes_what_seeds_share():
    shared = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    found = compare_paired(shared + np.array([1.0, 1.1, 0.9, 1.2, 0.8]), shared)
    assert found.difference.low > 0.8
    assert (found.better, found.seeds) == (5, 5)
    assert found.p_value == 2 / 2**5
    assert found.differs
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


def test_the_highest_score_ranks_first_and_ties_share_their_places():
    assert ranks({"b": 2.0, "a": 2.0, "c": 3.0, "d": -np.inf}) == {"c": 1, "a": 2.5, "b": 2.5, "d": 4}
    assert list(ranks({"x": 0.0, "y": 1.0})) == ["y", "x"], "best first"
    assert ranks({"z": 0.1 + 0.2, "a": 0.3, "k": 0.2}) == {"a": 1.5, "z": 1.5, "k": 3}, "a tie up to rounding"
    assert ranks({"a": 1.0, "b": 1.0 + 1e-8}) == {"b": 1, "a": 2}
    assert sum(ranks(dict.fromkeys("abcde", 1.0)).values()) == 15
    with pytest.raises(ValueError, match="b: expected a score, got NaN"):
        ranks({"a": 1.0, "b": np.nan})


def test_shared_places_are_shown_as_shared():
    found = ranks({"a": 4.0, "b": 3.0, "c": 3.0, "d": 3.0, "e": 1.0, "f": 1.0})
    shown = [rank_text(rank, found.values()) for rank in found.values()]
    assert shown == ["1", "2-4, shared", "2-4, shared", "2-4, shared", "5-6, shared", "5-6, shared"]
