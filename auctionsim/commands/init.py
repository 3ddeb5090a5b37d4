"""Write a scenario file to start from: a built-in scenario, comments and all."""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.console import Console
from auctionsim.errors import InputError, unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("path", help="the file to write, for example my-scenario.toml")
    parser.add_argument("--template", default="three-arms", help="a built-in scenario (default three-arms)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write."""
    from auctionsim.files import write_text
    from auctionsim.scenario_file import builtin_scenarios

    path, templates = Path(arguments.path), builtin_scenarios()
    if arguments.template not in templates:
        raise unknown("--template", arguments.template, templates)
    if path.is_dir():
        raise InputError(f"{path}: expected a file name, got a folder")
    if path.exists():
        raise InputError(f"{path}: expected a new file, got one that exists")
    write_text(path, templates[arguments.template])
    console.result(f"wrote {path}", {"path": str(path), "template": arguments.template})
    console.next_command(f"auctionsim check {path}")
    return 0
