"""The answer to a what-if question: unchanged, changed, the differences, and who gains and loses, as tables, text and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from auctionsim.analysis.statistics import Interval
from auctionsim.analysis.whatif.log_fit import LogFit
from auctionsim.analysis.whatif.replays import ADVERTISER_FIGURES, FIGURES, Estimates, Replays, estimate
from auctionsim.analysis.whatif.winners import advertiser_changes, difference, gains_and_losses, judged_figure
from auctionsim.names.display import cut, html_frame
from auctionsim.ratios import NotDefined, ratio_to_amount

if TYPE_CHECKING:
    from auctionsim.analysis.documents.plots.style import Figure as Picture


@dataclass(frozen=True, eq=False)
class ChangeAnswer:
    """The replays under one change, and what advertisers did about it."""

    label: str
    """The change as it was written."""
    replays: Replays
    reaction: Mapping[str, Any] = field(default_factory=dict)
    """The advertisers' reaction, for JSON; empty where they did not."""
    said: str = ""
    """The same in one sentence."""

    def __repr__(self) -> str:
        return cut(f"ChangeAnswer({self.label}: revenue {self.replays.sums[:, -1].sum():.6g})")


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a what-if question."""

    name: str
    """The scenario or table."""
    advertisers: tuple[str, ...]
    days: tuple[int, ...]
    """The days that were replayed."""
    log_fit: LogFit
    """Measure of how well the unchanged replay reproduces the log."""
    unchanged: Replays
    answers: tuple[ChangeAnswer, ...]
    notes: tuple[str, ...] = ()
    """Assumptions, one sentence each."""
    reaction: ChangeAnswer | None = None
    """The unchanged market after advertisers reacted to it, the first of `answers`; None where nobody reacts."""
    warnings: tuple[str, ...] = ()
    """Lines on what makes figures meaningless: a reserve that no bid reaches."""

    def __repr__(self) -> str:
        return cut(f"{type(self).__name__}({self.name}: {', '.join(one.label for one in self.answers)})")

    def _repr_html_(self) -> str:
        """Return the table of changes for a notebook."""
        return html_frame(f"What if? {self.name}", self.changes)

    @property
    def compared_with(self) -> str:
        """Return what changes are compared with: the market as it is, or as it is after advertisers reacted to it."""
        return "unchanged" if self.reaction is None else self.reaction.label

    def base_of(self, answer: ChangeAnswer) -> Replays:
        """Return the replays that a change is compared with."""
        return self.unchanged if self.reaction is None or self.reaction is answer else self.reaction.replays

    @property
    def judged(self) -> str:
        """Return what advertisers gain or lose, `profit` or `clicks`."""
        return judged_figure(self.unchanged)

    @cached_property
    def unchanged_figures(self) -> dict[str, Estimates]:
        """Return the market's figures as it is."""
        return {name: estimate(figure, self.unchanged.market) for name, figure in FIGURES.items()}

    def figures(self, answer: ChangeAnswer) -> dict[str, Estimates]:
        """Return the market's figures under a change."""
        return {name: estimate(figure, answer.replays.market) for name, figure in FIGURES.items()}

    def differences(self, answer: ChangeAnswer) -> dict[str, Estimates]:
        """Return the differences of the market's figures, changed minus unchanged, on the same auctions."""
        base = self.base_of(answer).market
        return {name: difference(figure, answer.replays.market, base) for name, figure in FIGURES.items()}

    def relative(self, answer: ChangeAnswer, name: str, change: float) -> float | NotDefined:
        """Return a difference as a share of the figure that it is compared with, or why there is none."""
        figures = {key: float(figure(self.base_of(answer).market.total)[0]) for key, figure in FIGURES.items()}
        if figures[name] != figures[name]:
            return NotDefined(f"{name} is not defined")
        turnover = figures["welfare"] + figures["revenue"] if name == "profit" else figures[name]
        return ratio_to_amount(change, figures[name], turnover, "the unchanged market")

    def gains_and_losses(self, answer: ChangeAnswer) -> tuple[int, int]:
        """Count the advertisers that gain and lose by `judged`."""
        return gains_and_losses(difference(ADVERTISER_FIGURES[self.judged], answer.replays, self.base_of(answer)).value)

    @cached_property
    def changes(self) -> pl.DataFrame:
        """Return a row for the unchanged market and for each change.

        Columns: `set` (empty for unchanged); for revenue, impressions, clicks, conversions, cpc, welfare and profit the figure
        `NAME` with its interval `NAME_low`, `NAME_high`, the difference `NAME_change` with its interval, and `NAME_relative`;
        `gain` and `lose`, numbers of advertisers. Currency, counts, currency per click, all days together.
        """
        rows = [_row("", self.unchanged_figures, {}, {}, None)]
        for answer in self.answers:
            apart = self.differences(answer)
            relative = {name: self.relative(answer, name, float(found.value[0])) for name, found in apart.items()}
            rows.append(_row(answer.label, self.figures(answer), apart, relative, self.gains_and_losses(answer)))
        return pl.DataFrame(rows, infer_schema_length=None, schema_overrides=_NUMBERS)

    @cached_property
    def advertiser_table(self) -> pl.DataFrame:
        """Return a row for each change and advertiser, those who lose most first (`winners.advertiser_changes`)."""
        tables = [advertiser_changes(one.label, self.base_of(one), one.replays, self.advertisers) for one in self.answers]
        return pl.concat(tables)

    def figure(self, name: str = "revenue") -> Picture:
        """Return a matplotlib Figure of one figure of the market under each change, with intervals.

        Args:
            name: One of `replays.FIGURES`.

        Raises:
            InputError: There is no such figure.
        """
        from auctionsim.analysis.documents.plots.whatif import changes_figure
        from auctionsim.arguments import one_of

        one_of("name", name, FIGURES)
        labels = ["unchanged", *(one.label for one in self.answers)]
        every = [self.unchanged_figures[name], *(self.figures(one)[name] for one in self.answers)]
        return changes_figure(labels, [one.interval() for one in every], name)

    def advertisers_figure(self, label: str | None = None) -> Picture:
        """Return a matplotlib Figure of what a change brings each advertiser, those who lose and gain most.

        Args:
            label: The change as it was written; the first where None.

        Raises:
            InputError: There is no such change.
        """
        from auctionsim.analysis.documents.plots.whatif import advertisers_figure
        from auctionsim.arguments import one_of

        labels = [one.label for one in self.answers]
        label = labels[0] if label is None else one_of("label", label, labels)
        rows = self.advertiser_table.filter(pl.col("set") == label)
        change, low, high = (rows[f"{self.judged}_change{end}"].to_numpy() for end in _ENDS)
        return advertisers_figure(rows["advertiser"].to_list(), change, low, high, self.judged)

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as the object that `--json` prints; what is not defined is null."""
        found = []
        for answer in self.answers:
            apart = self.differences(answer)
            gain, lose = self.gains_and_losses(answer)
            found.append(
                {
                    "set": answer.label,
                    **_json(self.figures(answer)),
                    "change": {name: self._difference_json(answer, name, one) for name, one in apart.items()},
                    "gain": gain,
                    "lose": lose,
                    **({"reaction": dict(answer.reaction)} if answer.reaction else {}),
                }
            )
        return {
            "replay_of_log": self.log_fit.as_dict(),
            "unchanged": _json(self.unchanged_figures),
            "changes": found,
            "advertisers": self.advertiser_table.to_dicts(),
            "source": self.name,
            "days": list(self.days),
            "interval_over": self.unchanged_figures["revenue"].over or None,
            "judged_by": self.judged,
            "compared_with": self.compared_with,
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def _difference_json(self, answer: ChangeAnswer, name: str, found: Estimates) -> dict[str, Any]:
        relative = self.relative(answer, name, float(found.value[0]))
        return {
            "amount": _defined(found.value[0]),
            "interval": _ends(found.interval()),
            "relative": None if isinstance(relative, NotDefined) else _defined(relative),
        }


_ENDS = ("", "_low", "_high")
_NUMBERS: dict[str, Any] = {
    **{f"{name}{kind}{end}": pl.Float64 for name in FIGURES for kind in ("", "_change") for end in _ENDS},
    **{f"{name}_relative": pl.Float64 for name in FIGURES},
    "gain": pl.Int64,
    "lose": pl.Int64,
}


def _row(
    label: str,
    figures: Mapping[str, Estimates],
    apart: Mapping[str, Estimates],
    relative: Mapping[str, float | NotDefined],
    counts: tuple[int, int] | None,
) -> dict[str, Any]:
    row: dict[str, Any] = {"set": label}
    for name, found in figures.items():
        row |= {name: _defined(found.value[0]), f"{name}_low": _defined(found.low[0]), f"{name}_high": _defined(found.high[0])}
        change = apart.get(name)
        for end in ("value", "low", "high"):
            column = f"{name}_change" + ("" if end == "value" else f"_{end}")
            row[column] = None if change is None else _defined(getattr(change, end)[0])
        share = relative.get(name)
        row[f"{name}_relative"] = None if share is None or isinstance(share, NotDefined) else _defined(share)
    row["gain"], row["lose"] = counts or (None, None)
    return row


def _json(figures: Mapping[str, Estimates]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in figures.items():
        found[name], found[f"{name}_interval"] = _defined(one.value[0]), _ends(one.interval())
    return found


def _ends(interval: Interval) -> list[float] | None:
    return [interval.low, interval.high] if interval.is_known else None


def _defined(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
