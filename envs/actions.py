"""Actions of the environments: log multipliers from a box, or from a grid for learners that choose among finitely many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.errors import InputError, unknown

ACTION_MODES = ("box", "discrete")
MAX_MULTIPLIER = 50.0


@dataclass(frozen=True)
class Actions:
    """What an agent can do: for each coefficient of its bid model a number in [-1, 1], or one of `levels` such numbers.

    A number x multiplies the starting coefficient by `max_multiplier` to the power of x: 0 bids about as the keyword bids do.
    """

    bid_model: str = "macg"
    mode: str = "box"
    levels: int = 21
    """Discrete only: how many numbers, evenly from -1 to 1; an odd one has 0 in the middle."""
    max_multiplier: float = MAX_MULTIPLIER

    def __post_init__(self) -> None:
        if self.bid_model not in BID_MODELS:
            raise unknown("bid_model", self.bid_model, BID_MODELS)
        if self.mode not in ACTION_MODES:
            raise unknown("action_mode", self.mode, ACTION_MODES)
        if self.levels < 2:
            raise InputError(f"levels: expected a whole number at least 2, got {self.levels}")
        if not 1 < self.max_multiplier < np.inf:
            raise InputError(f"max_multiplier: expected a finite number above 1, got {self.max_multiplier}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one agent's action: a number for each coefficient; a single number where a grid has only one coefficient."""
        n_coefficients = len(BID_MODELS[self.bid_model])
        return () if self.mode == "discrete" and n_coefficients == 1 else (n_coefficients,)

    def space(self, *leading: int) -> spaces.Space[Any]:
        """The space of one agent's actions, or of `leading` of them at once, such as (copies, agents)."""
        shape = (*leading, *self.shape)
        if self.mode == "box":
            return spaces.Box(-1.0, 1.0, shape, np.float32)
        return spaces.MultiDiscrete(np.full(shape, self.levels)) if shape else spaces.Discrete(self.levels)

    def log_multipliers(self, actions: ArrayLike, leading: tuple[int, ...]) -> NDArray[np.float64]:
        """Actions `[*leading, *shape]` as log multipliers `[*leading, coefficients]`; a box's are clipped to [-1, 1].

        Raises:
            InputError: The shape is another, a number is not finite, or is none of the grid's.
        """
        try:
            x = np.asarray(actions, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"actions: expected numbers of shape {(*leading, *self.shape)}, got {error}") from error
        if x.shape != (*leading, *self.shape) or not np.isfinite(x).all():
            raise InputError(f"actions: expected finite numbers of shape {(*leading, *self.shape)}, got {_described(x)}")
        if self.mode == "box":
            x = np.clip(x, -1.0, 1.0)
        else:
            if not ((x >= 0) & (x < self.levels) & (x == np.floor(x))).all():
                raise InputError(f"actions: expected whole numbers from 0 to {self.levels - 1}, got {_described(x)}")
            x = x * (2 / (self.levels - 1)) - 1
        return np.log(self.max_multiplier) * x.reshape(*leading, -1)


def _described(x: NDArray[np.float64]) -> str:
    return f"shape {x.shape}" + ("" if x.size > 8 else f" {x.tolist()}")
