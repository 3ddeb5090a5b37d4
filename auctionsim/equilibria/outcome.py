"""Hold an equilibrium of a game: strategies, payoffs, and how exploitable they were measured to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """Strategies from which nobody gains by departing alone, to the precision that `exploitability` states."""

    strategies: Array
    """Strategy of each player, `[players]`, in the game's own unit."""
    payoffs: Array
    """Payoff of each player, `[players]`."""
    exploitability: float
    """The most that a player gains by another strategy, >= 0, as the game computes it for these strategies."""
