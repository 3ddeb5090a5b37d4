"""Distributions of delays: the share that has arrived after a time, and its mean over an hour of clicks.

The same bytes on every processor: exponentials and logarithms are those of `auctionsim.arithmetic`, and the normal distribution
is a series of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from auctionsim import arithmetic

Array = NDArray[np.float64]

_TERMS = 110
"""Terms of the series of the normal distribution; at `_FAR` the last one is below 1e-17 of the sum."""
_FAR = 8.0
_LOG_ROOT_TWO_PI = 0.9189385332046727


def normal_cdf(x: ArrayLike) -> Array:
    """Return the standard normal distribution function, within 1e-14.

    The series is `1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + ...)` (Marsaglia 2004, Evaluating the normal distribution).
    """
    given = np.asarray(x, dtype=np.float64)
    inside = np.clip(given, -_FAR, _FAR)
    term, total = inside.copy(), inside.copy()
    for k in range(1, _TERMS):
        term = term * inside * inside / (2 * k + 1)
        total = total + term
    found: Array = 0.5 + total * arithmetic.exp(-0.5 * inside * inside - _LOG_ROOT_TWO_PI)
    return np.where(given >= _FAR, 1.0, np.where(given <= -_FAR, 0.0, np.clip(found, 0.0, 1.0)))


def arrived_share(time: ArrayLike, mean: Array, sigma: Array) -> Array:
    """Return the share of conversions that arrived within a time of their click, in [0, 1].

    Args:
        time: Hours since the click, broadcast with the others; before the click nothing has arrived.
        mean: Mean delay, hours >= 0; with 0 everything arrives at once.
        sigma: Standard deviation of the delay's logarithm of log-normal delays, 0 for exponential ones.
    """
    # A time over next to no mean is infinite, and has arrived.
    with np.errstate(over="ignore"):
        return _arrived_share(time, mean, sigma)


def _arrived_share(time: ArrayLike, mean: Array, sigma: Array) -> Array:
    t, m = np.maximum(np.asarray(time, dtype=np.float64), 0.0), np.where(mean > 0, mean, 1.0)
    s = np.where(sigma > 0, sigma, 1.0)
    exponential = -arithmetic.expm1(-t / m)
    log_normal = normal_cdf((arithmetic.log(np.where(t > 0, t, 1.0) / m) + 0.5 * s * s) / s)
    share = np.where(sigma > 0, np.where(t > 0, log_normal, 0.0), exponential)
    return np.where(mean > 0, share, np.where(np.asarray(time) >= 0, 1.0, 0.0))


def arrived_share_of_hour(begin: Array, end: Array, mean: Array, sigma: Array) -> Array:
    """Return the mean of `arrived_share` over times from `begin` to `end`: of clicks that are spread evenly over an hour.

    Args:
        begin: Shortest time since the clicks, hours >= 0, broadcast with the others.
        end: Longest time since the clicks, hours >= `begin`; where both are equal, their share.
        mean: Mean delay, hours >= 0.
        sigma: Standard deviation of the delay's logarithm of log-normal delays, 0 for exponential ones.
    """
    length = end - begin
    is_long = length > 0
    with np.errstate(over="ignore"):
        total = _integral(end, mean, sigma) - _integral(begin, mean, sigma)
    share = np.where(is_long, total / np.where(is_long, length, 1.0), arrived_share(begin, mean, sigma))
    return np.where(mean > 0, np.clip(share, 0.0, 1.0), 1.0)


def _integral(time: Array, mean: Array, sigma: Array) -> Array:
    """Return the integral of `arrived_share` from 0 to a time, hours."""
    m, s = np.where(mean > 0, mean, 1.0), np.where(sigma > 0, sigma, 1.0)
    exponential = time + m * arithmetic.expm1(-time / m)
    z = (arithmetic.log(np.where(time > 0, time, 1.0) / m) + 0.5 * s * s) / s
    # The integral of F is t F(t) less the mean delay of what has arrived.
    log_normal = np.where(time > 0, time * normal_cdf(z) - m * normal_cdf(z - s), 0.0)
    return np.where(sigma > 0, log_normal, exponential)
