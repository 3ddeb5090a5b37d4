"""Write a run's tables as CSV files or as one workbook, for spreadsheets and other programs."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from auctionsim.analysis.run_objects.run import Run
from auctionsim.analysis.whatif.files import write_workbook
from auctionsim.errors import InputError
from auctionsim.extras import expect_library
from auctionsim.files import expect_new_folder, write_then_rename
from auctionsim.jobs.training.trained import Evaluation
from auctionsim.outputs.temporary import remove_leftovers

MOST_ROWS = 1_048_575
"""Rows of a sheet of a workbook, but for its header."""
_MOST_LETTERS = 31


def run_tables(run: Run) -> dict[str, pl.DataFrame]:
    """Return all tables of a run by name, the shortest summaries first.

    `advertisers` and `days` are sums of `outcomes` over the test days, by arm and seed.

    Raises:
        InputError: The run was not evaluated yet.
    """
    outcomes = Evaluation(run.to_polars("outcomes")) if "outcomes" in run.tables else None
    summed = {} if outcomes is None else {f"{by}s": outcomes.to_frame(by) for by in ("advertiser", "day")}
    stored = {name: run.to_polars(name) for name in run.tables}
    if not stored:
        raise InputError(f"{run.path}: expected a run with tables, got none yet (run: auctionsim resume {run.path})")
    return {name: _flat(table) for name, table in {**summed, **stored}.items()}


def export_csv(run: Run, folder: Path) -> tuple[Path, ...]:
    """Write every table as a CSV file into a folder, each whole or not at all; return the files.

    Args:
        run: The run.
        folder: The folder: new, or one that holds nothing but tables of an earlier export.

    Raises:
        InputError: The folder holds other files, or is a file.
    """
    tables = run_tables(run)
    names = {f"{name}.csv" for name in tables}
    remove_leftovers(folder)
    if not folder.is_dir() or any(entry.name not in names for entry in folder.iterdir()):
        expect_new_folder(folder, " (choose another with --out)")
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_then_rename(folder / f"{name}.csv", table.write_csv)
    return tuple(folder / f"{name}.csv" for name in tables)


def export_workbook(run: Run, path: Path) -> tuple[str, ...]:
    """Write the tables as the sheets of a workbook (XLSX); return the names of those that are too long for a sheet.

    Args:
        run: The run.
        path: The file, written whole or not at all.

    Raises:
        MissingExtra: xlsxwriter is not installed.
    """
    expect_library("xlsxwriter", "export --xlsx")
    tables = run_tables(run)
    fitting = {name[:_MOST_LETTERS]: _cells(table) for name, table in tables.items() if table.height <= MOST_ROWS}
    write_then_rename(path, lambda part: write_workbook(fitting, part))
    return tuple(name for name, table in tables.items() if table.height > MOST_ROWS)


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
