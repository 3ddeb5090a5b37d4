"""Check numbers that come from a caller: whole numbers, finite numbers and seeds.

Python and numpy numbers are both accepted. Truth values, text, NaN and parts of whole numbers are not.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from auctionsim.errors import InputError, shown

SEED_LIMIT = 2**63
"""All seeds are below it: tables hold seeds as 64-bit integers."""


def whole_number(source: str, value: Any, least: int, *, below: int | None = None) -> int:
    """Return a whole number as a Python int.

    Args:
        source: The name of the argument, which begins the message.
        value: The number as given.
        least: The smallest number accepted.
        below: The smallest number that is too large; None for no limit.

    Raises:
        InputError: It is no whole number (2.5, 2.0, True and "2" are none), or outside the range.
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or value < least or (below is not None and value >= below):
        limit = "" if below is None else f" and < {below}"
        raise InputError(f"{source}: expected a whole number >= {least}{limit}, got {shown(value)}")
    return int(value)


def number_above(source: str, value: Any, limit: float) -> float:
    """Return a finite number > `limit` as a Python float.

    Args:
        source: The name of the argument, which begins the message.
        value: The number as given.
        limit: The largest number that is too small.

    Raises:
        InputError: It is no finite number > `limit`.
    """
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    # A whole number of 400 digits is finite, but no floating-point number.
    # One in single precision is compared as a double, since the limit is cast to its type.
    number = float(value) if isinstance(value, np.floating) else value
    if not is_number or not limit < number <= sys.float_info.max:
        raise InputError(f"{source}: expected a finite number > {limit:g}, got {shown(value)}")
    return float(value)


def truth_value(source: str, value: Any) -> bool:
    """Return True or False as a Python bool.

    Args:
        source: The name of the argument, which begins the message.
        value: The truth value as given.

    Raises:
        InputError: It is neither True nor False.
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{source}: expected True or False, got {shown(value)}")
    return bool(value)


def checked_seed(source: str, value: Any) -> int:
    """Return a seed as a Python int.

    Args:
        source: The name of the argument, which begins the message.
        value: The seed as given.

    Raises:
        InputError: It is no whole number >= 0 and < 2^63.
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or not 0 <= value < SEED_LIMIT:
        raise InputError(f"{source}: expected a whole number >= 0 and < 2^63, got {shown(value)}")
    return int(value)


def consecutive_seeds(source: str, first: Any, count: int) -> tuple[int, ...]:
    """Return `count` seeds, one after the other.

    Args:
        source: The name of the first seed's argument, which begins the message.
        first: The first seed as given.
        count: The number of seeds, >= 1.

    Raises:
        InputError: The first or the last of them is no whole number >= 0 and < 2^63.
    """
    start = checked_seed(source, first)
    if start + count > SEED_LIMIT:
        raise InputError(f"{source}: expected a whole number <= {SEED_LIMIT - count} for {count} seeds < 2^63, got {start}")
    return tuple(range(start, start + count))
