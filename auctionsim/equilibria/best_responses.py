"""Let players reply in turn until nobody moves or a profile comes back: best-response dynamics, with cycles told apart.

A game may have no equilibrium in pure strategies, and then best responses go round for ever. What is returned says which: an
equilibrium, a cycle with its length, or that neither was reached in the rounds allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Reply = Callable[[Array, int], float]
"""Reply of a player to a profile of strategies, `[players]`; the player's own strategy is the one in it."""
Ending = Literal["equilibrium", "cycle", "undecided"]


@dataclass(frozen=True, eq=False)
class Path:
    """Profiles that best responses went through."""

    ending: Ending
    """`equilibrium` if the last profile answers itself, `cycle` if it came up before, `undecided` if the rounds ended first."""
    profiles: Array
    """Profile after each round, the start first, `[rounds + 1, players]`."""
    period: int
    """Rounds from a profile to its return: 1 of an equilibrium, >= 2 of a cycle, 0 if undecided."""

    @property
    def last(self) -> Array:
        """Return the last profile, `[players]`."""
        return np.asarray(self.profiles[-1])


def follow_best_responses(reply: Reply, start: Any, rounds: int = 10_000) -> Path:
    """Let the players reply in turn, one after the other in each round, to what all the others do at that moment.

    Args:
        reply: The reply of a player to a profile. It has to be a function of the profile alone.
        start: The first profile, `[players]`.
        rounds: The rounds at most.
    """
    profile = np.array(start, dtype=np.float64)
    path, met = [profile], {profile.tobytes(): 0}
    for t in range(1, rounds + 1):
        profile = profile.copy()
        for player in range(len(profile)):
            profile[player] = reply(profile, player)
        path.append(profile)
        before = met.setdefault(profile.tobytes(), t)
        if before != t:
            return Path("equilibrium" if t - before == 1 else "cycle", np.array(path), t - before)
    return Path("undecided", np.array(path), 0)
