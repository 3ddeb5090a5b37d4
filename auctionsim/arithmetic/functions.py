"""The functions of the room on numpy arrays: broadcasting, types, and shortcuts that are exact.

An array on another device brings its own functions, by a method `elementwise(name, *others)`: its results are within rounding
of the ones here, and not equal to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_EXACT_POWERS: dict[float, Callable[[Array], Any]] = {
    0.0: np.ones_like, 0.5: np.sqrt, 1.0: np.positive, 2.0: np.square, -1.0: np.reciprocal,
}  # fmt: skip


def exp(x: ArrayLike) -> Any:
    """Return e^x elementwise, within 1 ulp, as numpy does: a float of a number, single precision of single precision."""
    return _each("exp", x)


def expm1(x: ArrayLike) -> Any:
    """Return e^x - 1 elementwise without loss near 0, within 2 ulps."""
    return _each("expm1", x)


def log(x: ArrayLike) -> Any:
    """Return the natural logarithm elementwise, within 1 ulp: -inf of 0 and NaN below, without a warning."""
    return _each("log", x)


def log1p(x: ArrayLike) -> Any:
    """Return log(1 + x) elementwise without loss near 0, within 2 ulps."""
    return _each("log1p", x)


def tanh(x: ArrayLike) -> Any:
    """Return the hyperbolic tangent elementwise, within 2 ulps."""
    return _each("tanh", x)


def sin(x: ArrayLike) -> Any:
    """Return the sine elementwise, within 1 ulp, of angles up to 2^20 radians; NaN beyond."""
    return _each("sin", x)


def cos(x: ArrayLike) -> Any:
    """Return the cosine elementwise, within 1 ulp, of angles up to 2^20 radians; NaN beyond."""
    return _each("cos", x)


def power(x: ArrayLike, y: ArrayLike) -> Any:
    """Return x^y elementwise, within 1 ulp; roots, squares and reciprocals are rounded correctly."""
    own: Any = getattr(y, "elementwise", None)
    if own is not None:
        return own("power", x)
    base, exponent = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if exponent.ndim == 0:
        exact = _EXACT_POWERS.get(float(exponent))
        # The square root of -0.0 is -0.0, and of -inf NaN, unlike their powers.
        if exact is not None and not (float(exponent) in (0.5, -1.0) and np.any(base <= 0.0)):
            return exact(base)[()]
    from auctionsim.arithmetic.arrays import power as write_powers

    shape = np.broadcast_shapes(base.shape, exponent.shape)
    out = np.empty(shape)
    flat = _flat(np.broadcast_to(base, shape))
    write_powers(flat, _flat(exponent if exponent.ndim == 0 else np.broadcast_to(exponent, shape)), out.reshape(-1))
    return out[()]


def dot(left: ArrayLike, right: ArrayLike) -> Any:
    """Return the sum of products over the last axis, in numpy's order of sums; broadcast."""
    return np.sum(np.multiply(left, right), axis=-1)


def matmul(left: Array, right: Array) -> Array:
    """Return the matrix product, each sum in the order of its terms: `[..., rows, inner] [..., inner, columns]`, broadcast.

    For example rows (1e16, 1, -1e16) and a column of ones give (1e16 + 1) - 1e16 = 0 on every machine; a library that adds
    1e16 - 1e16 first gives 1.
    """
    from auctionsim.arithmetic.arrays import products

    left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if left.shape[-1] != right.shape[-2]:
        raise ValueError(f"right: expected [..., {left.shape[-1]}, columns], got {list(right.shape)}")
    lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    out = np.zeros((*lead, left.shape[-2], right.shape[-1]))
    products(_stacked(left, lead), _stacked(right, lead), out.reshape(-1, *out.shape[-2:]))
    return out


def interpolate(x: ArrayLike, known: ArrayLike, values: ArrayLike) -> Any:
    """Return the piecewise linear function through points at x, constant beyond the first and the last.

    `np.interp` multiplies and adds in one loop of C, which compilers fuse on some processors.

    Args:
        x: The positions at which to read the function.
        known: The positions at which it is known, rising, `[n]`, n >= 1.
        values: Its values there, `[n]`.
    """
    x, known, values = (np.asarray(array, dtype=np.float64) for array in (x, known, values))
    if len(known) == 1:
        return np.full(x.shape, values[0])[()]
    left = np.clip(np.searchsorted(known, x, side="right") - 1, 0, len(known) - 2)
    width = known[left + 1] - known[left]
    slope = np.divide(values[left + 1] - values[left], width, out=np.zeros(x.shape), where=width > 0)
    inside = slope * (x - known[left]) + values[left]
    return np.where(x >= known[-1], values[-1], np.where(x <= known[0], values[0], inside))[()]


def geometric_grid(low: float, high: float, size: int) -> Array:
    """Return `size` >= 2 numbers from `low` to `high`, both > 0 and included, each the same multiple of the one before."""
    grid = np.array(exp(np.linspace(log(low), log(high), size)))
    grid[0], grid[-1] = low, high
    return grid


def powers_of_two(first: int, last: int, steps: int) -> Array:
    """Return the powers of 2 from `first` to `last` in equal steps, `steps` of them to a doubling.

    They are computed in decimals, so that a module may hold them as constants without compiled code.
    """
    return np.array([float(Decimal(2) ** (Decimal(k) / steps)) for k in range(first * steps, last * steps + 1)])


def _each(name: str, x: ArrayLike) -> Any:
    """Apply a function of `arrays` to each element."""
    own: Any = getattr(x, "elementwise", None)
    if own is not None:
        return own(name)
    from auctionsim.arithmetic.arrays import ELEMENTWISE

    given = np.asarray(x)
    out = np.empty(given.shape)
    ELEMENTWISE[name](_flat(given), out.reshape(-1))
    # Indexing by () makes a number of an array without axes, as numpy's functions do.
    return out[()] if given.dtype != np.float32 else out.astype(np.float32)[()]


def _flat(x: NDArray[Any]) -> Array:
    """Return the elements as contiguous doubles, `[n]`."""
    return np.ascontiguousarray(x, dtype=np.float64).reshape(-1)


def _stacked(x: Array, lead: tuple[int, ...]) -> Array:
    """Return matrices along one leading axis, `[n, rows, columns]`."""
    return np.ascontiguousarray(np.broadcast_to(x, (*lead, *x.shape[-2:]))).reshape(-1, *x.shape[-2:])
