"""Pick rows from arrays in which the rows of a group, such as the candidates of a cell, lie together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def first_of_each(rows: Integers, group: Integers) -> Integers:
    """Return the first of the rows of each group, for groups that have any.

    Args:
        rows: Indexes of rows, those of a group one after the other.
        group: The group of every row, >= 0, `[all rows]`.
    """
    return rows[np.diff(group[rows], prepend=-1) != 0]
