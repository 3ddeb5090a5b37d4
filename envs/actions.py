"""Define the environments' actions: numbers in a box, or in a grid for learners that choose among finitely many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from auctionsim import arithmetic
from auctionsim.arguments import one_of, real_numbers
from auctionsim.auction.bid_formula import BID_MODELS
from auctionsim.errors import InputError
from auctionsim.numbers import number_above, whole_number

ACTION_MODES = ("box", "discrete")
MAX_MULTIPLIER = 50.0


@dataclass(frozen=True)
class Actions:
    """The actions of an agent: a number in [-1, 1] for each coefficient of its bid model, or one of `levels` such numbers.

    A number x multiplies the starting coefficient by `max_multiplier` to the power of x: 0 bids the keyword bids of the
    bid model `scale`, and those on average of the others.

    Raises:
        InputError: A value is unknown or outside its range.
    """

    bid_model: str = "macg"
    """Bid model, a key of `bid_formula.BID_MODELS`."""
    mode: str = "box"
    """`box` or `discrete`."""
    levels: int = 21
    """Size of the grid of discrete actions, evenly spaced from -1 to 1, >= 2, < 2^31; an odd size has 0 in the middle."""
    max_multiplier: float = MAX_MULTIPLIER
    """Factor of the action 1, > 1; the action -1 divides by it."""

    def __post_init__(self) -> None:
        one_of("bid_model", self.bid_model, BID_MODELS)
        one_of("action_mode", self.mode, ACTION_MODES)
        object.__setattr__(self, "levels", whole_number("levels", self.levels, 2, below=2**31))
        object.__setattr__(self, "max_multiplier", number_above("max_multiplier", self.max_multiplier, 1))

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of one agent's action: `(coefficients,)`, or `()` for a grid of one coefficient."""
        n_coefficients = len(BID_MODELS[self.bid_model])
        return () if self.mode == "discrete" and n_coefficients == 1 else (n_coefficients,)

    def space(self, *leading: int) -> spaces.Space[Any]:
        """Return the space of one agent's actions, or of an array of them.

        Args:
            leading: Sizes of the array's axes, for example (num_envs, agents); none for one agent.
        """
        shape = (*leading, *self.shape)
        if self.mode == "box":
            return spaces.Box(-1.0, 1.0, shape, np.float32)
        return spaces.MultiDiscrete(np.full(shape, self.levels)) if shape else spaces.Discrete(self.levels)

    def checked(self, actions: ArrayLike, leading: tuple[int, ...]) -> NDArray[np.float64]:
        """Return actions as finite numbers, `[*leading, *shape]`.

        Args:
            actions: Actions as a user gives them.
            leading: Sizes of the array's leading axes, for example (num_envs, agents); () for one agent.

        Raises:
            InputError: The shape is wrong, or a number is not finite.
        """
        expected = f"finite numbers of shape {(*leading, *self.shape)}"
        x = real_numbers("actions", actions, expected)
        if x.shape != (*leading, *self.shape):
            raise InputError(f"actions: expected {expected}, got {_described(x)}")
        if not np.isfinite(x).all():
            index = tuple(np.argwhere(~np.isfinite(x))[0].tolist())
            at = f" at [{', '.join(map(str, index))}]" if index else ""
            raise InputError(f"actions: expected {expected}, got {x[index]}{at}")
        return x

    def log_multipliers(self, actions: ArrayLike, leading: tuple[int, ...]) -> NDArray[np.float64]:
        """Return the log multipliers of actions; those of a box are clipped to [-1, 1] first.

        Args:
            actions: Actions, `[*leading, *shape]`.
            leading: Sizes of the array's leading axes, for example (num_envs, agents); () for one agent.

        Returns:
            Logs of the factors on the starting coefficients, `[*leading, coefficients]`.

        Raises:
            InputError: The shape is wrong, or a number is not finite or not on the grid.
        """
        x = self.checked(actions, leading)
        if self.mode == "box":
            x = np.clip(x, -1.0, 1.0)
        else:
            if not ((x >= 0) & (x < self.levels) & (x == np.floor(x))).all():
                raise InputError(f"actions: expected whole numbers from 0 to {self.levels - 1}, got {_described(x)}")
            x = x * (2 / (self.levels - 1)) - 1
        return arithmetic.log(self.max_multiplier) * x.reshape(*leading, -1)


def _described(x: NDArray[np.float64]) -> str:
    """Return the shape of an array as text, and its numbers where they are few."""
    return f"shape {x.shape}" + ("" if x.size > 8 else f" {x.tolist()}")
