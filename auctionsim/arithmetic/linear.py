"""Solve symmetric systems of equations by operations that every processor rounds alike, where LAPACK's differ by processor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def symmetric_product(left: Array, right: Array) -> Array:
    """Return a matrix product that is known to be symmetric, `[n, inner] [inner, n]`: half the work of any other."""
    from auctionsim.arithmetic.arrays import lower_products

    out = np.zeros((len(left), len(left)))
    lower_products(np.ascontiguousarray(left), np.ascontiguousarray(right), out)
    return out + np.tril(out, -1).T


def solve_positive_definite(matrix: Array, right: Array) -> Array:
    """Return the solution of `matrix x = right` by Cholesky's factors, `[n]`.

    Args:
        matrix: The symmetric positive definite matrix, `[n, n]`; only its lower triangle is read.
        right: The right side, `[n]`.

    Raises:
        ValueError: The matrix is not positive definite to the precision of doubles.
    """
    from auctionsim.arithmetic.arrays import factor

    lower, x = np.array(matrix, dtype=np.float64), np.array(right, dtype=np.float64)
    n = len(x)
    row = factor(lower, np.empty(n))
    if row < n:
        raise ValueError(f"matrix: expected a positive definite matrix, got pivot {lower[row, row]:g} in row {row}")
    for k in range(n):
        x[k] = (x[k] - np.sum(lower[k, :k] * x[:k])) / lower[k, k]
    for k in range(n - 1, -1, -1):
        x[k] = (x[k] - np.sum(lower[k + 1 :, k] * x[k + 1 :])) / lower[k, k]
    return x
