"""Describe how a bidder's value is distributed: uniform, powers of it, or any distribution given by three functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic
from auctionsim.arguments import number_between
from auctionsim.errors import InputError, shown

Array = NDArray[np.float64]


class ValueDistribution(Protocol):
    """The protocol of a distribution of values without atoms on an interval, its density > 0 inside."""

    @property
    def low(self) -> float:
        """Return the smallest value."""

    @property
    def high(self) -> float:
        """Return the largest value."""

    def cdf(self, value: Array) -> Array:
        """Return the probability of a value no larger, elementwise."""

    def density(self, value: Array) -> Array:
        """Return the density, elementwise."""


@dataclass(frozen=True)
class PowerValues:
    """Values on [low, high] with the distribution `((v - low) / (high - low))^exponent`; uniform for an exponent of 1."""

    low: float = 0.0
    high: float = 1.0
    exponent: float = 1.0
    """Exponent, > 0: high values are the more frequent the larger it is."""

    def __post_init__(self) -> None:
        """Check the interval and the exponent.

        Raises:
            InputError: A number is not finite, the interval is empty, or the exponent is not > 0.
        """
        low, high = number_between("low", self.low, -1e100, 1e100), number_between("high", self.high, -1e100, 1e100)
        if not low < high:
            raise InputError(f"high: expected a number > low, which is {low:g}, got {shown(self.high)}")
        if not number_between("exponent", self.exponent, 0) > 0:
            raise InputError(f"exponent: expected a number > 0, got {shown(self.exponent)}")

    def cdf(self, value: Array) -> Array:
        """Return the probability of a value no larger, elementwise."""
        return np.asarray(arithmetic.power(self._share(value), self.exponent))

    def density(self, value: Array) -> Array:
        """Return the density, elementwise."""
        scale = self.exponent / (self.high - self.low)
        return scale * np.asarray(arithmetic.power(np.maximum(self._share(value), 1e-300), self.exponent - 1))

    def _share(self, value: Array) -> Array:
        return np.clip((np.asarray(value) - self.low) / (self.high - self.low), 0.0, 1.0)


def uniform_values(low: float = 0.0, high: float = 1.0) -> PowerValues:
    """Return the uniform distribution on [low, high]."""
    return PowerValues(low, high)
