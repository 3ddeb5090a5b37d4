"""Write a scenario file to start from, commented key by key.

Templates: quickstart, three-arms, ss-rtb, taobao-mix, own-logs (with a small table to be replaced), leaderboard (all learners
on one market); and the other built-in scenarios (auctionsim scenarios).
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from auctionsim.console import Console
from auctionsim.errors import InputError, unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("path", help="the file to write, for example my-scenario.toml")
    parser.add_argument("--template", default="quickstart", metavar="NAME", help="which (default quickstart)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write."""
    from auctionsim.files import write_text
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
    if arguments.template == "own-logs":
        from auctionsim.traffic.sample_table import write_sample

        write_sample(path.parent)
    write_text(path, texts[arguments.template])
    files = [str(file) for file in written]
    console.result(f"wrote {', '.join(files)}", {"path": str(path), "template": arguments.template, "files": files})
    console.next_command(f"auctionsim check {shlex.quote(str(path))}")
    return 0
