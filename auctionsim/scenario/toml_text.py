"""Read TOML that may be broken, or hostile: every text ends in a tree of a few levels, or in one error, within a second."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from auctionsim.errors import InputError, shown

MAX_LEVELS = 30
"""Sections within sections that a file may have. A scenario has five."""
TEXT_WORDS = "text in UTF-8 without control characters"
_MAX_CHARACTERS, _MAX_DOTS = 10**7, 1000


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """Parse a TOML file.

    Args:
        text: The file's text.
        source: The file's name, which begins the message.

    Returns:
        The tree of its sections, of at most `MAX_LEVELS` levels.

    Raises:
        InputError: The text is not TOML, too long, or nested too deeply.
    """
    if len(text) > _MAX_CHARACTERS:
        raise InputError(f"{source}: expected a TOML file of <= {_MAX_CHARACTERS} characters, got one of {len(text)}")
    # tomllib takes time that grows with the square of a key's parts: 250,000 of them, half a megabyte, take a minute.
    if any(part.count(".") > _MAX_DOTS for part in re.split("[,=\n]", text)):
        raise InputError(f"{source}: expected TOML keys of a few parts, got one of more than {_MAX_DOTS}")
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source}: expected TOML, got a syntax error: {shown(str(error), 120)[1:-1]}") from error
    except RecursionError as error:
        raise InputError(f"{source}: expected TOML of a few levels, got one nested too deeply") from error
    except ValueError as error:
        # Python turns no text of more than 4300 digits into a number.
        raise InputError(f"{source}: expected TOML with numbers of 64 bits, got one of thousands of digits") from error
    check_levels(tree, source)
    return tree


def parse_value(text: str, source: str) -> Any:
    """Parse a value as TOML would have it after `key = `; text that is no such value is taken as it is.

    Args:
        text: The value's text, for example `0.5` or a bare word.
        source: The place of the text, which begins the message.

    Raises:
        InputError: The value is nested too deeply, or a number of thousands of digits.
    """
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except RecursionError as error:
        raise InputError(f"{source}: expected a value of a few levels, got one nested too deeply") from error
    except ValueError as error:
        raise InputError(f"{source}: expected a number of 64 bits, got one of thousands of digits") from error
    check_levels({"value": value}, source)
    return value


def check_text(tree: Any, source: str, key: str = "") -> None:
    """Check that no text or key holds half of a surrogate pair, which neither a file nor JSON can hold.

    Args:
        tree: Sections and lists of a few levels (`check_levels`).
        source: The place of the tree, which begins the message.
        key: Path of the tree in the scenario; empty for the whole.

    Raises:
        InputError: One does; the message names the key.
    """
    for path, one in _leaves(tree, key):
        if isinstance(one, str) and any("\ud800" <= letter <= "\udfff" for letter in path + one):
            raise InputError(f"{source}: {path}: expected {TEXT_WORDS}, got {shown(one)}")


def check_levels(tree: dict[str, Any], source: str) -> None:
    """Check that sections and lists are not nested more deeply than `MAX_LEVELS`.

    It takes a loop, as a key of many parts, a.a.a and so on, makes as many levels as one likes without a single bracket.

    Raises:
        InputError: They are.
    """
    level: list[Any] = [tree]
    for _ in range(MAX_LEVELS):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise InputError(f"{source}: expected TOML of <= {MAX_LEVELS} levels, got one nested too deeply")


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every value that is no section or list with its key, such as `advertisers[0].group`; and every key as a text."""
    if isinstance(tree, dict):
        for key, child in tree.items():
            where = f"{path}.{key}" if path else key
            yield where, key
            yield from _leaves(child, where)
    elif isinstance(tree, list):
        for i, child in enumerate(tree):
            yield from _leaves(child, f"{path}[{i}]")
    else:
        yield path, tree
