"""Check arguments of public functions where they come in: words, options, arrays, objects. `numbers` checks numbers and seeds.

A function checks each of its arguments once, at its door, so that a mistake is told by the argument's name and not by an error
from deep inside.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from auctionsim.errors import InputError, shown, suggestion, unknown

Kind = TypeVar("Kind")


def one_of(source: str, value: Any, choices: Iterable[str]) -> str:
    """Return a word that is one of several.

    Args:
        source: The name of the argument, which begins the message.
        value: The word as given.
        choices: All valid words.

    Raises:
        InputError: It is no text, or another one; the message lists the choices and the nearest.
    """
    names = list(choices)
    if not isinstance(value, str):
        raise InputError(f"{source}: expected one of {', '.join(names)}, got {shown(value)}")
    if value not in names:
        raise unknown(source, value, names)
    return value


def text(source: str, value: Any) -> str:
    """Return a text.

    Raises:
        InputError: It is none.
    """
    return instance_of(source, value, str, "text")


def texts(source: str, value: Any) -> tuple[str, ...]:
    """Return several texts; one text alone is refused, which would be read as a list of letters.

    Raises:
        InputError: It is no list or tuple, or something in it is no text.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise InputError(f"{source}: expected a list of text, got {shown(value)}")
    return tuple(value)


def path(source: str, value: Any) -> Path:
    """Return the path of a file or folder.

    Args:
        source: The name of the argument, which begins the message.
        value: The path as given, text or an object of the kind of `pathlib.Path`.

    Raises:
        InputError: It is no path, or an empty one, or holds a NUL or bytes that are no UTF-8, which polars cannot open.
    """
    words = "the path of a file or folder"
    if not isinstance(value, str | os.PathLike) or not isinstance(given := os.fspath(value), str) or not given:
        raise InputError(f"{source}: expected {words}, got {shown(value)}")
    if "\0" in given or any(0xD800 <= ord(character) < 0xE000 for character in given):
        raise InputError(f"{source}: expected {words} in UTF-8 without NUL, got {shown(given)}")
    return Path(given)


def instance_of(source: str, value: Any, kind: type[Kind] | tuple[type[Kind], ...], words: str) -> Kind:
    """Return an object of a class.

    Args:
        source: The name of the argument, which begins the message.
        value: The object as given.
        kind: The class, or several.
        words: What is expected, in words.

    Raises:
        InputError: It is of another class.
    """
    if not isinstance(value, kind):
        raise InputError(f"{source}: expected {words}, got {shown(value)}")
    return value


def options(given: Any, known: Iterable[str]) -> Mapping[str, Any]:
    """Return the options of `reset`, empty where None.

    Options of other programs pass, since the compliance tests of PettingZoo hand some over. A key that is nearly one of ours
    is a mistake: `dya` for `day`.

    Args:
        given: The options as given.
        known: The keys that mean something.

    Raises:
        InputError: They are no dictionary, or a key is misspelled.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"options: expected a dictionary or None, got {shown(given)}")
    names = list(known)
    for key in given:
        if isinstance(key, str) and key not in names and (near := suggestion(key, names)):
            raise InputError(f"options: unknown key {shown(key)}; choose from {', '.join(names)}{near}")
    return given


def with_methods(source: str, value: Any, names: Iterable[str], words: str) -> Any:
    """Return an object that has the methods of a protocol.

    Args:
        source: The name of the argument, which begins the message.
        value: The object as given.
        names: The methods.
        words: What is expected, in words.

    Raises:
        InputError: A method is missing; a class has no methods until an object is made of it.
    """
    if isinstance(value, type) or not all(callable(getattr(value, name, None)) for name in names):
        raise InputError(f"{source}: expected {words}, got {shown(value)}")
    return value


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
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    # A whole number of 400 digits is finite, but no floating-point number.
    if not is_number or not least <= value <= min(most, sys.float_info.max):
        limits = f"a number >= {least:g}" if most == math.inf else f"a number in [{least:g}, {most:g}]"
        raise InputError(f"{source}: expected {limits}, got {shown(value)}")
    return float(value)


def real_numbers(source: str, value: Any, words: str) -> NDArray[np.float64]:
    """Return an array of real numbers in double precision.

    Args:
        source: The name of the argument, which begins the message.
        value: The array as given, or nested lists of numbers.
        words: What is expected, in words, the shape included.

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
        words: What each of them stands for: "one per seed".

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
