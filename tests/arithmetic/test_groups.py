"""Of the best rows of a cell the first one counts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from auctionsim.arithmetic.groups import first_of_each


@pytest.mark.parametrize("seed", range(20))
def test_the_best_of_a_cell_is_the_first_of_its_largest_keys(seed: int):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, size=30)
    start, cell = np.append(0, np.cumsum(sizes)), np.repeat(np.arange(30), sizes)
    key = rng.integers(-1, 3, size=len(cell)).astype(float)
    best = [first + int(np.argmax(key[first:last])) for first, last in pairwise(start)]
    rows = np.flatnonzero(key == np.maximum.reduceat(key, start[:-1])[cell])
    assert first_of_each(rows, cell).tolist() == best


def test_groups_without_a_row_are_left_out():
    group = np.array([0, 0, 1, 2, 2])
    assert first_of_each(np.array([1, 3, 4]), group).tolist() == [1, 3]
    assert first_of_each(np.zeros(0, dtype=np.int64), group).tolist() == []
