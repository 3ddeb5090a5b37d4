"""Reproduce a study: measure every arm over several seeds, and write a table and a report.

The command writes OUT/results.parquet, OUT/curves.parquet, OUT/table.md and OUT/report/index.html. After an interruption, the
same command with the same OUT continues.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from auctionsim.commands import _common
from auctionsim.commands._flags import expect_no_others
from auctionsim.console import Console
from auctionsim.errors import InputError

if TYPE_CHECKING:
    from auctionsim.jobs.studies.base import Options

EXAMPLE = "auctionsim reproduce maab-game --quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("study", nargs="?", help="name of the study; without one, all studies are listed")
    parser.add_argument("--seeds", type=_common.positive, help="number of seeds, >= 1 (default: the study's; with --quick: 2)")
    parser.add_argument("--seed", type=_common.seed, help="the first seed, >= 0 (default: the study's)")
    parser.add_argument(
        "--quick", action="store_true", help="run a short form: takes a minute or two, supports no claim (default: full size)"
    )
    parser.add_argument(
        "--data",
        type=_common.path_text,
        help="folder of the public files, for scenarios made from them (default: leave those out)",
    )
    parser.add_argument(
        "--entrant",
        action="append",
        default=[],
        metavar="package.module:Class",
        help="a rule or learner of your own that takes part in the leaderboard; repeatable (default: none)",
    )
    parser.add_argument(
        "--against",
        type=_common.path_text,
        help="folder of another leaderboard of the same version to compare with (default: none)",
    )
    _common.add_code(parser, is_allowed=True)
    _common.add_workers(parser, default="auto; 0 without Ray")
    parser.add_argument(
        "--out", type=_common.utf8_path, help="output folder (default: runs/STUDY; with --quick: runs/STUDY-quick)"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run the study and print its table, or list all studies."""
    from auctionsim.jobs.studies.base import Options, Unit, expect_libraries, find_study, run_study, study_names

    if arguments.study is None:
        expect_no_others(arguments, (), "the list of all studies (name a study)")
        titles = {name: find_study(name).title for name in study_names()}
        width = max(map(len, titles), default=0)
        console.result("\n".join(f"{name:{width}}  {title}" for name, title in titles.items()), {"studies": titles})
        return 0
    name = arguments.study
    study = find_study(name)
    expect_libraries(name, study)
    first = getattr(study, "first_seed", 0) if arguments.seed is None else arguments.seed
    seeds = _common.seeds_from(first, arguments.seeds or (2 if arguments.quick else study.n_seeds))
    entrants = tuple(dict.fromkeys(arguments.entrant))
    options = Options(seeds, arguments.quick, arguments.data, entrants, str(Path.cwd()) if entrants else "")
    _check_choices(name, options, arguments.against)
    out = Path(arguments.out or f"runs/{name}{'-quick' if arguments.quick else ''}")

    def line(done: int, of: int, unit: Unit, seconds: float) -> None:
        console.say(f"{name}: {done}/{of}  {unit.scenario}  {unit.arm}  seed {unit.seed}  {seconds:.1f} s")

    kept = len(list((out / "parts").glob("*.json")))
    try:
        with _common.pool_of(arguments, None) as pool:
            page = run_study(name, options, pool, out, _common.command_line(), line)
    except KeyboardInterrupt:
        console.say(f"{out}: interrupted; results so far are kept")
        console.next_command(_common.command_line())
        raise
    if kept:
        # Code may have changed since; nothing in the folder says so.
        console.say(f"{out}: {kept} results are of an earlier run (remove the folder to measure them again)")
    table = (out / "table.md").read_text(encoding="utf-8")
    if arguments.against is not None:
        table += f"\n{_compared(out, Path(arguments.against))}"
    value = {"report": str(page), "results": str(out / "results.parquet")}
    console.result(f"{table}\nreport: {page}", value, kept=out)
    return 0


def _check_choices(name: str, options: Options, against: str | None) -> None:
    """Refuse what the study does not take, before anything is measured."""
    from auctionsim.jobs.studies.base import VERSION_KEY, find_study, plan_of, study_names
    from auctionsim.jobs.studies.leaderboard.against import expect_version

    if options.data is not None and not getattr(find_study(name), "takes_data", False):
        takers = ", ".join(one for one in study_names() if getattr(find_study(one), "takes_data", False))
        raise InputError(f"--data: expected with a study of public files ({takers}), got it with {name!r}")
    for option, given in (("--entrant", options.entrants), ("--against", against)):
        if given and not getattr(find_study(name), "takes_entrants", False):
            raise InputError(f"{option}: expected with the study 'leaderboard' alone, got it with {name!r}")
    if options.entrants:
        from auctionsim.jobs.studies.leaderboard.study import expect_entrants

        expect_entrants(options)
    if against is not None:
        expect_version(Path(against), plan_of(name, options)[VERSION_KEY])


def _compared(out: Path, against: Path) -> str:
    """Compare the leaderboard with another one, write the table, and return it."""
    from auctionsim.analysis.documents.sections import write_document
    from auctionsim.jobs.studies.leaderboard.against import compare_boards

    write_document("Leaderboards compared", [_common.command_line()], [compare_boards(out, against)], out / "against")
    return (out / "against" / "table.md").read_text(encoding="utf-8")
