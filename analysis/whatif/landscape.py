"""What `auctionsim.landscape` returns: curves of bids and budgets, as tables, figures, text and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from auctionsim import arguments
from auctionsim.analysis.documents.charts.whatif import landscape_chart
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
from auctionsim.analysis.reports.summary import amount
from auctionsim.analysis.whatif.curves import LOWER_END, UPPER_END, Curve, best_table, meeting_table
from auctionsim.analysis.whatif.files import expect_answer_folder, write_tables
from auctionsim.analysis.whatif.log_fit import LogFit
from auctionsim.analysis.whatif.text import aligned
from auctionsim.files import write_json
from auctionsim.names.display import cut, html_frame

if TYPE_CHECKING:
    from auctionsim.analysis.documents.plots.style import Figure

_LISTED = 20
_DRAWN = 12
_BEST_HEADER = ("curve", "rivals", "at", "factor", "profit", "profit now", "range")
_HEADER = (
    "factor", "impressions", "clicks", "spend", "conversions", "profit", "cpc", "marginal cpc", "cpa", "roas",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Landscape:
    """Curves of bids and budgets."""

    name: str
    """The scenario or table."""
    days: tuple[int, ...]
    """The days that were replayed."""
    log_fit: LogFit
    """Measure of how well the unchanged replay reproduces the log."""
    curves: tuple[Curve, ...]
    levels: Mapping[str, float] = field(default_factory=dict)
    """Targets to meet, by `cpa` and `roas`."""
    notes: tuple[str, ...] = ()
    """Assumptions, one sentence each."""
    warnings: tuple[str, ...] = ()
    """Lines on what makes figures meaningless: a reserve that no bid reaches."""

    def __repr__(self) -> str:
        names = list(dict.fromkeys(curve.advertiser for curve in self.curves))
        return cut(f"Landscape({self.name}: {len(self.curves)} curves of {len(names)} advertisers)")

    def _repr_html_(self) -> str:
        """Return the first points for a notebook."""
        return html_frame(f"Landscape of {self.name}", self.table)

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @cached_property
    def table(self) -> pl.DataFrame:
        """Return a row for each point of each curve (`curves.Curve.table`)."""
        return pl.concat([curve.table() for curve in self.curves])

    @cached_property
    def targets(self) -> pl.DataFrame:
        """Return the bid and budget that meets each target, a row per curve (`curves.meeting_table`)."""
        found = [meeting_table(self.curves, target, level) for target, level in self.levels.items()]
        return pl.concat(found) if found else meeting_table([], "", 0.0)

    @cached_property
    def best(self) -> pl.DataFrame:
        """Return the point of highest profit of each curve (`curves.best_table`); no rows where profits are not defined."""
        return best_table(self.curves if self.has_profit else ())

    @property
    def has_profit(self) -> bool:
        """Return whether profits are defined: this traffic knows what conversions are worth."""
        return not any(np.isnan(curve.profits).any() for curve in self.curves)

    @property
    def lines(self) -> list[str]:
        """Return the curves as lines of text; of many advertisers the points of highest profit alone."""
        lines = [*self.log_fit.lines, ""]
        names = {curve.advertiser for curve in self.curves}
        for curve in self.curves if len(names) <= 2 else ():
            lines += [self._title(curve), *aligned([curve.kind, *_HEADER], _cells(curve)), ""]
        if self.has_profit:
            lines += [*aligned(["highest profit", *_BEST_HEADER], _best_cells(self.best)), *_best_ends(self.best), ""]
        elif len(names) > 2:
            lines += ["highest profit: not defined (clicks and cost: --advertiser NAME, --out, --json)", ""]
        if self.levels:
            header = ["target", "curve", "rivals", "level", "bid or budget"]
            lines += [*aligned(header, _met_cells(self.targets)), *_met_ends(self.targets), ""]
        return [*lines, *self.notes]

    def figure(self, advertiser: str | None = None) -> Figure:
        """Return a matplotlib Figure of one advertiser's curves.

        Args:
            advertiser: Its name; the first where None.

        Raises:
            InputError: It has no curves.
        """
        from auctionsim.analysis.documents.plots.landscape import landscape_figure

        names = list(dict.fromkeys(curve.advertiser for curve in self.curves))
        chosen = names[0] if advertiser is None else arguments.one_of("advertiser", advertiser, names)
        return landscape_figure(self._curves_of(chosen))

    def _curves_of(self, advertiser: str) -> dict[tuple[object, ...], pl.DataFrame]:
        """Return the rows of an advertiser's curves by the curve and the rivals."""
        own = self.table.filter(pl.col("advertiser") == advertiser)
        return dict(own.group_by(["curve", "rivals"], maintain_order=True))

    def as_dict(self) -> dict[str, Any]:
        """Return the curves as the object that `--json` prints; what is not defined is null."""
        adapting = [curve for curve in self.curves if curve.is_settled is not None]
        settled = [
            {"advertiser": one.advertiser, "curve": one.kind, "settled": one.is_settled, "exploitability": one.exploitability}
            for one in adapting
        ]
        return {
            "replay_of_log": self.log_fit.as_dict(),
            "source": self.name,
            "days": list(self.days),
            "curves": self.table.to_dicts(),
            "best": self.best.to_dicts(),
            "targets": self.targets.to_dicts(),
            "adapting": settled,
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def write(self, out: str | Path, *, command: str = "auctionsim.landscape(...)") -> Path:
        """Write the curves as files: a page, Markdown, CSV, JSON, and a workbook where xlsxwriter is installed.

        Args:
            out: A new folder, or that of an earlier landscape.
            command: The command line that made the curves, for the page.

        Returns:
            The path of index.html.

        Raises:
            InputError: The folder holds other files.
        """
        folder = arguments.path("out", out)
        expect_answer_folder(folder, "landscape.json")
        folder.mkdir(parents=True, exist_ok=True)
        # First, as that of `write_answer`.
        write_json(folder / "landscape.json", self.as_dict())
        names = {curve.advertiser for curve in self.curves}
        page = write_document(
            f"Bid and budget landscape: {self.name}", [command], self._sections(), folder, page_in="", text="report.md",
            names={self.name, *names},
        )  # fmt: skip
        tables = {"curves": self.table}
        tables |= {"best": self.best} if self.has_profit else {}
        tables |= {"targets": self.targets} if self.levels else {}
        write_tables(tables, folder, "landscape.xlsx")
        return page

    def _sections(self) -> list[Section]:
        best: Section = Text("not defined")
        if self.has_profit:
            caption = " ".join(["The point of highest profit of each curve, all days together.", *_best_ends(self.best)])
            best = Table(["advertiser", *_BEST_HEADER], _best_cells(self.best), caption)
        sections: list[Section] = [*warning_sections(self.warnings), *(Text(line) for line in self.log_fit.lines)]
        sections += [Heading("Highest profit"), best]
        if self.levels:
            header, note = ["advertiser", "curve", "rivals", "target", "bid or budget"], " ".join(_met_ends(self.targets))
            sections += [Heading("Targets"), Table(header, _met_cells(self.targets), note)]
        names = list(dict.fromkeys(curve.advertiser for curve in self.curves))
        for number, name in enumerate(names[:_DRAWN]):
            caption = f"Bids and budgets of {name}, all days together, with 95 % intervals where they were asked for."
            chart = landscape_chart(self._curves_of(name))
            sections += [Heading(name), Picture(f"landscape-{number}", self.figure(name), caption, chart)]
            for curve in self.curves:
                if curve.advertiser == name:
                    sections.append(Table([curve.kind, *_HEADER], _cells(curve), self._title(curve)))
        if len(names) > _DRAWN:
            sections.append(Note(f"The curves of {len(names) - _DRAWN} further advertisers are in curves.csv."))
        return [*sections, Heading("What was assumed"), *(Note(note) for note in self.notes)]

    def _title(self, curve: Curve) -> str:
        unit = "mean bid, currency per click" if curve.kind == "bid" else "budget, currency per day"
        said = ""
        if curve.is_settled is not None:
            how = "settled" if curve.is_settled else "did not settle"
            said = f"; rivals {how}, exploitability {curve.exploitability:.2%}"
        return f"{curve.advertiser}: {curve.kind} ({unit}), rivals {curve.rivals}{said}"


def _best_cells(best: pl.DataFrame) -> list[list[str]]:
    """Return the rows of `curves.best_table` as cells."""
    return [
        [
            row["advertiser"], row["curve"], row["rivals"], f"{row['x']:.4g}", f"{row['factor']:.3g}",
            amount(row["profit"]), _text(row["profit_now"]), row["range"],
        ]
        for row in best.iter_rows(named=True)
    ]  # fmt: skip


def _best_ends(best: pl.DataFrame) -> list[str]:
    """Say what it means that a profit is highest at an end of the range, a sentence for each end that there is."""
    beyond = {UPPER_END: "higher", LOWER_END: "lower"}
    return [
        f"At the {end} of the range: a {word} bid or budget than was replayed may bring a higher profit."
        for end, word in beyond.items()
        if end in best["range"]
    ]


def _met_cells(targets: pl.DataFrame) -> list[list[str]]:
    """Return the rows of `curves.meeting_table` as cells."""
    return [
        [
            row["advertiser"], row["curve"], row["rivals"], f"{row['target']} {row['level']:g}",
            row["reason"] if row["x"] is None else f"{row['x']:.4g}" + (f" ({UPPER_END})" if row["range"] == UPPER_END else ""),
        ]
        for row in targets.iter_rows(named=True)
    ]  # fmt: skip


def _met_ends(targets: pl.DataFrame) -> list[str]:
    """Say what it means that the largest bid or budget that was replayed meets a target."""
    said = f"At the {UPPER_END} of the range: a higher bid or budget than was replayed may meet the target too."
    return [said] if UPPER_END in targets["range"] else []


def _cells(curve: Curve) -> list[list[str]]:
    """Return the points of a curve as cells."""
    names = [name.replace(" ", "_") for name in _HEADER[1:]]
    return [
        [f"{row['x']:.4g}", f"{row['factor']:.3g}", *(_text(row[name]) for name in names)]
        for row in curve.table().iter_rows(named=True)
    ]


def _text(value: float | None) -> str:
    return "not defined" if value is None else amount(value)
