"""What is promised of every command and of every call, whatever it is given."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from gymnasium.error import ResetNeeded

from auctionsim.cli import main
from auctionsim.errors import InputError, RunError

from .base import Violation

_LONGEST_LINE = 2000


def run_command(words: Sequence[str], *, writes: Collection[str] = (), changes: Collection[str] = ()) -> int:
    """Run a command in the current folder and check what is promised of it.

    Args:
        words: The words after `auctionsim`.
        writes: Names in the current folder that the command may make.
        changes: Names of what exists already and may be changed, for example a run folder that is resumed.

    Returns:
        The exit code: 0, 1 or 2.

    Raises:
        Violation: A promise is broken. An error that the command lets through is not caught.
    """
    before = fingerprints()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: Any = main(list(words))
        except SystemExit as stop:  # argparse ends `--help` and `--version` by it.
            code = stop.code
    _check_text(code, err.getvalue())
    after = fingerprints()
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    for name in changed:
        if code == 2:
            raise Violation("exit 2 writes nothing", f"{name} {'changed' if name in before else 'is new'}")
        allowed = changes if name in before else (*writes, *changes)
        if not any(name == one or name.startswith(f"{one.rstrip('/')}/") for one in allowed):
            raise Violation("inputs stay as they were", f"{name} {'changed' if name in before else 'is new'}")
    return int(code)


def check_call(call: Callable[[], Any], names: Collection[str]) -> Any:
    """Call a function of the public API and return what it returns; None where it refused its arguments as promised.

    Args:
        call: The call.
        names: Words of which one begins the message or stands in it: the arguments that are hostile.

    Raises:
        Violation: It refused its arguments in another way. Other errors are not caught.
    """
    try:
        return call()
    except (InputError, RunError) as error:
        _check_message(str(error), names)
    except ValueError as error:
        # Where the documentation says ValueError, the message is like an InputError's.
        if " expected " not in f" {error}" and "unknown" not in str(error):
            raise
        _check_message(str(error), names)
    except OSError as error:
        # A path that the system refuses, such as one of 3,000 letters.
        if error.filename is None:
            raise
    except TypeError as error:
        # Python's own words for an argument that a function does not have, or lacks.
        if not re.search(r"unexpected keyword argument|missing \d+ required|positional argument|keyword argument", str(error)):
            raise
    except (ResetNeeded, AssertionError) as error:
        # What Gymnasium and PettingZoo say of calls in a wrong order.
        if "reset()" not in str(error):
            raise
    return None


def fingerprints() -> dict[str, str]:
    """Return a hash of every file below the current folder, and a word for every other thing, by name."""
    found = {}
    for folder, folders, files in os.walk(b"."):
        for name in files:
            path = os.path.join(folder, name)
            kind = os.readlink(path) if os.path.islink(path) else b"" if not os.path.isfile(path) else _hash(path)
            found[_name(path)] = os.fsdecode(kind)
        found.update({_name(os.path.join(folder, name)): "folder" for name in folders})
    return found


def _hash(path: bytes) -> bytes:
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest().encode()


def _name(path: bytes) -> str:
    return os.fsdecode(path).removeprefix("./")


def _check_text(code: Any, err: str) -> None:
    """Refuse an exit code or a text on stderr that is not as promised."""
    if code not in (0, 1, 2):
        raise Violation("exit codes are 0, 1 and 2", f"{code!r}: {err[-300:]}")
    if "Traceback (most recent" in err or re.search(r"\b\w+Warning:", err):
        raise Violation("no traceback and no warning of a library is shown", err[-300:])
    lines = err.splitlines()
    if code == 0:
        return
    if not lines or not lines[-1].strip():
        raise Violation(f"exit {code} says why", repr(err[-300:]))
    if code == 2 and len(lines) != 1:
        raise Violation("exit 2 comes with one line", err[-600:])
    _check_message(lines[-1], ())


def _check_message(message: str, names: Collection[str]) -> None:
    """Refuse a message that is no line, or does not say what was expected, what came, and of which argument."""
    if len(message.splitlines()) != 1 or len(message) > _LONGEST_LINE:
        raise Violation("a message is one line", repr(message[:300]))
    # argparse says of flags: `ambiguous option: --s could match --schema, --set`, `unknown arguments --x`, `not allowed with`.
    is_told = re.search(r"\bexpected\b|\bunknown\b", message) and re.search(r"\bgot\b|choose from|unknown arguments", message)
    if not is_told and not re.search(r"ambiguous option: .* could match|not allowed with argument", message):
        raise Violation("a message says what was expected and what came", message)
    if names and not any(name in message for name in names):
        raise Violation("a message names the argument", message)
