"""Check numbers and arrays of numbers where they come in, so that a mistake is told by the argument's name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown
from auctionsim.numbers import LARGEST, as_number


def one_number_of(source: str, value: Any, choices: Sequence[int]) -> int:
    """Return a whole number that is one of several, such as a day of a table.

    Args:
        source: The name of the argument, which begins the message.
        value: The number as given.
        choices: All valid numbers, ascending.

    Raises:
        InputError: It is no whole number, or another one.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value not in choices:
        is_range = len(choices) > 2 and choices[-1] - choices[0] == len(choices) - 1
        listed = f"{choices[0]} to {choices[-1]}" if is_range else ", ".join(map(str, choices))
        raise InputError(f"{source}: expected one of {listed}, got {shown(value)}")
    return int(value)


def number_between(source: str, value: Any, least: float, most: float = math.inf) -> float:
    """Return a finite number as a Python float.

    Args:
        source: The name of the argument, which begins the message.
        value: The number as given.
        least: The smallest number accepted.
        most: The largest number accepted; infinity for no limit, where infinity itself is still refused.

    Raises:
        InputError: It is no number, not finite, or outside the range.
    """
    number = as_number(value)
    if number is None or not least <= number <= min(most, LARGEST):
        limits = f"a number >= {least:g}" if most == math.inf else f"a number in [{least:g}, {most:g}]"
        raise InputError(f"{source}: expected {limits}, got {shown(value)}")
    return float(number)


def real_numbers(source: str, value: Any, words: str) -> NDArray[np.float64]:
    """Return an array of real numbers in double precision.

    Args:
        source: The name of the argument, which begins the message.
        value: The array as given, or nested lists of numbers.
        words: The expectation in words, the shape included.

    Raises:
        InputError: The lists are ragged, or hold text, truth values, complex numbers, times or objects.
    """
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{source}: expected {words}, got {shown(value)}") from error
    # A masked array would be read as if nothing were masked.
    if array.dtype.kind not in "fiu" or isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{source}: expected {words}, got {_described(array, value)}")
    return array.astype(np.float64, copy=False)


def finite_vector(source: str, value: Any, words: str) -> NDArray[np.float64]:
    """Return finite numbers along one axis, one or more of them.

    Args:
        source: The name of the argument, which begins the message.
        value: The numbers as given.
        words: The meaning of each of them: "one per seed".

    Raises:
        InputError: There is none, or one is not finite, or there are more axes.
    """
    expected = f"finite numbers, {words}"
    array = real_numbers(source, value, expected)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise InputError(f"{source}: expected {expected}, got {shown(value)}")
    return array


def _described(array: NDArray[Any], value: Any) -> str:
    """Return what came in words: numpy's type where the value is an array, else the value."""
    return f"{type(value).__name__} of {array.dtype}" if isinstance(value, np.ndarray) else shown(value)
