"""How well a fitted delay tells which share of conversions had arrived when a log ended.

Conversions that came soon say little of those that come late: where most delays are longer than the log, a few conversions are
about as likely under one mean as under one of three times as much, and these differ as much in what is still to come. The
standard error says so: by the curvature of the log likelihood (observed information), carried over to the share by the delta
method.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.traffic.delays.distributions import arrived_share
from auctionsim.traffic.delays.fit import LONGEST, FittedDelay, log_likelihood

Array = NDArray[np.float64]

_PRIOR = 0.01
"""Precision of the parameters before any conversion is seen: their logarithms have a standard deviation of 10. It decides where
conversions say nothing of a parameter: whether that matters is then up to the share."""
_STEP = 1e-3
"""Step of numerical derivatives, of logarithms of the parameters."""


def arrived_trials(fit: FittedDelay, age: Array, trials: Array) -> float:
    """Return how many of some clicks' conversions had the time to arrive: the sum of `trials` times the share of each age.

    Args:
        fit: The delay.
        age: Hours since the clicks, `[n]`.
        trials: Clicks of each age, `[n]`.
    """
    return _arrived(_parameters(fit), age, trials)


def arrived_error(fit: FittedDelay, delay: Array, observable: Array, age: Array, trials: Array) -> float:
    """Return the relative standard error of `arrived_trials` that comes from the fit; infinite where the log does not tell it.

    Args:
        fit: The delay that was fitted to `delay`.
        delay: Hours from click to conversion, > 0, `[conversions]`.
        observable: Hours from click to the end of the log, no less than the delay, `[conversions]`.
        age: Hours since the clicks, `[n]`.
        trials: Clicks of each age, `[n]`.
    """
    if fit.mean >= LONGEST:
        return math.inf
    best = _parameters(fit)

    def likelihood(given: Array) -> float:
        return log_likelihood(delay, observable, float(given[0]), _sigma(given))

    def arrived(given: Array) -> float:
        return float(arithmetic.log(_arrived(given, age, trials)))

    information = _PRIOR * np.eye(len(best)) - _second_derivatives(likelihood, best)
    slope = np.array([(arrived(best + step) - arrived(best - step)) / (2 * _STEP) for step in np.eye(len(best)) * _STEP])
    variance = _inverse_form(information, slope)
    return math.sqrt(variance) if variance >= 0 else math.inf


def eventual_error(observed: float, trials: float, arrived: float, error: float, *, squares: float | None = None) -> float:
    """Return the standard error of `observed * trials / arrived`, the conversions that are expected in the end.

    Three things vary: how many were seen, how many of the others come, and the estimate of the share that had time to arrive.
    Where none was seen the first two vary as if one had been. It is at most the number of clicks, each of which has a
    conversion or none.

    Args:
        observed: Conversions seen.
        trials: Clicks.
        arrived: Clicks whose conversion had the time to arrive; with none nothing is known.
        error: Relative standard error of `arrived`.
        squares: Sum of squares of the conversions that rows of a log stand for, which come or not together; None where each
            row stands for one.
    """
    if not arrived > 0:
        return trials
    to_come = trials / arrived - 1.0
    spread = max(observed if squares is None else squares, 1.0)
    sampling, fitting = spread * max(to_come * to_come + to_come, 0.0), error * observed * trials / arrived
    return min(math.sqrt(sampling + fitting * fitting), trials)


def _parameters(fit: FittedDelay) -> Array:
    """Return the location of `log_likelihood`, and of log-normal delays the logarithm of sigma."""
    location = float(arithmetic.log(fit.mean)) - 0.5 * fit.sigma * fit.sigma
    return np.array([location, float(arithmetic.log(fit.sigma))] if fit.sigma else [location])


def _sigma(given: Array) -> float:
    return float(arithmetic.exp(given[1])) if len(given) > 1 else 0.0


def _arrived(given: Array, age: Array, trials: Array) -> float:
    sigma = _sigma(given)
    mean = float(arithmetic.exp(given[0] + 0.5 * sigma * sigma))
    return float((trials * arrived_share(age, np.asarray(mean), np.asarray(sigma))).sum())


def _second_derivatives(function: Callable[[Array], float], at: Array) -> Array:
    def second(a: Array, b: Array) -> float:
        corners = function(at + a + b) - function(at + a - b) - function(at - a + b) + function(at - a - b)
        return corners / (4 * _STEP * _STEP)

    steps = np.eye(len(at)) * _STEP
    return np.array([[second(a, b) for b in steps] for a in steps])


def _inverse_form(matrix: Array, vector: Array) -> float:
    """Return `vector' matrix^-1 vector`, or -1 where the matrix of one or two rows is not positive definite."""
    if len(vector) == 1:
        return float(vector[0] * vector[0] / matrix[0, 0]) if matrix[0, 0] > 0 else -1.0
    (a, b), (_, d), (x, y) = matrix[0], matrix[1], vector
    determinant = a * d - b * b
    return float((d * x * x - 2 * b * x * y + a * y * y) / determinant) if a > 0 and determinant > 0 else -1.0
