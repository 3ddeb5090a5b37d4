"""Loop over arrays with the functions of `scalars`, and multiply matrices: what numpy and BLAS do differently by processor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import auctionsim.arithmetic.scalars as scalars
from auctionsim.arithmetic.compiled import compiled

Array = NDArray[np.float64]


@compiled
def exp(x: Array, out: Array) -> None:
    """Write e^x, `[n]` both."""
    for i in range(x.shape[0]):
        out[i] = scalars.exp(x[i])


@compiled
def expm1(x: Array, out: Array) -> None:
    """Write e^x - 1, `[n]` both."""
    for i in range(x.shape[0]):
        out[i] = scalars.expm1(x[i])


@compiled
def log(x: Array, out: Array) -> None:
    """Write the logarithm of each element, `[n]` both."""
    for i in range(x.shape[0]):
        out[i] = scalars.log(x[i])


@compiled
def log1p(x: Array, out: Array) -> None:
    """Write log(1 + x), `[n]` both."""
    for i in range(x.shape[0]):
        out[i] = scalars.log1p(x[i])


@compiled
def tanh(x: Array, out: Array) -> None:
    """Write the hyperbolic tangent of each element, `[n]` both."""
    for i in range(x.shape[0]):
        out[i] = scalars.tanh(x[i])


@compiled
def sin(x: Array, out: Array) -> None:
    """Write the sine of each element, `[n]` both."""
    for i in range(x.shape[0]):
        out[i] = scalars.sin(x[i])


@compiled
def cos(x: Array, out: Array) -> None:
    """Write the cosine of each element, `[n]` both."""
    for i in range(x.shape[0]):
        out[i] = scalars.cos(x[i])


@compiled
def power(x: Array, y: Array, out: Array) -> None:
    """Write x^y, `[n]` all; `y` may have one element for all."""
    step = 1 if y.shape[0] > 1 else 0
    for i in range(x.shape[0]):
        out[i] = scalars.power(x[i], y[i * step])


@compiled
def products(left: Array, right: Array, out: Array) -> None:
    """Add the products of matrices to `out`, `[n, rows, inner] [n, inner, columns]`, each sum in the order of its terms.

    The innermost loop is over columns: neighbors that are added up apart from each other, so that vector registers of any width
    give the same sums.
    """
    for n in range(out.shape[0]):
        for i in range(out.shape[1]):
            for k in range(left.shape[2]):
                for j in range(out.shape[2]):
                    out[n, i, j] += left[n, i, k] * right[n, k, j]


@compiled
def lower_products(left: Array, right: Array, out: Array) -> None:
    """Add the lower triangle of a product to `out`, `[n, inner] [inner, n]`, each sum in the order of its terms."""
    for i in range(out.shape[0]):
        for k in range(left.shape[1]):
            scale = left[i, k]
            if scale != 0.0:
                for j in range(i + 1):
                    out[i, j] += scale * right[k, j]


@compiled
def factor(matrix: Array, column: Array) -> int:
    """Write Cholesky's factor over the lower triangle of `matrix`, `[n, n]`; return the first row without a pivot > 0, or n.

    Args:
        matrix: The symmetric matrix; only its lower triangle is read and written.
        column: Scratch, `[n]`: a column in one piece, so that the innermost loop runs over neighbors.
    """
    n = matrix.shape[0]
    for k in range(n):
        if not matrix[k, k] > 0.0:
            return k
        root = np.sqrt(matrix[k, k])
        matrix[k, k] = root
        for i in range(k + 1, n):
            matrix[i, k] /= root
            column[i] = matrix[i, k]
        for i in range(k + 1, n):
            scale = column[i]
            for j in range(k + 1, i + 1):
                matrix[i, j] -= scale * column[j]
    return n


ELEMENTWISE: dict[str, Callable[[Array, Array], None]] = {
    "exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "tanh": tanh, "sin": sin, "cos": cos,
}  # fmt: skip
