"""Flags as they are typed: named in messages, known to be given, and refused where a command would ignore them."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence

from auctionsim.errors import InputError, shown

_EVERYWHERE = frozenset({"command", "json", "allow_code"})
"""Arguments that scripts may give with every command."""


def given_flags(parser: argparse.ArgumentParser, command: argparse.ArgumentParser, words: Sequence[str]) -> dict[str, str]:
    """Return the names of the arguments that a valid command line gives, by where their values are kept.

    A default tells nothing: `--days 1` has the value of no `--days`.

    Args:
        parser: The parser of the whole command line.
        command: The parser of its command.
        words: The words of the command line.
    """
    actions, own = [(action, action.default) for action in command._actions], command._defaults
    command._defaults = {}
    try:
        for action, _ in actions:
            action.default = argparse.SUPPRESS
        given = vars(parser.parse_args(words))
    finally:
        command._defaults = own
        for action, default in actions:
            action.default = default
    return {action.dest: _name(action) for action, _ in actions if action.dest in given}


def expect_no_others(parsed: argparse.Namespace, used: Collection[str], beside: str) -> None:
    """Refuse arguments that a form of a command would ignore.

    Args:
        parsed: The parsed command line.
        used: The arguments that this form uses, by where their values are kept.
        beside: The flag that asks for this form, as it is typed.

    Raises:
        InputError: Another argument is given.
    """
    given: Mapping[str, str] = getattr(parsed, "given", {})
    for key, name in given.items():
        if key not in used and key not in _EVERYWHERE:
            value = getattr(parsed, key)
            came = "it" if isinstance(value, bool) else shown(value[0] if isinstance(value, list) and value else value)
            raise InputError(f"{name}: expected without {beside}, got {came} beside it")


def _name(action: argparse.Action) -> str:
    """Return an argument's name as it is typed, or as the help calls a word without one."""
    return action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)


def with_flag(message: str, parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> str:
    """Return a message that begins with the name of an argument with the flag in its place; any other one as it is.

    Args:
        message: The message of an `InputError`, for example `target_cpa: expected a finite number > 0, got -1.0`.
        parser: The parser of the command.
        parsed: The parsed command line. Only flags that it gives are named, and none for a file that has the argument's name.
    """
    name, colon, rest = message.partition(":")
    if not colon or name in _texts(parsed):
        return message
    for action in parser._actions:
        long = action.option_strings[-1] if action.option_strings else ""
        if name in (action.dest, long.removeprefix("--").replace("-", "_")) and long:
            is_given = getattr(parsed, action.dest, action.default) != action.default
            return f"{long}:{rest}" if is_given else message
    return message


def _texts(parsed: argparse.Namespace) -> set[str]:
    """Return the texts of a command line, files among them, as a message would show them."""
    values = [value for given in vars(parsed).values() for value in (given if isinstance(given, list) else [given])]
    return {value for value in values if isinstance(value, str)}
