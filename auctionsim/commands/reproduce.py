"""Reproduce a study: measure every arm over several seeds, and write a table and a report.

Writes OUT/results.parquet, OUT/curves.parquet, OUT/table.md and OUT/report/index.html. The same command with the same OUT goes
on where an interrupted one stood.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("study", nargs="?", help="which; without a name they are listed")
    parser.add_argument("--seeds", type=_common.positive, help="how many seeds (default: the study's)")
    parser.add_argument("--seed", type=_common.natural, default=0, help="the first seed (default 0)")
    parser.add_argument("--quick", action="store_true", help="a short form: seconds, and no claim")
    parser.add_argument("--data", help="folder of the public files, for scenarios made from them")
    _common.add_workers(parser)
    parser.add_argument("--out", help="output folder (default runs/STUDY, or runs/STUDY-quick)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run the study."""
    from auctionsim.jobs.studies.base import Options, Unit, find_study, run_study, study_names

    if arguments.study is None:
        titles = {name: find_study(name).title for name in study_names()}
        width = max(map(len, titles), default=0)
        console.result("\n".join(f"{name:{width}}  {title}" for name, title in titles.items()), {"studies": titles})
        return 0
    name = arguments.study
    study = find_study(name)
    options = Options(
        _common.seeds_from(arguments.seed, arguments.seeds or (2 if arguments.quick else study.n_seeds)),
        arguments.quick,
        arguments.data,
    )
    out = Path(arguments.out or f"runs/{name}{'-quick' if arguments.quick else ''}")

    def line(done: int, of: int, unit: Unit, seconds: float) -> None:
        console.say(f"{name}: {done}/{of}  {unit.scenario}  {unit.arm}  seed {unit.seed}  {seconds:.1f} s")

    try:
        with _common.pool_of(arguments, "auto") as pool:
            page = run_study(name, options, pool, out, _common.command_line(), line)
    except KeyboardInterrupt:
        console.say(f"{out}: interrupted; what is measured is kept")
        console.next_command(_common.command_line())
        raise
    table = (out / "table.md").read_text(encoding="utf-8")
    console.result(f"{table}\nreport: {page}", {"report": str(page), "results": str(out / "results.parquet")})
    return 0
