"""Errors a user can mend: one line that says where, what was expected, what came, and the nearest choice."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Wrong input from outside: a file, a key, an argument.

    The message is one line, `place: expectation, got value`. The command line prints it and exits with 2.
    """


class RunError(RuntimeError):
    """A job that could not be finished although its input was right. The command line exits with 1."""


def shown(value: object, limit: int = 60) -> str:
    """A value as it is quoted in a message: on one line and never longer than `limit` characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def suggestion(value: object, choices: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the choice nearest to `value`, or nothing where none is near."""
    near = difflib.get_close_matches(str(value), list(choices), n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""


def unknown(place: str, value: object, choices: Iterable[str], *, what: str = "unknown") -> InputError:
    """The error for a name that is not among `choices`: all of them listed, the nearest one offered."""
    names = list(choices)
    return InputError(f"{place}: {what} {shown(value)}; choose from {', '.join(names)}{suggestion(value, names)}")


class RenamedWarning(FutureWarning):
    """Tell that a key, column or flag is known by a new name; the old one still works for one minor version."""
