"""Systems of equations by Cholesky's factors."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.arithmetic.linear import solve_positive_definite, symmetric_product
from auctionsim.streams import stream


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_solutions_solve(n: int):
    root = stream(n, "test-linear").standard_normal((n, n + 3))
    matrix = symmetric_product(root, root.T)
    assert matrix == pytest.approx(root @ root.T)
    assert (matrix == matrix.T).all()
    right = np.arange(1.0, n + 1)
    x = solve_positive_definite(matrix, right)
    assert matrix @ x == pytest.approx(right)
    # Only the lower triangle is read.
    assert (solve_positive_definite(np.tril(matrix), right) == x).all()


def test_a_matrix_that_is_not_positive_definite_is_named():
    with pytest.raises(ValueError, match="expected a positive definite matrix, got pivot -3 in row 1"):
        solve_positive_definite(np.array([[1.0, 2.0], [2.0, 1.0]]), np.ones(2))
