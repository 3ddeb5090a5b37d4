"""Search one number on which revenue depends: a bisection that tries several values at once.

A replay of a day for 16 policies costs little more than one for 2, so a step tries a whole grid and keeps what lies between two
neighbors: with 16 values the bracket shrinks 15 times a step, in place of twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auctionsim import arithmetic

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bracket:
    """The range in which the number is looked for, in logs."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """Return the width in logs: about the relative error of the number."""
        return self.high - self.low

    def grid(self, n_values: int) -> Array:
        """Return the numbers to try, evenly spaced in logs, the ends of the range among them, `[n_values]`."""
        return arithmetic.exp(self.logs(n_values))

    def logs(self, n_values: int) -> Array:
        """Return the logs of the numbers to try, rising, `[n_values]`."""
        return np.linspace(self.low, self.high, n_values)

    def around_first(self, holds: NDArray[np.bool_], height: Array) -> tuple[Bracket, int]:
        """Return the range around the smallest number that holds a floor, and its index in the grid.

        For example, with logs 0, 1, 2, 3 of which 2 and 3 hold, the range is [1, 2] and the index 2. Where none holds, the
        range around the largest height is kept instead: the way to one that holds, or the next best.

        Args:
            holds: Whether each number of the grid holds the floor, `[n_values]`.
            height: Amount that the floor is on, `[n_values]`.
        """
        if not holds.any():
            return self.around_best(height)
        first, logs = int(np.argmax(holds)), self.logs(len(holds))
        return Bracket(float(logs[max(first - 1, 0)]), float(logs[first])), first

    def around_best(self, height: Array) -> tuple[Bracket, int]:
        """Return the range around the number of the largest height, and its index in the grid; the first one of equals."""
        best, logs = int(np.argmax(height)), self.logs(len(height))
        return Bracket(float(logs[max(best - 1, 0)]), float(logs[min(best + 1, len(logs) - 1)])), best
