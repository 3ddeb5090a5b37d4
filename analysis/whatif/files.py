"""Write the answer to a what-if question as files: a page, Markdown, CSV, JSON and a workbook."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from auctionsim import arguments
from auctionsim.analysis.documents.sections import Heading, Note, Picture, Section, Table, Text, write_document
from auctionsim.analysis.whatif.answer import Answer, ChangeAnswer
from auctionsim.analysis.whatif.text import (
    SHOWN,
    advertiser_cells,
    change_sentence,
    figure_text,
    over_words,
    relative_text,
)
from auctionsim.errors import InputError, Remark
from auctionsim.extras import expect_library, is_installed
from auctionsim.files import expect_new_folder, write_json, write_then_rename

_MOST_ADVERTISERS = 2000
_MOST_FIGURES = 6


def expect_answer_folder(out: Path, marker: str = "whatif.json") -> None:
    """Check that a folder is new, empty, or that of an earlier answer.

    Args:
        out: The folder.
        marker: The file that tells an earlier answer.

    Raises:
        InputError: It holds other files, or is a file.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out: expected a folder, got the file {out}")
    if not (out / marker).is_file():
        expect_new_folder(out, " (choose another with --out)")


def write_answer(answer: Answer, out: str | Path, command: str) -> Path:
    """Write all files of an answer, as `WhatIf.write` says."""
    folder = arguments.path("out", out)
    expect_answer_folder(folder)
    tables = {"changes": answer.changes, "advertisers": answer.advertiser_table}
    page = write_document(
        f"What if? {answer.name}", [command], _sections(answer), folder, page_in="", text="report.md",
        names={answer.name, *answer.advertisers, *(one.label for one in answer.answers)},
    )  # fmt: skip
    write_tables(tables, folder, "whatif.xlsx")
    write_json(folder / "whatif.json", answer.as_dict())
    return page


def write_tables(tables: Mapping[str, pl.DataFrame], folder: Path, workbook: str) -> None:
    """Write tables as CSV files, and as one workbook where xlsxwriter is installed; a remark says so where it is not."""
    for name, table in tables.items():
        write_then_rename(folder / f"{name}.csv", lambda part, table=table: table.write_csv(part))  # type: ignore[misc]
    if is_installed("xlsxwriter"):
        write_then_rename(folder / workbook, lambda part: write_workbook(tables, part))
    else:
        text = f"auctionsim: {workbook} is left out, as xlsxwriter is not installed (pip install 'auctionsim[xlsx]')"
        warnings.warn(text, Remark, stacklevel=2)


def write_workbook(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Write tables as the sheets of a workbook (XLSX). Text stays text: a name that begins with `=` is no formula.

    Raises:
        MissingExtra: xlsxwriter is not installed.
    """
    expect_library("xlsxwriter", "whatif.xlsx")
    from xlsxwriter import Workbook

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(str(path), options) as book:
        # The same answer gives the same bytes, so that no clock is read.
        book.set_properties({"created": datetime(2000, 1, 1)})
        bold = book.add_format({"bold": True})
        for name, table in tables.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 2 if name == "advertisers" else 1)
            for j, column in enumerate(table.columns):
                sheet.write_string(0, j, column, bold)
                for i, value in enumerate(table[column].to_list(), start=1):
                    _write_cell(sheet, i, j, value)


def _write_cell(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, str):
        # A workbook's cell holds 32,767 letters.
        sheet.write_string(row, column, value[:32_000])
    elif value is not None:
        sheet.write_number(row, column, value)


def _sections(answer: Answer) -> list[Section]:
    """Return the page: what each change does, how well the replay fits, the market's figures, then advertisers."""
    sections: list[Section] = [Text(f"{change_sentence(answer, one)}.") for one in answer.answers[:_MOST_FIGURES]]
    sections += [Heading("Does the replay reproduce the log?"), *(Text(line) for line in answer.log_fit.lines)]
    sections += [Note(note) for note in answer.notes[:1]]
    sections += [Heading("The market"), _market_table(answer)]
    sections.append(Picture("revenue", answer.figure("revenue"), f"Revenue of {len(answer.days)} days. {over_words(answer)}"))
    sections += [Note(f"{one.label}: {one.said}") for one in answer.answers if one.said]
    for i, one in enumerate(answer.answers[:_MOST_FIGURES]):
        sections += _advertisers(answer, one, i)
    if len(answer.answers) > _MOST_FIGURES:
        sections.append(Note(f"Advertisers under the {len(answer.answers) - _MOST_FIGURES} other changes: advertisers.csv."))
    return [*sections, Heading("What was assumed"), *(Note(note) for note in answer.notes[1:])]


def _market_table(answer: Answer) -> Table:
    figures = [answer.unchanged_figures, *(answer.figures(one) for one in answer.answers)]
    labels = ["unchanged", *(one.label for one in answer.answers)]
    rows = []
    for i, (label, found) in enumerate(zip(labels, figures, strict=True)):
        share, counts = "", ["", ""]
        if i:
            one = answer.answers[i - 1]
            share = relative_text(answer, one, "revenue", answer.differences(one)["revenue"])
            counts = [str(count) for count in answer.gains_and_losses(one)]
        rows.append([label, share, *(figure_text(found[name]) for name in SHOWN), *counts])
    note = f"Currency and counts of all days together; welfare is the value of all conversions. {over_words(answer)}"
    note += f" Changes are compared with: {answer.compared_with}."
    return Table(["change", "revenue, relative", *SHOWN, f"gain {answer.judged}", f"lose {answer.judged}"], rows, note)


def _advertisers(answer: Answer, one: ChangeAnswer, number: int) -> list[Section]:
    rows = answer.advertiser_table.filter(set=one.label)
    body = [advertiser_cells(row, answer.judged) for row in rows[:_MOST_ADVERTISERS].iter_rows(named=True)]
    more = "" if rows.height <= _MOST_ADVERTISERS else f" {rows.height - _MOST_ADVERTISERS} more in advertisers.csv."
    caption = f"Change of {answer.judged} under {one.label}, advertisers who lose most first. {over_words(answer)}"
    return [
        Heading(f"Who gains and who loses: {one.label}"),
        Picture(f"advertisers-{number}", answer.advertisers_figure(one.label), caption),
        Table(["advertiser", answer.judged, "change", "relative", "spend", "clicks"], body, f"Losers first.{more}"),
    ]
