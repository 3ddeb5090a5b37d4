"""Run the whole matrix and print its table: `make faults`, or `python -m tests.faults --commands train,report`."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .commands import COMMANDS, Command, prepare
from .faults import FAULTS, FULL, can_mount
from .judge import Trial

BEGIN, END = "<!-- begin of the table of make faults -->", "<!-- end of the table -->"
Row = list[tuple[int, list[str]]]
"""For each fault the number of tries and what was wrong."""


def main() -> int:
    """Run the matrix; exit with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", default=",".join(command.name for command in COMMANDS), help="commands to try")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="commands tried at once")
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    arguments = parser.parse_args()
    chosen = [command for command in COMMANDS if command.name in arguments.commands.split(",")]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        prepare(Path(folder, "begin"))
        rows = list(pool.map(lambda command: tried(command, Path(folder)), chosen))
    wrong = [text for row in rows for _, failures in row for text in failures]
    table = page_table(chosen, rows)
    print(table, f"{time.monotonic() - began:.0f} s", *wrong, sep="\n")
    if arguments.write is not None and not wrong:
        text = arguments.write.read_text(encoding="utf-8")
        pattern = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
        arguments.write.write_text(pattern.sub(f"{BEGIN}\n\n{table}\n\n{END}", text), encoding="utf-8")
    return 1 if wrong else 0


def tried(command: Command, folder: Path) -> Row:
    """Try a command under every fault."""
    trial, row = Trial(command, folder / "begin", folder), []
    for fault in FAULTS:
        if fault is FULL and (not command.outputs or not can_mount()):
            row.append((0, []))
            continue
        try:
            failures = trial.failures(fault)
        except Exception as error:
            failures = [[f"{command.name}, {fault.name}: {type(error).__name__}: {error}"]]
        row.append((len(failures), [text for texts in failures for text in texts]))
        for text in row[-1][1]:
            print(text, file=sys.stderr, flush=True)
    print(f"{command.name}: tried", file=sys.stderr, flush=True)
    return row


def page_table(commands: list[Command], rows: list[Row]) -> str:
    """Return the table in Markdown: tries that ended right, of all; a dash where a command writes no file."""
    lines = [f"| command | {' | '.join(fault.name for fault in FAULTS)} |", "|" + "---|" * (len(FAULTS) + 1)]
    for command, row in zip(commands, rows, strict=True):
        lines.append(f"| `{command.name}` | {' | '.join(_cell(*cell) for cell in row)} |")
    total = sum(tries for row in rows for tries, _ in row)
    wrong = sum(min(tries, len(failures)) for row in rows for tries, failures in row)
    return "\n".join([*lines, "", f"{total - wrong} of {total} tries ended as they should."])


def _cell(tries: int, failures: list[str]) -> str:
    return f"{tries - min(tries, len(failures))} of {tries}" if tries else "-"


if __name__ == "__main__":
    sys.exit(main())
