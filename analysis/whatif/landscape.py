"""What `auctionsim.landscape` returns: curves of bids and budgets, as tables, figures, text and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from auctionsim import arguments
from auctionsim.analysis.documents.charts.whatif import landscape_chart
from auctionsim.analysis.documents.sections import Heading, Note, Picture, Section, Table, Text, write_document
from auctionsim.analysis.reports.summary import amount
from auctionsim.analysis.whatif.curves import Curve, meeting_table
from auctionsim.analysis.whatif.files import expect_answer_folder, write_tables
from auctionsim.analysis.whatif.log_fit import LogFit
from auctionsim.analysis.whatif.text import aligned
from auctionsim.files import write_json
from auctionsim.names.display import cut, html_frame

if TYPE_CHECKING:
    from auctionsim.analysis.documents.plots.style import Figure

_LISTED = 20
_DRAWN = 12
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
        header = ["highest profit", "curve", "rivals", "at", "factor", "profit", "profit now"]
        if self.has_profit:
            lines += [*aligned(header, [_best(curve) for curve in self.curves]), ""]
        elif len(names) > 2:
            lines += ["highest profit: not defined (clicks and cost: --advertiser NAME, --out, --json)", ""]
        if self.levels:
            rows = [[*map(str, row[:3]), f"{row[3]} {row[4]:g}", _met(row)] for row in self.targets.iter_rows()]
            lines += [*aligned(["target", "curve", "rivals", "level", "bid or budget"], rows), ""]
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
            "targets": self.targets.to_dicts(),
            "adapting": settled,
            "notes": list(self.notes),
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
        tables = {"curves": self.table, **({"targets": self.targets} if self.levels else {})}
        write_tables(tables, folder, "landscape.xlsx")
        return page

    def _sections(self) -> list[Section]:
        best: Section = Text("not defined")
        if self.has_profit:
            header = ["advertiser", "curve", "rivals", "at", "factor", "profit", "profit now"]
            caption = "The point of highest profit of each curve, all days together."
            best = Table(header, [_best(curve) for curve in self.curves], caption)
        sections: list[Section] = [Text(line) for line in self.log_fit.lines]
        sections += [Heading("Highest profit"), best]
        if self.levels:
            rows = [[*map(str, row[:3]), f"{row[3]} {row[4]:g}", _met(row)] for row in self.targets.iter_rows()]
            sections += [Heading("Targets"), Table(["advertiser", "curve", "rivals", "target", "bid or budget"], rows)]
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


def _best(curve: Curve) -> list[str]:
    """Return the cells of a curve's point of highest profit."""
    # Of equal profits the one nearest to what there is: a tie is no advice to change anything.
    ties = np.flatnonzero(curve.profits == curve.profits.max())
    factors = curve.factor[ties]
    best = int(ties[np.maximum(factors, 1.0 / factors).argmin()])
    now = np.flatnonzero(curve.factor == 1.0)
    at_now = amount(float(curve.profits[now[0]])) if len(now) else "not defined"
    return [
        curve.advertiser, curve.kind, curve.rivals, f"{curve.x[best]:.4g}", f"{curve.factor[best]:.3g}",
        amount(float(curve.profits[best])), at_now,
    ]  # fmt: skip


def _cells(curve: Curve) -> list[list[str]]:
    """Return the points of a curve as cells."""
    names = [name.replace(" ", "_") for name in _HEADER[1:]]
    return [
        [f"{row['x']:.4g}", f"{row['factor']:.3g}", *(_text(row[name]) for name in names)]
        for row in curve.table().iter_rows(named=True)
    ]


def _text(value: float | None) -> str:
    return "not defined" if value is None else amount(value)


def _met(row: Sequence[Any]) -> str:
    return row[6] if row[5] is None else f"{row[5]:.4g}"
