"""Check numbers that come from a caller: whole numbers, finite numbers and seeds.

Python and numpy numbers are both accepted. Truth values, text, NaN and parts of whole numbers are not.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from auctionsim.errors import InputError, shown

LARGEST = sys.float_info.max
"""The largest finite floating-point number."""
MOST_AMOUNT = 1e30
"""No amount that a run folder holds is beyond it: squares and sums of such numbers stay finite."""
SEED_LIMIT = 2**63
"""All seeds are below it: tables hold seeds as 64-bit integers."""
MAX_SEEDS = 10_000
"""Most seeds of one run or study, where their number is given: each has a market of its own in memory."""


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
    number = as_number(value)
    if number is None or not limit < number <= LARGEST:
        raise InputError(f"{source}: expected a finite number > {limit:g}, got {shown(value)}")
    return float(number)


def as_number(value: Any) -> int | float | None:
    """Return a real number of Python or numpy as one of Python, to be compared with limits; None for anything else.

    Numpy would cast a limit to single precision, where the number has it, and 10^300 to infinity. A whole number of 400 digits
    stays whole: it is above `LARGEST`, and no floating-point number.
    """
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, np.integer):
        return int(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


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
