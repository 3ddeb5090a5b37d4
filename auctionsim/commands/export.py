"""Export a run's tables for spreadsheets: CSV files, or one workbook with a sheet for each table.

The tables: advertisers and days (sums over the test days), outcomes by hour, metrics by iteration, and what else the run holds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from auctionsim.commands import _common
from auctionsim.console import Console

EXAMPLE = "auctionsim export runs/mine --csv --xlsx"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("run", type=_common.path_text, help="the run folder")
    parser.add_argument(
        "--csv", action="store_true", help="write OUT/NAME.csv for each table (default: written unless --xlsx is given alone)"
    )
    parser.add_argument("--xlsx", action="store_true", help="write OUT.xlsx, which needs the extra xlsx (default: not written)")
    parser.add_argument(
        "--out",
        type=_common.utf8_path,
        help="the folder to write, new or of an earlier export (default: RUN-export, beside the run)",
    )
    _common.add_never_code(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Write the tables and list the files."""
    from auctionsim.analysis.run_objects.run import Run
    from auctionsim.extras import expect_library
    from auctionsim.jobs.export_run import expect_workbook_place, export_csv, export_workbook

    opened = Run.open(arguments.run)
    out = _default_folder(opened.path) if arguments.out is None else Path(arguments.out)
    files: list[Path] = []
    if arguments.xlsx:
        expect_library("xlsxwriter", "--xlsx")
        book = _workbook_path(out)
        expect_workbook_place(opened, book)
    if arguments.csv or not arguments.xlsx:
        files += export_csv(opened, out)
    if arguments.xlsx:
        for name in export_workbook(opened, book):
            console.say(f"{book}: {name} is left out, as it has more rows than a sheet (--csv has it)")
        files.append(book)
    listed = [str(path) for path in files]
    console.result("\n".join(listed), {"files": listed}, kept=files[-1])
    return 0


def _default_folder(run: Path) -> Path:
    """Return RUN-export, beside the run."""
    named = run if run.name not in ("", "..") else run.resolve()
    return named.with_name(f"{named.name}-export")


def _workbook_path(out: Path) -> Path:
    """Return OUT.xlsx.

    Raises:
        InputError: OUT ends in no name.
    """
    from auctionsim.errors import InputError

    if out.name in ("", ".."):
        raise InputError(f"--out: expected a path that ends in a name, of which --xlsx makes NAME.xlsx, got {str(out)!r}")
    return out.with_name(f"{out.name}.xlsx")
