"""Check words, paths, options and objects where they come in, so that a mistake is told by the argument's name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from auctionsim.errors import InputError, is_table, shown, suggestion, unknown

Kind = TypeVar("Kind")

_LONGEST_NAME, _LONGEST_PATH = 255, 4095
"""Bytes of the longest name in a folder, and of the longest path, that Linux and its usual file systems take."""


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


def is_listing(value: object) -> bool:
    """Return whether a value lists others; a text, a mapping and an array without dimensions do not."""
    if isinstance(value, str | bytes | Mapping):
        return False
    try:
        # An array without dimensions has the method, and it raises.
        iter(value)  # type: ignore[call-overload]
    except TypeError:
        return False
    return True


def path(source: str, value: Any) -> Path:
    """Return the path of a file or folder.

    Args:
        source: The name of the argument, which begins the message.
        value: The path as given, text or an object of the kind of `pathlib.Path`.

    Raises:
        InputError: It is no path, or an empty one, or holds a NUL or bytes that are no UTF-8, which polars cannot open; or it
            is too long for any file system.
    """
    words = "the path of a file or folder"
    if not isinstance(value, str | os.PathLike) or not isinstance(given := os.fspath(value), str) or not given:
        raise InputError(f"{source}: expected {words}, got {shown(value)}")
    if "\0" in given or any(0xD800 <= ord(character) < 0xE000 for character in given):
        raise InputError(f"{source}: expected {words} in UTF-8 without NUL, got {shown(given)}")
    longest = max(len(name.encode()) for name in given.split(os.sep))
    if longest > _LONGEST_NAME or len(given.encode()) > _LONGEST_PATH:
        limits = f"<= {_LONGEST_PATH} bytes and names of <= {_LONGEST_NAME} bytes"
        raise InputError(f"{source}: expected {words} of {limits}, got {shown(given)}")
    return Path(given)


def instance_of(source: str, value: Any, kind: type[Kind] | tuple[type[Kind], ...], words: str) -> Kind:
    """Return an object of a class.

    Args:
        source: The name of the argument, which begins the message.
        value: The object as given.
        kind: The class, or several.
        words: The expectation in words.

    Raises:
        InputError: It is of another class.
    """
    if not isinstance(value, kind):
        raise InputError(f"{source}: expected {words}, got {shown(value)}")
    return value


def with_methods(source: str, value: Any, names: Iterable[str], words: str) -> Any:
    """Return an object that has the methods of a protocol.

    Args:
        source: The name of the argument, which begins the message.
        value: The object as given.
        names: The methods.
        words: The expectation in words.

    Raises:
        InputError: A method is missing; a class has no methods until an object is made of it.
    """
    if isinstance(value, type) or not all(callable(getattr(value, name, None)) for name in names):
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


def hint_for_table(value: object) -> str:
    """Return what to do with a table where a scenario was expected, in brackets; nothing for anything else."""
    return " (of a table make one: auctionsim.scenario_for(auctionsim.load_traffic(table)))" if is_table(value) else ""
