"""Write tables for spreadsheets: CSV files and workbooks (XLSX), in which text is never a formula."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from auctionsim.extras import expect_library
from auctionsim.files import write_then_rename

_FORMULA = r"^([=+\-@\t\r])"
_MOST_EXACT = 2**53


def write_csv(table: pl.DataFrame, path: Path) -> None:
    """Write a table as a CSV file, whole or not at all.

    Text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets an apostrophe before it, so that a spreadsheet
    shows it and does not take it for a formula.
    """
    texts = [name for name, kind in table.schema.items() if kind in (pl.String, pl.Categorical, pl.Enum)]
    safe = table.with_columns(pl.col(texts).cast(pl.String).str.replace(_FORMULA, "'${1}"))
    write_then_rename(path, safe.write_csv)


def write_workbook(tables: Mapping[str, pl.DataFrame], path: Path, comments: str = "") -> None:
    """Write tables as the sheets of a workbook (XLSX). Text stays text: a name that begins with `=` is no formula.

    Whole numbers beyond 2^53, such as large seeds, are written as text, since a workbook rounds them.

    Args:
        tables: The tables by the names of their sheets.
        path: The file.
        comments: The workbook's comments, one of its properties.

    Raises:
        MissingExtra: xlsxwriter is not installed.
    """
    expect_library("xlsxwriter", "whatif.xlsx")
    from xlsxwriter import Workbook

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(str(path), options) as book:
        # The same answer gives the same bytes, so that no clock is read.
        book.set_properties({"created": datetime(2000, 1, 1), "comments": comments})
        bold = book.add_format({"bold": True})
        for name, table in tables.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 2 if name == "advertisers" else 1)
            for j, column in enumerate(table.columns):
                sheet.write_string(0, j, column, bold)
                for i, value in enumerate(table[column].to_list(), start=1):
                    _write_cell(sheet, i, j, value)


def _write_cell(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, int) and abs(value) > _MOST_EXACT:
        # A workbook's numbers are 64-bit floats, in which several seeds would become one.
        value = str(value)
    if isinstance(value, str):
        # A workbook's cell holds 32,767 letters.
        sheet.write_string(row, column, value[:32_000])
    elif value is not None:
        sheet.write_number(row, column, value)
