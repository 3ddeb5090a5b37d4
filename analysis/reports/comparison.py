"""Compare runs on the same traffic: differences in currency and counts, paired by seed, and ratios to one common baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from auctionsim.analysis.documents.sections import Heading, Note, Section, Table, Text
from auctionsim.analysis.reports.comparable import difference_texts, scenario_differences, shared_seeds
from auctionsim.analysis.reports.fixed_traffic import differences_of, has_fixed_traffic
from auctionsim.analysis.reports.metrics import (
    AMOUNTS,
    amounts_of,
    floor_on_test_days,
    mean_advertiser_ratios,
    stored_amounts,
    unknown_amounts,
)
from auctionsim.analysis.reports.report import named_runs, write_sections
from auctionsim.analysis.reports.run_view import RunView
from auctionsim.analysis.reports.summary import amount, amount_interval, floor_json, summarize
from auctionsim.analysis.reports.tables import AMOUNT_LABELS, ARM_LABELS, MOST_ROWS
from auctionsim.analysis.statistics import INTERVALS, Comparison
from auctionsim.errors import InputError
from auctionsim.objectives.floor_days import FloorDays
from auctionsim.ratios import NotDefined, ratio_to_amount
from auctionsim.runs import Run

_ARMS = ("learned", "baseline")


@dataclass(frozen=True)
class Difference:
    """One run minus the first, on the seeds that both have."""

    name: str
    keys: dict[str, tuple[Any, Any]]
    """The keys whose values differ between the scenarios, with the first run's value and this one's."""
    amounts: dict[str, dict[str, Comparison]]
    """By arm (`learned`, `baseline`) and name of the amount, in currency and counts."""
    relative: dict[str, dict[str, float | NotDefined]]
    """The mean difference as a share of the first run's mean amount, by the same keys."""
    unknown: dict[str, NotDefined]
    """The amounts that the traffic of either run does not know, with the reason."""

    def sentence(self, first: str) -> str:
        """Return the differences of the learned policy in one line."""
        found = self.amounts["learned"]
        said = ", ".join(f"{_NAMES[name]} {self.text('learned', name)}" for name in AMOUNTS)
        seeds, over = found["revenue"].seeds, found["revenue"].difference.over
        if over == "days":
            paired = f"{seeds} paired test days of one log" if seeds > 1 else "1 shared test day, no interval"
        else:
            paired = f"{seeds} paired seeds" if seeds > 1 else "1 shared seed, no interval"
        return f"{self.name} minus {first}: {said} ({paired}, same test days)"

    def text(self, arm: str, name: str) -> str:
        """Return one difference as text, in currency or counts, with its share of the first run's amount."""
        if name in self.unknown:
            return str(self.unknown[name])
        share = self.relative[arm][name]
        relative = str(share) if isinstance(share, NotDefined) else f"{share:+.1%}"
        return f"{amount_interval(self.amounts[arm][name].difference, signed=True)} ({relative})"


_NAMES = {"revenue": "revenue", "gmv": "GMV", "profit": "total profit", "clicks": "clicks", "conversions": "conversions"}


@dataclass(frozen=True)
class RunComparison:
    """Runs side by side, the first of which is the one that the others are compared with."""

    named: dict[str, RunView]
    differences: tuple[Difference, ...]

    @property
    def first(self) -> str:
        """The name of the run that the others are compared with."""
        return next(iter(self.named))

    @property
    def lines(self) -> list[str]:
        """The differences as lines of text, each followed by those of the scenarios, key by key."""
        found = []
        for one in self.differences:
            keys = difference_texts(one.keys) or ["the scenarios do not differ"]
            found += [one.sentence(self.first), *(f"  {line}" for line in keys)]
        return [*found, *self.floor_lines]

    @property
    def floor_lines(self) -> list[str]:
        """Return how each run that has a revenue floor kept it on the test days, one line a run."""
        return [f"{name}: revenue floor held on {one}" for name, one in self._kept.items() if not isinstance(one, NotDefined)]

    @cached_property
    def _kept(self) -> dict[str, FloorDays | NotDefined]:
        return {name: floor_on_test_days(run) for name, run in self.named.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as the object that `--json` prints."""
        return {
            "baseline": str(self.named[self.first].path),
            "seeds": list(self.named[self.first].seeds),
            "floor": {str(run.path): floor_json(self._kept[name]) for name, run in self.named.items()},
            "differences": {
                str(self.named[one.name].path): {
                    **{name: _json(one, "learned", name) for name in AMOUNTS},
                    "of_baseline_arms": {name: _json(one, "baseline", name) for name in AMOUNTS},
                    "scenario": {key: list(values) for key, values in one.keys.items()},
                }
                for one in self.differences
            },
        }


def compare_runs(runs: Sequence[Run]) -> RunComparison:
    """Compare runs with the first of them, on the seeds that all have.

    Args:
        runs: Two or more evaluated runs on the same test traffic; mechanism, budgets, goals and learners may differ.

    Raises:
        InputError: There are fewer than two, one is given twice, or the traffic of one differs from the first run's.
    """
    if len(runs) < 2:
        raise InputError("compare: expected two or more run folders, got one")
    named = named_runs(runs)
    seeds = set(runs[0].seeds)
    for other in runs[1:]:
        seeds &= set(shared_seeds(runs[0], other))
    if not seeds:
        raise InputError(f"{runs[-1].path}: expected a seed that all runs have, got none")
    views = {name: RunView(run.path, tuple(sorted(seeds))) for name, run in named.items()}
    first, *others = views.values()
    return RunComparison(
        views, tuple(_difference(name, first, other) for name, other in zip(list(views)[1:], others, strict=True))
    )


def write_comparison(comparison: RunComparison, out: Path) -> Path:
    """Write the page of a comparison: differences, what the scenarios differ in, and the runs' report side by side.

    Args:
        comparison: The comparison.
        out: The folder to write index.html, report.md and figures to.

    Returns:
        The path of index.html.
    """
    named, first = comparison.named, comparison.first
    summaries = [summarize(run, name, against=named[first]) for name, run in named.items()]
    sections: list[Section] = [Text(one.sentence(first)) for one in comparison.differences]
    sections += [
        Heading(f"Differences to {first}"),
        _table(comparison),
        *_advertisers(comparison),
        Heading("What differs in the scenarios"),
    ]
    for one in comparison.differences:
        keys = difference_texts(one.keys) or ["nothing"]
        sections.append(Table([f"{first} -> {one.name}"], [[key] for key in keys]))
    sections.append(
        Note(
            f"Every ratio below refers to one baseline, that of {first}, and to its bound G*; advertisers are matched by name."
        )
    )
    return write_sections(dict(named), summaries, sections, out, base=f"the baseline of {first}")


def _difference(name: str, first: RunView, other: RunView) -> Difference:
    amounts: dict[str, dict[str, Comparison]] = {}
    relative: dict[str, dict[str, float | NotDefined]] = {}
    for arm in _ARMS:
        one = amounts_of(first, arm)
        amounts[arm] = differences_of(first, other, partial(stored_amounts, arm=arm))
        relative[arm] = {}
        for key, found in amounts[arm].items():
            base, turnover = float(one[key].to_numpy().mean()), float((one["gmv"] + one["revenue"]).to_numpy().mean())
            scale = turnover if key == "profit" else base
            relative[arm][key] = ratio_to_amount(found.difference.mean, base, scale, first.path.resolve().name)
    unknown = {**unknown_amounts(first), **unknown_amounts(other)}
    return Difference(name, scenario_differences(first.scenario(), other.scenario()), amounts, relative, unknown)


def _table(comparison: RunComparison) -> Table:
    rows = [
        [f"{AMOUNT_LABELS[name]}, {ARM_LABELS[arm]}", *(one.text(arm, name) for one in comparison.differences)]
        for arm in _ARMS
        for name in AMOUNTS
    ]
    n = len(comparison.named[comparison.first].seeds)
    over = f"Means over {n} paired seeds with {INTERVALS}" if n > 1 else "One shared seed: no interval is claimed"
    days = comparison.differences[0].amounts["learned"]["revenue"].seeds
    if has_fixed_traffic(comparison.named[comparison.first].scenario()):
        seeds = f"Means over {n} seed{'s' if n > 1 else ''}"
        over = f"{seeds} with {INTERVALS} over {days} paired test days, which all seeds share"
        if days == 1:
            over = f"{seeds}; one test day, which all seeds share: no interval is claimed"
    note = (
        f"{over}, in currency and counts, all test days together; in brackets the share of the amount of {comparison.first}. "
        "All runs met the same auctions."
    )
    return Table([f"minus {comparison.first}", *(one.name for one in comparison.differences)], rows, note)


def _advertisers(comparison: RunComparison) -> list[Table]:
    """Return each advertiser's profit minus that in the first run, matched by name; nothing if there are many advertisers."""
    tables = {name: mean_advertiser_ratios(run) for name, run in comparison.named.items()}
    first = dict(tables[comparison.first].select("advertiser", "learned").iter_rows())
    if len(first) > MOST_ROWS or any(one.unknown for one in comparison.differences):
        return []
    own = {one.name: dict(tables[one.name].select("advertiser", "learned").iter_rows()) for one in comparison.differences}
    rows = [
        [one, *(f"{amount(of[one] - profit, signed=True)} (from {amount(profit)} to {amount(of[one])})" for of in own.values())]
        for one, profit in first.items()
    ]
    title = f"profit of learned bids minus {comparison.first}, currency"
    return [Table([title, *own], rows, "Means over seeds, all test days together.")]


def _json(one: Difference, arm: str, name: str) -> dict[str, Any]:
    found, share = one.amounts[arm][name], one.relative[arm][name]
    if name in one.unknown:
        ends = dict.fromkeys(("mean", "low", "high", "above", "p_value", "relative"))
        return {**ends, found.difference.over: found.seeds, "reason": str(one.unknown[name])}
    value = {**found.difference.as_dict(), found.difference.over: found.seeds, "above": found.better, "p_value": found.p_value}
    if found.seeds == 1:
        value["p_value"] = None
    if isinstance(share, NotDefined):
        return {**value, "relative": None, "reason": str(share)}
    return {**value, "relative": share}
