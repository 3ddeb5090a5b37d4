"""Trade-offs between objectives on cases with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auctionsim.analysis.pareto import hypervolume, pareto_front


def test_hypervolume_of_boxes():
    assert hypervolume([[2, 3]], [0, 0]) == 6
    assert hypervolume([[2, 1], [1, 2]], [0, 0]) == 3
    assert hypervolume([[2, 1], [1, 2], [1, 1], [5, -1]], [0, 0]) == 3
    assert hypervolume([[2, 2, 1], [1, 1, 2]], [0, 0, 0]) == 5
    assert hypervolume([[3, 3]], [1, 2]) == 2
    with pytest.raises(ValueError, match="points: expected finite numbers"):
        hypervolume([[1, 2, 3]], [0, 0])


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=6))
def test_hypervolume_counts_unit_cubes_and_needs_the_front_only(points: list[tuple[int, int, int]]):
    p = np.array(points)
    cubes = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    covered = (cubes[:, None, :] < p[None, :, :]).all(axis=2).any(axis=1).sum()
    assert hypervolume(p, np.zeros(3)) == covered == hypervolume(p[pareto_front(p)], np.zeros(3))


def test_the_front_holds_the_points_that_nothing_dominates():
    assert pareto_front([[1, 2], [2, 1], [1, 1], [2, 1]]).tolist() == [True, True, False, True]
