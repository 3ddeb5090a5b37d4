"""Draw actions around a policy's own, with a density that is known exactly: what makes logged days usable for other policies.

An action x holds one number in [-1, 1] for each coefficient of the bid model, a log multiplier on the starting bid. Around a
policy's own action m, its numbers are drawn as

    x ~ (1 - u) prod_j N(x_j; m_j, s^2) / (Phi((1 - m_j) / s) - Phi((-1 - m_j) / s))  +  u 2^-k      on [-1, 1]^k

a normal distribution truncated to the actions that there are, mixed with the uniform one. Truncated, not clipped: a clipped
draw would have points of positive probability at -1 and 1, and no density there. With u > 0 no importance weight exceeds
max p(x) 2^k / u.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import number_between
from auctionsim.errors import InputError, shown

Array = NDArray[np.float64]

LOW, HIGH = -1.0, 1.0
"""Range of an action's numbers."""
MIN_NOISE, MAX_NOISE = 0.001, 2.0
_HALVINGS = 40
_SATURATED = 8.5
_LOG_ROOT_2_PI = 0.9189385332046727


@dataclass(frozen=True)
class Exploration:
    """Noise on actions: a truncated normal distribution around the policy's own action, mixed with the uniform one.

    Raises:
        InputError: A number is outside its range.
    """

    noise: float
    """Standard deviation s before truncation, in units of the action, in [0.001, 2]."""
    uniform: float = 0.0
    """Probability u of a uniform action, in [0, 1]."""

    def __post_init__(self) -> None:
        if not MIN_NOISE <= number_between("noise", self.noise, 0) <= MAX_NOISE:
            raise InputError(f"noise: expected a number >= {MIN_NOISE} and <= {MAX_NOISE:g}, got {shown(self.noise)}")
        number_between("uniform", self.uniform, 0, 1)

    def log_density(self, actions: Array, means: Array) -> Array:
        """Return the log of the density of actions.

        Args:
            actions: Actions in [-1, 1], `[..., k]`.
            means: The policy's own actions in [-1, 1], `[..., k]`.

        Returns:
            Natural logarithms, `[...]`; -inf outside [-1, 1].
        """
        z = (actions - means) / self.noise
        low, high = self._ends(means)
        log_normal = -0.5 * z * z - _LOG_ROOT_2_PI - arithmetic.log(self.noise) - arithmetic.log(high - low)
        log_mixed = log_normal.sum(axis=-1)
        if self.uniform > 0:
            flat = math.ldexp(self.uniform, -actions.shape[-1])
            log_mixed = arithmetic.log((1.0 - self.uniform) * arithmetic.exp(log_mixed) + flat)
        is_inside = ((actions >= LOW) & (actions <= HIGH)).all(axis=-1)
        return np.where(is_inside, log_mixed, -np.inf)

    def draw(self, means: Array, uniforms: Array) -> Array:
        """Return actions, by the inverse of the distribution function.

        The same uniform numbers give nearby actions around nearby means: common random numbers.

        Args:
            means: The policy's own actions in [-1, 1], `[..., k]`.
            uniforms: Uniform numbers in [0, 1), `[..., k + 1]`; the first decides which part of the mixture is drawn from.
        """
        is_flat, position = uniforms[..., :1] < self.uniform, uniforms[..., 1:]
        low, high = self._ends(means)
        wanted = low + position * (high - low)
        left, right = np.full_like(means, LOW), np.full_like(means, HIGH)
        for _ in range(_HALVINGS):
            middle = 0.5 * (left + right)
            is_below = normal_cdf((middle - means) / self.noise) < wanted
            left, right = np.where(is_below, middle, left), np.where(is_below, right, middle)
        return np.where(is_flat, LOW + (HIGH - LOW) * position, 0.5 * (left + right))

    def moments(self, means: Array) -> tuple[Array, Array]:
        """Return the means of x_j and of x_j^2 over the draws, `[..., k]` each.

        Args:
            means: The policy's own actions in [-1, 1], `[..., k]`.
        """
        a, b = (LOW - means) / self.noise, (HIGH - means) / self.noise
        low, high = self._ends(means)
        whole, at_a, at_b = high - low, _normal_density(a), _normal_density(b)
        shift = (at_a - at_b) / whole
        first = means + self.noise * shift
        variance = self.noise * self.noise * (1.0 + (a * at_a - b * at_b) / whole - shift * shift)
        keep, second = 1.0 - self.uniform, variance + first * first
        return keep * first, keep * second + self.uniform / 3.0

    def _ends(self, means: Array) -> tuple[Array, Array]:
        """Return the normal distribution function at the ends of the range, `[..., k]` each."""
        return normal_cdf((LOW - means) / self.noise), normal_cdf((HIGH - means) / self.noise)


def normal_cdf(z: Array) -> Array:
    """Return the standard normal distribution function, within 1e-15 absolutely, the same bits on every processor.

    Phi(z) = 1/2 + phi(z) (z + z^3/3 + z^5/(3 5) + ...) (Marsaglia, Evaluating the normal distribution, 2004).
    """
    clipped = np.clip(z, -_SATURATED, _SATURATED)
    square = clipped * clipped
    term, total, odd = clipped, clipped, 1.0
    while True:
        odd += 2.0
        term = term * square / odd
        following = total + term
        if (following == total).all():
            break
        total = following
    return np.clip(0.5 + total * _normal_density(clipped), 0.0, 1.0)


def _normal_density(z: Array) -> Array:
    """Return the standard normal density."""
    density: Array = arithmetic.exp(-0.5 * z * z) * 0.3989422804014327
    return density
