"""Sample and update the search distribution of CMA-ES in a fixed order of operations, so that processors agree to the bit.

The library `cmaes` multiplies and decomposes by BLAS and LAPACK, which choose their kernels by processor, and so the order of
sums: the same seed gave other bids on another machine. Here eigenvectors come from Jacobi rotations, sums run in order, and
candidates are drawn with the symmetric root of the covariance, which does not depend on the eigenvectors' signs and order. The
library supplies the constants (Hansen 2016, table 1; Ros and Hansen 2008 for the diagonal), and holds the state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context, Decimal

import numpy as np
from cmaes import CMA, SepCMA
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.auction.kernel.compiled import compiled

Array = NDArray[np.float64]

_LEAST = 1e-8
"""Eigenvalue that stands for one below 0, as in the library."""
_MOST_SWEEPS = 50
"""Sweeps of Jacobi rotations; 100 parameters take about 10."""
_MOST_SIGMA = 1e32


@dataclass(frozen=True, eq=False)
class Roots:
    """The square root of a covariance and its inverse: `[n, n]`, or `[n]` of a diagonal."""

    root: Array
    inverse: Array


def roots(covariance: Array) -> Roots:
    """Return the symmetric root of a covariance, `[n, n]` or the diagonal `[n]`, and the root's inverse."""
    if covariance.ndim == 1:
        diagonal = np.sqrt(np.where(covariance < 0, _LEAST, covariance))
        return Roots(diagonal, 1 / diagonal)
    values, vectors = symmetric_eigen(covariance)
    lengths = np.sqrt(np.where(values < 0, _LEAST, values))[:, None]
    return Roots(ordered_product(vectors.T, lengths * vectors), ordered_product(vectors.T, vectors / lengths))


def sample(optimizer: CMA | SepCMA, of: Roots, size: int) -> Array:
    """Draw candidates from the optimizer's own generator, `[size, n]`: mean + sigma root z (Hansen 2016, eq. 39 and 40)."""
    z = arithmetic.legacy_normal(optimizer._rng, (size, len(optimizer._mean)))
    return np.asarray(optimizer._mean + optimizer._sigma * _times(of.root, z))


def update(optimizer: CMA | SepCMA, of: Roots, population: Array, loss: Array) -> None:
    """Move the optimizer by one generation (Hansen 2016, figure 6); the lowest loss is best, and of equal ones the first.

    Args:
        optimizer: The optimizer that drew the candidates.
        of: The roots of its covariance.
        population: The candidates, `[size, n]`.
        loss: The loss of each, infinite for one that failed, `[size]`.
    """
    o = optimizer
    o._g += 1
    steps = (population[np.argsort(loss, kind="stable")] - o._mean) / o._sigma
    step = _sum(o._weights[: o._mu, None] * steps[: o._mu])
    o._mean = o._mean + o._sigma * step
    path = math.sqrt(o._c_sigma * (2 - o._c_sigma) * o._mu_eff) * _times(of.inverse, step[None])[0]
    o._p_sigma = (1 - o._c_sigma) * o._p_sigma + path
    length = math.sqrt(math.fsum(np.square(o._p_sigma)))
    o._sigma = min(float(o._sigma) * _exp(o._c_sigma / o._d_sigma * (length / o._chi_n - 1)), _MOST_SIGMA)
    # A path that grew too fast is left out of the rank-one update.
    usual = length / math.sqrt(1 - arithmetic.power(1 - o._c_sigma, 2 * (o._g + 1)))
    is_usual = float(usual < (1.4 + 2 / (len(step) + 1)) * o._chi_n)
    o._pc = (1 - o._cc) * o._pc + is_usual * math.sqrt(o._cc * (2 - o._cc) * o._mu_eff) * step
    kept = 1 + o._c1 * (1 - is_usual) * o._cc * (2 - o._cc) - o._c1 - o._cmu * math.fsum(o._weights)
    rank_one = np.square(o._pc) if o._C.ndim == 1 else o._pc[:, None] * o._pc
    o._C = kept * o._C + o._c1 * rank_one + o._cmu * _rank_mu(o, of, steps)


def symmetric_eigen(matrix: Array) -> tuple[Array, Array]:
    """Return the eigenvalues `[n]` and eigenvectors, one per row `[n, n]`, of a symmetric matrix, in no particular order.

    Cyclic Jacobi rotations (Golub and Van Loan 2013, section 8.5), in the order of rows and columns.
    """
    turned, vectors = np.ascontiguousarray((matrix + matrix.T) / 2), np.eye(len(matrix))
    _rotate(turned, vectors, _MOST_SWEEPS)
    return np.diagonal(turned).copy(), vectors


def ordered_product(left: Array, right: Array) -> Array:
    """Return the matrix product, each sum taken in the order of its terms."""
    out = np.zeros((left.shape[0], right.shape[1]))
    _multiply(np.ascontiguousarray(left), np.ascontiguousarray(right), out)
    return out


def _rank_mu(o: CMA | SepCMA, of: Roots, steps: Array) -> Array:
    """Return the weighted sum of the steps' outer products; negative weights count by the step's length (eq. 46)."""
    weights = o._weights
    if o._C.ndim == 1:
        return _sum(weights[:, None] * np.square(steps[: len(weights)]))
    lengths = _sum(np.square(_times(of.inverse, steps).T))
    weights = weights * np.where(weights >= 0, 1.0, len(o._mean) / (lengths + _LEAST))
    return ordered_product(steps.T, weights[:, None] * steps)


def _times(root: Array, vectors: Array) -> Array:
    """Return the root times each row of vectors, `[rows, n]`."""
    return root * vectors if root.ndim == 1 else ordered_product(vectors, root)


def _sum(terms: Array) -> Array:
    """Return the sum over the first axis, in order."""
    total = np.zeros(terms.shape[1:])
    for term in terms:
        total += term
    return total


def _exp(x: float) -> float:
    """Return e^x rounded correctly; libraries of processors differ in its last bit."""
    return float(Decimal(x).exp(Context(prec=40)))


@compiled
def _multiply(left: Array, right: Array, out: Array) -> None:
    for i in range(left.shape[0]):
        for k in range(left.shape[1]):
            for j in range(right.shape[1]):
                out[i, j] += left[i, k] * right[k, j]


@compiled
def _rotate(matrix: Array, vectors: Array, most_sweeps: int) -> None:
    """Turn a symmetric matrix into a diagonal one in place, and the unit matrix into its eigenvectors, one per row."""
    n = matrix.shape[0]
    for _ in range(most_sweeps):
        is_done = True
        for p in range(n - 1):
            for q in range(p + 1, n):
                # Beyond this an entry no longer moves an eigenvalue's last bit.
                if abs(matrix[p, q]) <= 1e-18 * (abs(matrix[p, p]) + abs(matrix[q, q])):
                    continue
                is_done = False
                ratio = (matrix[q, q] - matrix[p, p]) / (2 * matrix[p, q])
                tangent = (1.0 if ratio >= 0 else -1.0) / (abs(ratio) + math.sqrt(1 + ratio * ratio))
                cosine = 1 / math.sqrt(1 + tangent * tangent)
                sine = tangent * cosine
                for k in range(n):
                    a, b = matrix[p, k], matrix[q, k]
                    matrix[p, k], matrix[q, k] = cosine * a - sine * b, sine * a + cosine * b
                    a, b = vectors[p, k], vectors[q, k]
                    vectors[p, k], vectors[q, k] = cosine * a - sine * b, sine * a + cosine * b
                for k in range(n):
                    a, b = matrix[k, p], matrix[k, q]
                    matrix[k, p], matrix[k, q] = cosine * a - sine * b, sine * a + cosine * b
        if is_done:
            return
