"""Ranks of a sweep's trials: platform floors first, then the figure, equal trials together."""

from __future__ import annotations

from auctionsim.analysis.reports.sweep.ranking import going_on, ranks

KEPT = 0.0


def test_equal_figures_share_a_rank_and_the_next_one_is_not_counted_up():
    assert ranks([3.0, 5.0, 5.0, 2.0], [KEPT] * 4, is_max=True) == [3, 1, 1, 4]
    assert ranks([3.0, 5.0, 5.0, 2.0], [KEPT] * 4, is_max=False) == [2, 3, 3, 1]


def test_losses_rank_by_size_and_not_by_their_ratio_to_anything():
    assert ranks([-3.0, 30.0, -30.0], [KEPT] * 3, is_max=True) == [2, 1, 3]


def test_a_trial_that_misses_the_floors_ranks_behind_every_one_that_keeps_them_by_how_far_it_misses():
    assert ranks([9.0, 1.0, 8.0, 8.5], [0.02, KEPT, 0.01, 0.01], is_max=True) == [4, 1, 3, 2]


def test_rounding_misses_no_floor():
    assert ranks([2.0, 1.0], [1e-12, KEPT], is_max=True) == [1, 2]


def test_a_figure_that_is_not_defined_is_never_better_than_one_that_is():
    assert ranks([None, -1e9, None], [KEPT, 0.9, KEPT], is_max=True) == [2, 1, 2]
    assert ranks([1.0, 1.0], [None, 0.5], is_max=True) == [2, 1]


def test_a_tie_at_the_cut_goes_on_together():
    assert going_on([1, 2, 2, 4], 1) == [True, False, False, False]
    assert going_on([1, 2, 2, 4], 2) == [True, True, True, False]
    assert going_on([1, 1, 1], 1) == [True, True, True]
