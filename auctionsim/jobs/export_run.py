"""Write a run's tables as CSV files or as one workbook, for spreadsheets and other programs."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path

import polars as pl

from auctionsim.analysis.documents.spreadsheets import write_csv, write_workbook
from auctionsim.analysis.reports.metrics import unknown_amounts
from auctionsim.analysis.run_objects.run import Run
from auctionsim.analysis.whatif.files import begins_with
from auctionsim.errors import InputError, shown
from auctionsim.extras import expect_library
from auctionsim.files import expect_no_file, write_then_rename
from auctionsim.jobs.training.trained import Evaluation
from auctionsim.outputs.temporary import remove_leftovers

MOST_ROWS = 1_048_575
"""Rows of a sheet of a workbook, but for its header."""
_MOST_LETTERS = 31
_COMMENTS = "Tables of a run, written by auctionsim export"
"""Comments of the workbooks that are written here, which tell them."""


def run_tables(run: Run) -> dict[str, pl.DataFrame]:
    """Return all tables of a run by name, the shortest summaries first.

    `advertisers` and `days` are sums of `outcomes` over the test days, by arm and seed; what the traffic does not know, as the
    profits of a log of clicks alone, is null in them.

    Raises:
        InputError: The run was not evaluated yet.
    """
    outcomes = Evaluation(run.to_polars("outcomes")) if "outcomes" in run.tables else None
    summed = {} if outcomes is None else {f"{by}s": outcomes.to_frame(by) for by in ("advertiser", "day")}
    unknown = unknown_amounts(run) if summed else ()
    summed = {
        name: table.with_columns(pl.lit(None, pl.Float64).alias(column) for column in unknown if column in table.columns)
        for name, table in summed.items()
    }
    stored = {name: run.to_polars(name) for name in run.tables}
    if not stored:
        raise InputError(f"{run.path}: expected a run with tables, got none yet (run: auctionsim resume {run.path})")
    return {name: _flat(table) for name, table in {**summed, **stored}.items()}


def export_csv(run: Run, folder: Path) -> tuple[Path, ...]:
    """Write every table as a CSV file into a folder, each whole or not at all; return the files.

    Args:
        run: The run.
        folder: The folder: new, or one that holds nothing but tables of an earlier export, with the same columns.

    Raises:
        InputError: The folder holds other files, is a file, or lies in the run.
    """
    tables = {f"{name}.csv": table for name, table in run_tables(run).items()}
    _expect_outside(run, folder)
    expect_no_file(folder)
    remove_leftovers(folder)
    for entry in sorted(folder.iterdir()) if folder.exists() else ():
        if entry.name not in tables or not entry.is_file() or not begins_with(entry, _header(tables[entry.name])):
            raise InputError(
                f"{folder}: expected a new or empty folder, or that of an earlier export alone, got one that holds "
                f"{shown(entry.name)} (choose another with --out)"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_csv(table, folder / name)
    return tuple(folder / name for name in tables)


def export_workbook(run: Run, path: Path) -> tuple[str, ...]:
    """Write the tables as the sheets of a workbook (XLSX); return the names of those that are too long for a sheet.

    Args:
        run: The run.
        path: The file, new or of an earlier export, written whole or not at all.

    Raises:
        InputError: Something else is at the path, or it lies in the run.
        MissingExtra: xlsxwriter is not installed.
    """
    expect_library("xlsxwriter", "export --xlsx")
    expect_workbook_place(run, path)
    tables = run_tables(run)
    fitting = {name[:_MOST_LETTERS]: _cells(table) for name, table in tables.items() if table.height <= MOST_ROWS}
    write_then_rename(path, lambda part: write_workbook(fitting, part, _COMMENTS))
    return tuple(name for name, table in tables.items() if table.height > MOST_ROWS)


def expect_workbook_place(run: Run, path: Path) -> None:
    """Check that a workbook can be written: nothing is at its path but one of an earlier export, and it is not in the run.

    Raises:
        InputError: Something else is there, or the path lies in the run.
    """
    _expect_outside(run, path)
    if path.exists() and not _is_exported(path):
        raise InputError(f"{path}: expected a new file or a workbook of an earlier export, got another (choose with --out)")


def _expect_outside(run: Run, path: Path) -> None:
    inside, whole = path.resolve(), run.path.resolve()
    if inside.is_relative_to(whole):
        raise InputError(f"--out: expected a path outside the run {run.path}, got {path}")


def _is_exported(path: Path) -> bool:
    """Return whether a file is a workbook that an export wrote."""
    if not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as book, book.open("docProps/core.xml") as properties:
            return f"<dc:description>{_COMMENTS}<".encode() in properties.read(10_000)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError, ValueError):
        return False


def _header(table: pl.DataFrame) -> str:
    return table.clear().write_csv()


def _flat(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table whose lists are JSON text, since a cell holds one value."""
    nested = [name for name, kind in table.schema.items() if kind.is_nested()]
    return table.with_columns(
        pl.Series(name, [json.dumps(value) for value in table[name].to_list()], dtype=pl.String) for name in nested
    )


def _cells(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table as a sheet can hold it: no cell for a number that is not finite, truth values as 0 and 1."""
    numbers = [name for name, kind in table.schema.items() if kind.is_float()]
    truths = [name for name, kind in table.schema.items() if kind == pl.Boolean]
    return table.with_columns(
        *(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in numbers),
        *(pl.col(name).cast(pl.Int8) for name in truths),
    )
