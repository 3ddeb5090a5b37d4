"""Rank correlations of small orders: known values, exact p-values, and when no claim may be made."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auctionsim.analysis.rank_correlation import FEWEST_FOR_A_CLAIM, RankCorrelation, rank_correlation
from auctionsim.ratios import NotDefined


def scores(*values: float) -> dict[str, float]:
    return {f"policy {i}": value for i, value in enumerate(values)}


def correlation(one: dict[str, float], two: dict[str, float]) -> RankCorrelation:
    found = rank_correlation(one, two)
    assert isinstance(found, RankCorrelation)
    return found


def test_two_swapped_pairs_of_five_correlate_as_the_formula_says():
    # 1 - 6 sum d^2 / (n (n^2 - 1)) = 1 - 6 x 4 / 120; eight of ten pairs are in the same order.
    found = correlation(scores(1, 2, 3, 4, 5), scores(2, 1, 4, 3, 5))
    assert found.spearman == pytest.approx(0.8)
    assert found.kendall == pytest.approx(0.6)
    # 8 of the 120 orders have rho >= 0.8, as many rho <= -0.8.
    assert found.p_value == pytest.approx(16 / 120)
    assert found.claim == "no claim: p = 0.13"


@pytest.mark.parametrize(("n", "p_value"), [(2, 1.0), (3, 2 / 6), (4, 2 / 24), (5, 2 / 120), (6, 2 / 720)])
def test_equal_orders_are_a_claim_from_five_things_on(n: int, p_value: float):
    found = correlation(scores(*range(n)), scores(*(10.0 * i for i in range(n))))
    assert (found.spearman, found.kendall) == (1.0, 1.0)
    assert found.p_value == pytest.approx(p_value)
    expected = "same order" if n >= FEWEST_FOR_A_CLAIM else f"no claim: n = {n}, and p < 0.05 needs 5"
    assert found.claim == expected


def test_reversed_orders_are_opposite():
    found = correlation(scores(*range(6)), scores(*range(6, 0, -1)))
    assert (found.spearman, found.claim) == (-1.0, "opposite order")


@pytest.mark.parametrize("seed", range(5))
def test_correlations_with_ties_equal_those_of_scipy(seed: int):
    one, two = np.random.default_rng(seed).integers(0, 4, (2, 7)).astype(float)
    found = correlation(scores(*one), scores(*two))
    assert found.spearman == pytest.approx(stats.spearmanr(one, two).statistic)
    assert found.kendall == pytest.approx(stats.kendalltau(one, two).statistic)


def test_many_things_are_permuted_at_random_and_the_same_way_each_time():
    one, two = np.random.default_rng(1).normal(size=(2, 12))
    found = correlation(scores(*one), scores(*two))
    assert found.p_value == correlation(scores(*one), scores(*two)).p_value
    assert found.p_value == pytest.approx(stats.spearmanr(one, two).pvalue, abs=0.03)


def test_only_what_both_orders_have_counts():
    found = correlation({"a": 1, "b": 2, "c": 3, "only here": 9}, {"c": 1, "b": 2, "a": 3, "only there": 9})
    assert found.names == ("a", "b", "c")


def test_too_few_in_common_or_all_tied_have_no_correlation():
    assert rank_correlation({"a": 1.0}, {"a": 2.0}) == NotDefined("1 in common, an order needs 2")
    assert rank_correlation(scores(1, 1, 1), scores(1, 2, 3)) == NotDefined("all of one order are tied")
