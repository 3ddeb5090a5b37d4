"""Processor time of imports, each the least of five fresh processes, and its ratio to that of numpy, which every machine pays.

python benchmarks/import_time.py
"""

from __future__ import annotations

import resource
import subprocess
import sys

REPEATS = 5
IMPORTS = ("numpy", "gymnasium", "pettingzoo", "auctionsim", "auctionsim.scenario", "auctionsim.envs", "numba", "polars")

_HELP = """
import contextlib, io
from auctionsim.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["--help"])
"""


def seconds(statement: str) -> float:
    """User and system seconds of a new process, interpreter included; other processes of the machine do not count."""
    found = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", statement], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(found)


def main() -> None:
    """Print the table."""
    unit = seconds("import numpy")
    for name in IMPORTS:
        taken = seconds(f"import {name}")
        print(f"import {name:20} {taken:5.2f} s   {taken / unit:5.1f} of numpy")
    taken = seconds(_HELP)
    print(f"auctionsim --help           {taken:5.2f} s   {taken / unit:5.1f} of numpy")


if __name__ == "__main__":
    main()
