"""Errors that a user can fix: one line with the source, what was expected, what was given, and the nearest valid choice."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from auctionsim.names.text import printable

LONGEST = 1900
"""Characters of the longest message."""
_SHORTEST_WORD = 3
"""Letters of the shortest text that is looked for among the words of names."""


class InputError(ValueError):
    """Invalid input from outside the program: a file, a key, an argument.

    The message is one line, for example `mine.toml: train.iterations: expected a number >= 1, got 0`. The command line prints
    it and exits with 2.

    Args:
        message: The message; where a name in it has line breaks, they become blanks, and other control characters become
            escapes. Of more than `LONGEST` characters the middle is left out: whoever names a key with a million letters sees
            its beginning, and what was expected.
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.splitlines())
        super().__init__(printable(line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 + 5 :]}"))


class RunError(RuntimeError):
    """A job that failed although its input was valid. The command line prints one line and exits with 1."""


def shown(value: object, limit: int = 60) -> str:
    """Quote a value for a message: its `repr` on one line, cut to `limit` characters."""
    if is_table(value):
        return f"a table of shape {getattr(value, 'shape', None)}"
    try:
        text = " ".join(repr(value).split())
    except (ValueError, RecursionError):
        # Python writes no number of more than 4300 digits, and no list that is nested a thousand times.
        return f"a value of type {type(value).__name__} that is too long to show"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def is_table(value: object) -> bool:
    """Return whether something is a table in memory, of whichever library."""
    return hasattr(type(value), "columns") and isinstance(getattr(value, "shape", None), tuple)


def suggestion(value: object, choices: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the choice nearest to `value`, or an empty string if none is near.

    Capitals do not count: `VCG` is near `vcg`. Where no choice is spelled alike, the shortest is near of those that
    have the value as one of their words, as `keyword_bid` has `bid`.
    """
    asked = str(value).casefold()
    by_spelling = {choice.casefold(): choice for choice in reversed(list(choices))}
    near = difflib.get_close_matches(asked, list(by_spelling), n=1, cutoff=0.6)
    if not near and len(asked) >= _SHORTEST_WORD:
        near = sorted((spelling for spelling in by_spelling if asked in re.split(r"[\W_]+", spelling)), key=len)[:1]
    return f" (did you mean '{by_spelling[near[0]]}'?)" if near else ""


def unknown(source: str, value: object, choices: Iterable[str], *, what: str = "unknown") -> InputError:
    """Make the error for a name that is not among `choices`. It lists them all and suggests the nearest.

    Args:
        source: The file, key or flag that holds the name.
        value: The unknown name.
        choices: All valid names.
        what: The words before the name, for example `unknown key`.

    Returns:
        The error, to be raised by the caller.
    """
    names = list(choices)
    return InputError(f"{source}: {what} {shown(value)}; choose from {', '.join(names)}{suggestion(value, names)}")


class RenamedWarning(DeprecationWarning):
    """A warning that a key, column or flag has a new name. The old one still works for one minor version.

    It is a DeprecationWarning, so that Python shows it to the author of a script and not to those who run a program on top. The
    command line always shows it.
    """


class Remark(UserWarning):
    """A warning for whoever runs the program, in one line; the command line prints it as it is."""
