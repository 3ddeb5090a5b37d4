"""Write a scenario file to start from, with a comment on every key.

Templates: quickstart, three-arms, ss-rtb, taobao-mix, own-logs (with a sample table to replace by yours), leaderboard (one
market for all learners), and every other built-in scenario (auctionsim scenarios).
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console
from auctionsim.errors import InputError, unknown

EXAMPLE = "auctionsim init mine.toml --template three-arms"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("path", type=_common.path_text, help="the file to write, a new one, for example mine.toml")
    parser.add_argument("--template", default="quickstart", metavar="NAME", help="name of the template (default: quickstart)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write the template, and the files that it reads."""
    from auctionsim.files import write_text
    from auctionsim.outputs.temporary import remove_leftovers
    from auctionsim.scenario.file import builtin_scenarios, templates

    path, texts = Path(arguments.path), {**builtin_scenarios(), **templates()}
    names = [*templates(), *(name for name in builtin_scenarios() if name not in templates())]
    if arguments.template not in texts:
        raise unknown("--template", arguments.template, names)
    if path.is_dir():
        raise InputError(f"{path}: expected a file name, got a folder")
    written = [path]
    if arguments.template == "own-logs":
        from auctionsim.traffic.sample_table import BUDGETS, TABLE

        written += [path.with_name(TABLE), path.with_name(BUDGETS)]
    for file in written:
        if file.exists():
            raise InputError(f"{file}: expected a new file, got one that exists")
    remove_leftovers(path.absolute().parent)
    if arguments.template == "own-logs":
        from auctionsim.traffic.sample_table import write_sample

        write_sample(path.parent)
    write_text(path, texts[arguments.template])
    files = [str(file) for file in written]
    console.result(f"wrote {', '.join(files)}", {"path": str(path), "template": arguments.template, "files": files}, kept=path)
    console.next_command(f"auctionsim check {shlex.quote(str(path))}")
    return 0
