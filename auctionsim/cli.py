"""The command line: find the commands in `auctionsim.commands`, run one, turn errors into one line and an exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted (the run is kept and can be resumed).
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import warnings
from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, NoReturn, TextIO

from auctionsim import __version__, commands
from auctionsim.commands._flags import given_flags, with_flag
from auctionsim.console import Console
from auctionsim.errors import InputError, Remark, RenamedWarning, RunError, suggestion
from auctionsim.files import file_on_the_way
from auctionsim.machine.out_of_memory import is_hopeless, is_out_of_memory, memory_limit, memory_message
from auctionsim.machine.signals import handled, interrupt, not_lost
from auctionsim.machine.stdio import LostOutput, guarded_streams, print_result
from auctionsim.machine.supervised import run_supervised
from auctionsim.names.text import printable, shortened, visible
from auctionsim.outputs.temporary import without_part
from auctionsim.plugins import code_allowed

INTERRUPTED = 130
_LONGEST_MESSAGE = 500
"""The letters that a message about a command line repeats: a word of it may be as long as a file."""


class _Parser(argparse.ArgumentParser):
    """A parser that raises an `InputError` instead of printing a page of usage."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse words and refuse those that are left, by the command that does not know them."""
        namespace, left = super().parse_known_args(args, namespace)
        if left:
            near = suggestion(left[0].split("=")[0], self._option_string_actions) if left[0].startswith("-") else ""
            self.error(f"unrecognized arguments: {' '.join(left)}{near}")
        return namespace, left

    def error(self, message: str) -> NoReturn:
        missing = message.removeprefix("the following arguments are required: ")
        message = message if missing == message else f"expected {missing}, got none"
        message = message.replace("unrecognized arguments:", "unknown arguments")
        if message.endswith((": expected one argument", ": expected at least one argument")):
            # So it is at the end of a line, and before a word that begins with a dash: `--out -inf`; `--out=-inf` is a value.
            message += ", got none"
        message = message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}..."
        raise InputError(f"{self.prog}: {message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: Any = None) -> None:
        if message and file in (None, sys.stdout):
            print_result(message)
        else:
            super()._print_message(message, file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after `auctionsim`; by default those of this process.

    Returns:
        The exit code.
    """
    is_own_process = arguments is None
    words = sys.argv[1:] if arguments is None else list(arguments)

    def reported() -> int:
        with handled(interrupt, is_last=is_own_process), not_lost(), guarded_streams():
            return _reported(words)

    if not is_own_process or memory_limit() is None:
        return reported()
    if not is_hopeless():
        return run_supervised(reported)
    with guarded_streams():
        print(f"{memory_message()} (ulimit -v; it takes >= 1000 MB)", file=sys.stderr)
    return 1


def _reported(arguments: Sequence[str]) -> int:
    """Run the command line, and turn what it raises into one line and an exit code."""
    renamed: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("once", category=RenamedWarning)
            warnings.filterwarnings("always", category=Remark)
            warnings.showwarning = partial(_show_warning, renamed)
            code = _run(arguments)
        # Printed at the end: a command that fails prints its one line of error and nothing else.
        for text in renamed:
            print(text, file=sys.stderr)
        return code
    except InputError as error:
        print(_one_line(error), file=sys.stderr)
        return 2
    except RunError as error:
        print(_one_line(error), file=sys.stderr)
        return 1
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end].encode("unicode_escape").decode("ascii")
        print(f"auctionsim: expected names that {error.encoding} can write, got {wrong} (set LC_ALL=C.UTF-8)", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return _interrupted()
    except LostOutput as error:
        # Nothing is said where the reader of our output has closed the pipe: it has what it wanted.
        if error.errno != errno.EPIPE:
            print(f"auctionsim: stdout: {error.strerror}", file=sys.stderr)
        return 1
    except OSError as error:
        if is_out_of_memory(error):
            print(memory_message(error), file=sys.stderr)
            return 1
        path = shortened(printable(without_part(os.fsdecode(error.filename or ""))), _PATH_COLUMNS)
        reason = _one_line(error.strerror or error)
        if error.errno == errno.ENOTDIR and (file := file_on_the_way(Path(path))) is not None:
            reason = f"one in the file {file}"
        if error.errno in _BAD_PATH:
            print(f"{path}: expected a path that can be read and written, got {reason}", file=sys.stderr)
            return 2
        print(": ".join(part for part in ("auctionsim", path, reason) if part), file=sys.stderr)
        return 1
    except BaseException as error:
        if _holds_interrupt(error):
            return _interrupted()
        if not is_out_of_memory(error):
            raise
        print(memory_message(error), file=sys.stderr)
        return 1


def _interrupted() -> int:
    """Say that there was an interrupt, and return the exit code."""
    print("interrupted", file=sys.stderr)
    # An interrupt within `exec`, as in the making of a dataclass, leaves a mark by which `python -m` would kill itself by
    # SIGINT at its end, whatever exit code it was told. The next class that is made of a text clears the mark.
    namedtuple("Nothing", ())
    return INTERRUPTED


def _holds_interrupt(error: BaseException) -> bool:
    """Return whether an error is an interrupt in other words.

    pydantic makes its models while it is imported, and tells what is raised meanwhile as a SchemaError of several lines: "Error
    building `literal` serializer: KeyboardInterrupt".
    """
    return type(error).__name__ == "SchemaError" and "KeyboardInterrupt" in str(error)


_BAD_PATH = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
"""Errors caused by the path that the user named, not by the machine."""

_PATH_COLUMNS = 400
"""The longest path that a message shows in full."""


def command_modules() -> dict[str, ModuleType]:
    """Import every module of `auctionsim.commands`. They import no heavy library.

    Returns:
        The modules by command name, in alphabetical order; an underscore of a file's name is a hyphen of the command's.
    """
    names = sorted(module.name for module in iter_modules(commands.__path__) if not module.name.startswith("_"))
    return {name.replace("_", "-"): import_module(f"auctionsim.commands.{name}") for name in names}


def make_parser(modules: Mapping[str, ModuleType]) -> argparse.ArgumentParser:
    """Make the parser of the whole command line, with one subparser per command.

    Args:
        modules: The modules of the commands by name. A description is the module's docstring, and the help ends with the
            module's `EXAMPLE`.

    Returns:
        The parser. It raises an `InputError` on wrong usage.
    """
    parser = _Parser(
        prog="auctionsim", description="Simulate sponsored-search auctions in which many advertisers learn to bid."
    )
    parser.add_argument("--version", action="version", version=f"auctionsim {__version__}", help="print the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, module in modules.items():
        described = module.__doc__ or ""
        subparser = subparsers.add_parser(
            name,
            help=described.split("\n")[0].rstrip("."),
            description=described,
            epilog=f"example: {module.EXAMPLE}",
        )
        module.add_arguments(subparser)
        subparser.add_argument("--json", action="store_true", help="print the result as one JSON object (default: as text)")
    return parser


def _run(arguments: Sequence[str]) -> int:
    modules = command_modules()
    parser = make_parser(modules)
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    if wanted is not None and wanted not in modules:
        raise InputError(
            f"auctionsim: unknown command '{wanted}'; choose from {', '.join(modules)}{suggestion(wanted, modules)}"
        )
    parsed = parser.parse_args(arguments)
    if parsed.command is None:
        parser.print_help()
        return 2
    parsed.given = given_flags(parser, _parser_of(parser, parsed.command), arguments)
    # Imported here: the room of auctions checks the environment itself when it is imported.
    from auctionsim.auction.environment import check_environment

    check_environment()
    # A command that has no such option imports no class that a file names.
    try:
        with code_allowed(getattr(parsed, "allow_code", False)):
            code: int = modules[parsed.command].run(parsed, Console(as_json=parsed.json))
    except InputError as error:
        message = with_flag(str(error), _parser_of(parser, parsed.command), parsed)
        if message == str(error):
            raise
        raise InputError(message) from error
    return code


def _parser_of(parser: argparse.ArgumentParser, command: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    (action,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    found: argparse.ArgumentParser = action.choices[command]
    return found


def _show_warning(
    renamed: list[str],
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Collect the warnings about renamed keys in `renamed`; print remarks as they are, other warnings in Python's own form."""
    if issubclass(category, RenamedWarning):
        # Python's own filter forgets what it has shown whenever a library changes the filters.
        if str(message) not in renamed:
            renamed.append(str(message))
    elif issubclass(category, Remark):
        print(visible(str(message)), file=sys.stderr)
    elif memory_limit() is None:  # A library that lacks memory warns before it fails, and the failure is told.
        print(warnings.formatwarning(message, category, filename, lineno, line), end="", file=file or sys.stderr)


def _one_line(error: Exception | str) -> str:
    return printable(" ".join(str(error).split()))
