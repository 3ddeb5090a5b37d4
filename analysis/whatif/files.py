"""Write the answer to a what-if question as files: a page, Markdown, CSV, JSON and a workbook."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from auctionsim import arguments
from auctionsim.analysis.documents.charts.model import Chart
from auctionsim.analysis.documents.charts.whatif import intervals_chart
from auctionsim.analysis.documents.plots.whatif import UNITS
from auctionsim.analysis.documents.sections import (
    Heading,
    Note,
    Picture,
    Section,
    Table,
    Text,
    warning_sections,
    write_document,
)
from auctionsim.analysis.documents.spreadsheets import write_csv, write_workbook
from auctionsim.analysis.statistics import Interval
from auctionsim.analysis.whatif.answer import Answer, ChangeAnswer
from auctionsim.analysis.whatif.text import (
    SHOWN,
    advertiser_cells,
    change_sentence,
    figure_text,
    over_words,
    relative_text,
)
from auctionsim.errors import InputError, Remark, shown
from auctionsim.extras import is_installed
from auctionsim.files import expect_no_file, write_json, write_then_rename
from auctionsim.outputs.temporary import remove_leftovers

_MOST_ADVERTISERS = 2000
_MOST_FIGURES = 6
_PAGE = '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>'
_BEGINNINGS = {
    "whatif.json": {
        "whatif.json": "{", "changes.csv": "set,revenue,", "advertisers.csv": "set,advertiser,", "whatif.xlsx": "PK",
        "report.md": "# What if? ", "index.html": f"{_PAGE}What if? ",
    },
    "landscape.json": {
        "landscape.json": "{", "curves.csv": "advertiser,curve,", "best.csv": "advertiser,curve,",
        "targets.csv": "advertiser,curve,", "landscape.xlsx": "PK",
        "report.md": "# Bid and budget landscape: ", "index.html": f"{_PAGE}Bid and budget landscape: ",
    },
    "results.csv": {
        "results.csv": "design,test,metric,", "table.md": "# Experiments on ", "index.html": f"{_PAGE}Experiments on ",
    },
}  # fmt: skip
"""The files of each kind of answer, by the file that tells it, and how each file begins."""
_FIGURE = re.compile(r"(revenue|(advertisers|landscape)-\d+)\.(svg|png)")


def expect_answer_folder(out: Path, marker: str = "whatif.json", inputs: Sequence[str | None] = ()) -> None:
    """Check that a folder is new, empty, or that of an earlier answer, all of whose files the answer wrote.

    What killed processes left in it is removed.

    Args:
        out: The folder.
        marker: The file that tells an earlier answer.
        inputs: Paths of what is read, None and names of built-in scenarios among them: none may lie in the folder.

    Raises:
        InputError: It holds other files or an input, or is a file.
    """
    expect_no_file(out)
    if not out.exists():
        return
    for path in inputs:
        if path is not None and _is_inside(Path(path), out):
            raise InputError(f"--out: expected a folder that holds no input, got {out}, which holds {path}")
    remove_leftovers(out)
    names = sorted(entry.name for entry in out.iterdir())
    foreign = [name for name in names if not _is_of_answer(out / name, marker)]
    if names and (foreign or marker not in names):
        got = f"one that holds {shown(foreign[0])}" if foreign else f"one without {marker}"
        raise InputError(
            f"{out}: expected a new or empty folder, or that of an earlier answer alone, got {got} (choose another with --out)"
        )


def _is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path, or what it leads to, is a folder or lies in it."""
    # A name that is too long for a file is no file; Path.exists would raise.
    if not os.path.exists(path):
        return False
    ways = (Path(os.path.abspath(path)), Path(os.path.realpath(path)))
    return any(above.samefile(folder) for way in ways for above in (way, *way.parents))


def _is_of_answer(path: Path, marker: str) -> bool:
    """Return whether a file or folder in the folder of an answer is one that an answer of this kind writes."""
    if path.name == "figures" and path.is_dir():
        remove_leftovers(path)
        return all(_FIGURE.fullmatch(entry.name) and entry.is_file() for entry in path.iterdir())
    beginning = _BEGINNINGS[marker].get(path.name)
    if beginning is None or not path.is_file():
        return False
    # A table without rows is an empty line, and nothing is lost with it.
    if path.stat().st_size > 1 and not begins_with(path, beginning):
        return False
    if path.suffix != ".json":
        return True
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "replay_of_log" in found


def begins_with(path: Path, text: str) -> bool:
    """Return whether a file begins with a text."""
    expected = text.encode()
    with path.open("rb") as file:
        return file.read(len(expected)) == expected


def write_answer(answer: Answer, out: str | Path, command: str) -> Path:
    """Write all files of an answer, as `WhatIf.write` says."""
    folder = arguments.path("out", out)
    expect_answer_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # The file that tells an answer comes first, so that the folder is known again where the disk is full before all is written.
    write_json(folder / "whatif.json", answer.as_dict())
    tables = {"changes": answer.changes, "advertisers": answer.advertiser_table}
    page = write_document(
        f"What if? {answer.name}", [command], _sections(answer), folder, page_in="", text="report.md",
        names={answer.name, *answer.advertisers, *(one.label for one in answer.answers)},
    )  # fmt: skip
    write_tables(tables, folder, "whatif.xlsx")
    return page


def write_tables(tables: Mapping[str, pl.DataFrame], folder: Path, workbook: str) -> None:
    """Write tables as CSV files, and as one workbook where xlsxwriter is installed; a remark says so where it is not."""
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")
    if is_installed("xlsxwriter"):
        write_then_rename(folder / workbook, lambda part: write_workbook(tables, part))
    else:
        text = f"auctionsim: {workbook} is left out, as xlsxwriter is not installed (pip install 'auctionsim[xlsx]')"
        warnings.warn(text, Remark, stacklevel=2)


def _sections(answer: Answer) -> list[Section]:
    """Return the page: what each change does, how well the replay fits, the market's figures, then advertisers."""
    sections: list[Section] = warning_sections(answer.warnings)
    sections += [Text(f"{change_sentence(answer, one)}.") for one in answer.answers[:_MOST_FIGURES]]
    sections.append(Note(f"Currency and counts of {_days(answer)}. {over_words(answer)}"))
    sections += [Heading("Does the replay reproduce the log?"), *(Text(line) for line in answer.log_fit.lines)]
    sections += [Note(note) for note in answer.notes[:1]]
    sections += [Heading("The market"), _market_table(answer)]
    caption = f"Revenue of {len(answer.days)} days. {over_words(answer)}"
    sections.append(Picture("revenue", answer.figure("revenue"), caption, _revenue_chart(answer)))
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
    if rows.filter(rows[f"{answer.judged}_change"] != 0).is_empty():
        return [Heading(f"Who gains and who loses: {one.label}"), Text(f"No advertiser's {answer.judged} changes.")]
    said = f"Losers first. Currency and counts of {_days(answer)}; relative to the unchanged {answer.judged}.{more}"
    return [
        Heading(f"Who gains and who loses: {one.label}"),
        Picture(f"advertisers-{number}", answer.advertisers_figure(one.label), caption, _gains_chart(answer, rows)),
        Table(["advertiser", answer.judged, "change", "relative", "spend", "clicks"], body, said, (), (2,)),
    ]


def _days(answer: Answer) -> str:
    return f"all {len(answer.days)} days together" if len(answer.days) > 1 else "one day"


def _revenue_chart(answer: Answer) -> Chart:
    labels = ["unchanged", *(one.label for one in answer.answers)]
    found = [answer.unchanged_figures["revenue"], *(answer.figures(one)["revenue"] for one in answer.answers)]
    intervals = [one.interval() for one in found]
    return intervals_chart(labels, intervals, UNITS["revenue"], intervals[0].mean)


def _gains_chart(answer: Answer, rows: pl.DataFrame) -> Chart:
    columns = [f"{answer.judged}_change{end}" for end in ("", "_low", "_high")]
    ends = rows.select(pl.col(columns).cast(pl.Float64).fill_null(float("nan")))
    unit = f"Change of {answer.judged} ({'currency' if answer.judged == 'profit' else 'clicks'}, all days)"
    return intervals_chart(rows["advertiser"].to_list(), [Interval(*row) for row in ends.iter_rows()], unit, 0.0)
