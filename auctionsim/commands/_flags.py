"""Name flags in messages as they are typed: `--target-cpa` where a function calls its argument `target_cpa`."""

from __future__ import annotations

import argparse


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
