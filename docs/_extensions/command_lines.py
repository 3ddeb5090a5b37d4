"""Make the page `commands.md` from the parsers of the command line: one section a command, its arguments, defaults and help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping

from auctionsim.cli import command_modules, make_parser

_HEAD = """\
# Commands

Made by `make docs` from the parsers that read the command line; `auctionsim COMMAND --help` says the same.

Every command takes `--help`, and `--json`, which prints the result as one JSON object. Results go to the standard output, all
else to the standard error. Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted.
"""
_EVERYWHERE = ("help", "json")
_FLAG = re.compile(r"(?<![`\w-])--[a-z][a-z-]*")
_PAGE = re.compile(r"docs/([\w-]+\.md)")
_DEFAULT = re.compile(r" \(default:? ([^()]*)\)")


def page() -> str:
    """Return the page as Markdown."""
    parsers = subparsers(make_parser(command_modules()))
    listed = [f"| [{name}](#auctionsim-{name}) | {_text(_first_line(parser))} |" for name, parser in parsers.items()]
    sections = [line for name, parser in parsers.items() for line in _section(name, parser)]
    return "\n".join([_HEAD, "| command | what it does |", "|---|---|", *listed, *sections]) + "\n"


def subparsers(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the parser of each command, by name."""
    # argparse has no public way to its own arguments; these two names have not changed since Python 2.7.
    choices = next(action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    assert choices is not None
    return choices


def _section(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    actions = [action for action in parser._actions if action.dest not in _EVERYWHERE and action.help != argparse.SUPPRESS]
    places = [_place(action) for action in actions if not action.option_strings]
    yield from ["", f"## auctionsim {name}", "", _text((parser.description or "").strip()), ""]
    usage = " ".join(["auctionsim", name, *places, *(["[OPTIONS]"] if len(places) < len(actions) else [])])
    example = (parser.epilog or "").removeprefix("example: ")
    yield from ["```", usage, "```", "", "For example:", "", "```", example, "```"]
    if actions:
        yield from ["", "| argument | default | meaning |", "|---|---|---|"]
    for action in actions:
        yield f"| {_argument(action)} | {_default(action)} | {_text(_DEFAULT.sub('', action.help or ''))} |"


def _place(action: argparse.Action) -> str:
    """Return a positional argument as a line of usage shows it."""
    name = str(action.metavar or action.dest).upper()
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)


def _argument(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{_place(action)}`"
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    several = " ..." if action.nargs in ("+", "*") else ""
    return ", ".join(f"`{flag}{value}{several}`" for flag in action.option_strings)


def _default(action: argparse.Action) -> str:
    """Return what the help says of the default in brackets, else the parser's own default."""
    if described := _DEFAULT.search(action.help or ""):
        return _text(described.group(1))
    if not action.option_strings:
        return "" if action.nargs in ("?", "*") else "needed"
    return "" if action.nargs == 0 or action.default in (None, []) else str(action.default)


def _first_line(parser: argparse.ArgumentParser) -> str:
    return (parser.description or "").split("\n")[0]


def _text(text: str) -> str:
    """Return help as Markdown: flags as code (in text two hyphens become a dash), pages as links, bars that end no cell."""
    text = _FLAG.sub(lambda flag: f"`{flag.group()}`", text)
    return _PAGE.sub(r"[docs/\1](\1)", text).replace("|", "\\|")
