"""Check values and budgets where they come in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.arguments.arrays import real_numbers
from auctionsim.errors import InputError

Array = NDArray[np.float64]
_MOST = 1e100
"""Largest value accepted: sums and products of larger ones leave the range of doubles."""


def checked_market(values: Any, budgets: Any) -> tuple[Array, Array]:
    """Return the values `[bidders, goods]` and budgets `[bidders]` of a market as arrays.

    Raises:
        InputError: `checked_values` or `checked_budgets` refuses them.
    """
    array = checked_values("values", values)
    return array, checked_budgets("budgets", budgets, len(array))


def checked_values(source: str, values: Any) -> Array:
    """Return values as an array, `[bidders, goods]`.

    Args:
        source: The name of the argument, which begins the message.
        values: The values as given: finite numbers in [0, 1e100], one bidder and one good or more.

    Raises:
        InputError: They are of another shape, not finite or negative.
    """
    expected = "finite numbers >= 0 of shape [bidders, goods]"
    array = real_numbers(source, values, expected)
    if array.ndim != 2 or not array.size:
        raise InputError(f"{source}: expected {expected}, got shape {list(array.shape)}")
    wrong = ~((array >= 0) & (array <= _MOST))
    if wrong.any():
        bidder, good = (int(k) for k in np.argwhere(wrong)[0])
        limit = f"number in [0, {_MOST:g}]" if _MOST < array[bidder, good] < np.inf else "finite number >= 0"
        raise InputError(f"{source}[{bidder}, {good}]: expected a {limit}, got {array[bidder, good]:g}")
    return array


def checked_budgets(source: str, budgets: Any, n_bidders: int) -> Array:
    """Return budgets as an array, `[bidders]`.

    Args:
        source: The name of the argument, which begins the message.
        budgets: The budgets as given: numbers > 0, one per bidder; infinity for none.
        n_bidders: The number of bidders.

    Raises:
        InputError: They are of another shape, NaN, zero or negative.
    """
    expected = f"{n_bidders} numbers > 0, one per bidder"
    array = real_numbers(source, budgets, expected)
    if array.shape != (n_bidders,):
        raise InputError(f"{source}: expected {expected}, got shape {list(array.shape)}")
    wrong = ~(array > 0)
    if wrong.any():
        bidder = int(np.argmax(wrong))
        raise InputError(f"{source}[{bidder}]: expected a number > 0, got {array[bidder]:g}")
    return array
