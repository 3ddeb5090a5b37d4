"""Hold and show what a simulated experiment found: every design beside the truth, as text, a table and a page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auctionsim.analysis.experiments.arms import METRICS
from auctionsim.analysis.experiments.performance import Array, MetricPerformance, Performance
from auctionsim.names.display import cut, html_frame, ranges
from auctionsim.ratios import safe_ratio

if TYPE_CHECKING:
    import polars as pl

    from auctionsim.analysis.documents.sections import Section

NEGLIGIBLE = 0.1
"""Share of a standard error below which a bias hardly moves an interval's coverage (Cochran, Sampling Techniques, 1977)."""
RESULTS = "results.csv"
"""File with the table of an experiment, which tells its folder."""
_UNDEFINED = "not defined"
_HEAD = ("design", "estimate", "bias", "standard error", "stated", "coverage", "A/A false alarms")


@dataclass(frozen=True, eq=False)
class Experiment:
    """What `auctionsim.experiment` found: how every design performs in A/A and A/B tests of a change."""

    name: str
    """The scenario or table in words."""
    changes: tuple[str, ...]
    """The change, as `KEY=VALUE` items; none for A/A tests alone."""
    days: tuple[int, ...]
    replicates: int
    seed: int
    """Seed of the assignments."""
    performances: tuple[Performance, ...]
    """One for each design and kind of test, A/A first."""
    undefined: dict[str, str]
    """The designs that are not defined for this change, with the reasons."""
    everywhere: tuple[Array, Array] | None = None
    """Metrics with everybody in control and in treatment, `[days, metrics]` each, for the truth where no design is defined."""
    figures: str = ""
    """Origin of the figures of synthetic traffic, measured or assumed; empty for a table."""
    unknown: dict[str, str] = field(default_factory=dict)
    """Metrics that the traffic does not know, with the reasons: conversions, welfare and profit of a log of clicks."""
    warnings: tuple[str, ...] = ()
    """Lines on what makes figures meaningless: a reserve that no bid reaches."""

    def __repr__(self) -> str:
        tests = f"{len(self.performances)} tests x {self.replicates} assignments"
        return cut(f"Experiment({self.name!r}, {self.change}: days {ranges(self.days)}, {tests})")

    def _repr_html_(self) -> str:
        """Return the experiment's figures for a notebook."""
        return html_frame(repr(self), self.to_frame())

    @property
    def change(self) -> str:
        """Return the change in words."""
        return ", ".join(self.changes) or "no change (A/A)"

    def tests(self, metric: str) -> Iterator[tuple[Performance, MetricPerformance]]:
        """Yield every test with its performance on one metric."""
        for one in self.performances:
            yield one, one.of(metric)

    def to_frame(self) -> pl.DataFrame:
        """Return a row for every design, kind of test and metric; what is not defined is null."""
        import polars as pl

        rows = [
            {
                "design": one.design.name,
                "test": "A/A" if one.is_aa else "A/B",
                **(_without_figures(found) if metric in self.unknown else found.as_dict()),
            }
            for one in self.performances
            for metric in METRICS
            for found in (one.of(metric),)
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {
            "name": self.name,
            "changes": list(self.changes),
            "days": list(self.days),
            "replicates": self.replicates,
            "seed": self.seed,
            "tests": self.to_frame().to_dicts(),
            "not_defined": {**self.undefined, **self.unknown},
            "warnings": list(self.warnings),
        }

    def lines(self, metric: str = "revenue") -> list[str]:
        """Return the verdict and a table of one metric as lines of text."""
        if metric in self.unknown:
            return [self.truth(metric)]
        rows = [_HEAD, *self._rows(metric)]
        widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return [self.truth(metric), *(f"{text}." for text in self.verdicts(metric)), "", *table]

    def truth(self, metric: str = "revenue") -> str:
        """Say what the change does when everybody gets it."""
        if metric in self.unknown:
            return f"{metric}: not defined: {self.unknown[metric]}"
        control, treatment = self._levels(metric)
        if math.isnan(control):
            return f"{metric}: not defined: no design is defined"
        if not self.changes:
            return f"{metric}: {control:.6g} a day; no change, so that every effect is 0"
        effect = treatment - control
        level = "0" if control == 0 else "below 0"
        relative = f"{effect / control:+.1%}" if control > 0 else f"relative effect not defined: {metric} is {level}"
        return (
            f"{metric}: {control:.6g} a day without the change, {treatment:.6g} with it everywhere: {effect:+.4g} ({relative})"
        )

    def _levels(self, metric: str) -> tuple[float, float]:
        """Return a metric a day with everybody in control and in treatment; NaN where nothing tells it."""
        for test, found in self.tests(metric):
            if not test.is_aa or not self.changes:
                return found.control, found.control + found.truth
        if self.everywhere is None:
            return math.nan, math.nan
        k = METRICS.index(metric)
        control, treatment = (float(one[:, k].mean()) for one in self.everywhere)
        return control, treatment

    def verdicts(self, metric: str = "revenue") -> list[str]:
        """Say for each design in one sentence whether its estimate can be believed; nothing of a metric that is not known."""
        if metric in self.unknown:
            return []
        same = {test.design.name: found for test, found in self.tests(metric) if test.is_aa}
        said = [
            _verdict(test.design.name, found, same.get(test.design.name))
            for test, found in self.tests(metric)
            if not test.is_aa
        ]
        return [*said, *(f"{name}: not defined: {reason}" for name, reason in self.undefined.items())]

    def _rows(self, metric: str) -> Iterator[tuple[str, ...]]:
        """Yield a row for each design: its A/B test, or its A/A test where there is no change."""
        alarms = {one.design.name: found for one, found in self.tests(metric) if one.is_aa}
        for test, found in self.tests(metric):
            if test.is_aa and self.changes:
                continue
            name = test.design.name
            bias = found.bias
            known = f"{bias.mean:+.3g} [{bias.low:+.3g}, {bias.high:+.3g}]" if bias.is_known else _UNDEFINED
            error = f"{found.standard_error:.3g}" if math.isfinite(found.standard_error) else _UNDEFINED
            alarm = _share(alarms[name].finds_effect, alarms[name]) if name in alarms else "not measured"
            yield (
                name, f"{found.estimate:+.4g}", known, error, f"{found.stated_error:.3g}",
                _share(found.coverage, found), alarm,
            )  # fmt: skip

    def sections(self) -> list[Section]:
        """Return the page: the verdict, how each design works, and a table for each metric."""
        from auctionsim.analysis.documents.sections import Heading, Note, Table, Text, warning_sections

        parts: list[Section] = warning_sections(self.warnings)
        parts += [Text(f"{text}.") for text in (self.truth(), *self.verdicts())]
        for metric in METRICS:
            parts += [Heading(metric.capitalize()), Text(self.truth(metric))]
            parts += [] if metric in self.unknown else [Table(_HEAD, list(self._rows(metric)))]
        designs = {one.design.name: one.design.words for one in self.performances}
        parts += [
            Heading("The designs"),
            Table(["design", "assigned"], [[name, words] for name, words in designs.items()]),
            Note(
                f"{self.name}; change: {self.change}; days {ranges(self.days)}; {self.replicates} random assignments with the "
                f"seed {self.seed}. Amounts are a day's. Bias: mean of estimate minus truth, with its 95 % t interval over "
                "assignments. Standard error: spread of the estimates; stated: what the experiments state. Coverage: "
                "share of experiments whose 95 % interval holds the truth. False alarms: share of A/A tests whose interval "
                "excludes 0."
            ),
        ]
        return [*parts, Note(f"Figures of the traffic: {self.figures}")] if self.figures else parts

    def write(self, out: Path, command: str) -> Path:
        """Write results.csv, table.md and index.html into a folder, and return the page's path.

        Raises:
            InputError: The folder holds files that no experiment wrote, or is a file.
        """
        from auctionsim.analysis.documents.sections import write_document
        from auctionsim.analysis.whatif.files import expect_answer_folder
        from auctionsim.files import write_then_rename

        expect_answer_folder(out, RESULTS)
        out.mkdir(parents=True, exist_ok=True)
        write_then_rename(out / RESULTS, self.to_frame().write_csv)
        title = f"Experiments on {self.name}"
        return write_document(title, [command], self.sections(), out, page_in="", names=(self.name, *self.changes))


def _without_figures(found: MetricPerformance) -> dict[str, float | str | None]:
    """Return the figures of a metric that the traffic does not know: none but the number of experiments."""
    return {name: value if name in ("metric", "replicates") else None for name, value in found.as_dict().items()}


def _share(share: float, found: MetricPerformance) -> str:
    """Return a share of experiments as a cell; one experiment has none."""
    return f"{share:.0%}" if found.bias.is_known else _UNDEFINED


def _verdict(design: str, found: MetricPerformance, same: MetricPerformance | None) -> str:
    """Say whether a design's estimates can be believed, given its A/B test and its A/A test."""
    estimates, n = f"estimates {found.estimate:+.4g} on average", found.replicates
    if found.is_empty:
        return f"{design}: nothing can be told: every estimate is 0, and so is the effect"
    if not found.bias.is_known:
        return f"{design}: estimates {found.estimate:+.4g}; bias, coverage and false alarms not defined: one experiment"
    held = f"hold the truth in {found.coverage:.0%} of {n} experiments"
    has_alarms = same is not None and same.has_false_alarms
    alarms = f"an A/A test finds an effect in {same.finds_effect:.0%}" if same is not None else ""
    is_small = abs(found.bias.mean) <= NEGLIGIBLE * found.standard_error
    if found.is_biased and not is_small:
        size = safe_ratio(abs(found.bias.mean), abs(found.truth))
        share = f", {size:.0%} of the true effect" if math.isfinite(size) else ""
        raised = f", and {alarms}" if has_alarms else ""
        return f"{design}: biased by {found.bias.mean:+.3g}{share}: {estimates}; its 95 % intervals {held}{raised}"
    spread = f"{estimates}, +- {found.standard_error:.3g}"
    if found.is_too_narrow or has_alarms:
        measured = f", and {alarms}" if alarms else ""
        where = "" if found.is_too_narrow else " in A/A tests"
        fault = f"its 95 % intervals are too narrow{where}: they {held}{measured}"
        return f"{design}: not to be believed: no bias seen, but {fault}; {spread}"
    seen = f", and find an effect in {found.finds_effect:.0%}" if same is not None else ""
    return f"{design}: no bias seen: {spread}; its 95 % intervals {held}{seen}"
