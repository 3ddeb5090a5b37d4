"""Write the report on one or several runs: summaries, amounts, figures, tables, and what was measured and what was assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from auctionsim.analysis.documents.sections import Heading, Note, Section, Text, write_document
from auctionsim.analysis.reports.accounts.section import account_sections
from auctionsim.analysis.reports.figures import report_figures
from auctionsim.analysis.reports.metrics import amounts_of, mean_advertiser_ratios
from auctionsim.analysis.reports.opening.card import scenario_card
from auctionsim.analysis.reports.opening.conclusion import conclusion
from auctionsim.analysis.reports.regret.section import regret_sections
from auctionsim.analysis.reports.run_collusion import collusion_sentence
from auctionsim.analysis.reports.run_view import read_once
from auctionsim.analysis.reports.summary import Summary, summarize
from auctionsim.analysis.reports.tables import (
    advertisers_tables,
    collusion_sections,
    constraint_sections,
    measures_table,
    score_sections,
    totals_table,
    validation_sections,
)
from auctionsim.analysis.reports.views.advertisers import measures_of_advertisers
from auctionsim.analysis.reports.views.hours import hours_sections
from auctionsim.analysis.reports.views.queries import query_sections
from auctionsim.errors import InputError
from auctionsim.names.lettering import are_drawable
from auctionsim.runs import Run

_PROVENANCE_LABELS = {"supposed": "Assumed"}
"""Labels of notes whose key in provenance.json is not the word itself: run folders of earlier versions."""


def write_report(runs: Sequence[Run], out: Path) -> Path:
    """Write `out`/index.html, its figures as SVG and PNG beside it, and the same text as `out`/report.md.

    Args:
        runs: Evaluated runs, shown side by side in this order; advertisers are matched by name.
        out: The folder to write the report to.

    Returns:
        The path of index.html.

    Raises:
        InputError: A run has no evaluation, or a run is given twice.
    """
    return write_sections(*_begun(runs), out)


def expect_reportable(runs: Sequence[Run]) -> None:
    """Make a report and write nothing, so that what it would refuse is refused before work that ends in one.

    Raises:
        InputError: The report would be refused, as by `write_report`.
    """
    _sections(*_begun(runs), "the baseline")


def _begun(runs: Sequence[Run]) -> tuple[dict[str, Run], list[Summary], list[Section]]:
    """Return the runs by name, their summaries, and the sections that their report begins with."""
    named = named_runs(runs)
    summaries = [summarize(run, name) for name, run in named.items()]
    sections: list[Section] = [conclusion(run, own) for run, own in zip(named.values(), summaries, strict=True)]
    sections += [Text(f"{name}: warning: {line}.") for name, run in named.items() for line in run.warnings]
    sections += [Heading("The runs in figures"), *(Text(summary.sentence) for summary in summaries)]
    sections += [Text(line) for name, run in named.items() if (line := collusion_sentence(run, name))]
    return named, summaries, sections


def named_runs(runs: Sequence[Run]) -> dict[str, Run]:
    """Return the runs by the names of their folders, or by their paths if two folders have the same name.

    Each reads a table once.

    Raises:
        InputError: A run is given twice.
    """
    names = [run.path.resolve().name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.path) for run in runs]
    if len({run.path.resolve() for run in runs}) < len(runs):
        raise InputError(f"{names[-1]}: expected each run once, got it twice")
    return dict(zip(names, map(read_once, runs), strict=True))


def write_sections(
    named: dict[str, Run], summaries: Sequence[Summary], first: Sequence[Section], out: Path, *, base: str = "the baseline"
) -> Path:
    """Write a page that begins with some sections and goes on with the runs' amounts, figures and tables.

    Args:
        named: The runs by name.
        summaries: Their summaries, in the same order.
        first: The sections that the page begins with.
        out: The folder to write to.
        base: The name of the baseline that ratios refer to.

    Returns:
        The path of index.html.
    """
    names = _names(named)
    titles = list(dict.fromkeys(run.scenario().name for run in named.values()))
    commands = list(dict.fromkeys(str(run.manifest()["command"]) for run in named.values()))
    title = f"auctionsim: {' · '.join(titles)}"
    names |= {*titles, *(str(run.path) for run in named.values())}
    sections = _sections(named, summaries, first, base)
    return write_document(title, commands, sections, out, page_in="", text="report.md", names=names)


def _names(named: Mapping[str, Run]) -> set[str]:
    """Return the names of runs, advertisers, groups, accounts and queries, which come from outside."""
    found = set(named)
    for run in named.values():
        table = mean_advertiser_ratios(run)
        found |= {text for column in ("advertiser", "group") for text in table[column]}
        for name, column in (("queries", "query"), ("accounts", "account")):
            stored = run.optional_table(name)
            found |= set() if stored is None else set(stored[column])
    return found


def _sections(named: dict[str, Run], summaries: Sequence[Summary], first: Sequence[Section], base: str) -> list[Section]:
    """Return all sections of a page, as `write_sections` writes them."""
    sections: list[Section] = [*first, Heading("Scenario"), scenario_card(named)]
    sections += [Heading("Amounts"), totals_table(summaries)]
    sections += [Heading("Figures"), *report_figures(named, summaries, base)]
    sections += [Heading("Measures"), measures_table(summaries, base)]
    if base == "the baseline" and not _have_one_baseline(named):
        sections.append(Note(_OWN_BASELINES))
    sections += [*validation_sections(named), *collusion_sections(named)]
    sections += regret_sections(named, {own.name: own.unknown["profit"] for own in summaries if own.unknown})
    sections += [*constraint_sections(named), *score_sections(summaries)]
    sections += [Heading("Advertisers"), measures_of_advertisers(named), *advertisers_tables(named)]
    sections += account_sections(named)
    sections += [Heading("Hours"), *hours_sections(named), *query_sections(named)]
    if not are_drawable(sorted(_names(named))):
        sections.append(Note(_ESCAPES))
    return [*sections, Heading("What was measured and what was assumed"), *(Note(line) for line in _provenance(named))]


_OWN_BASELINES = (
    "Each run's ratios refer to its own baseline, and the runs' baselines differ: ratios of different runs cannot be compared. "
    "On the same traffic, `auctionsim compare` shows differences in currency and ratios to one common baseline."
)
_ESCAPES = (
    "No installed font can draw some letters of the names: figures show them as escapes such as \\u9884, tables show the names "
    "in full."
)


def _have_one_baseline(named: dict[str, Run]) -> bool:
    tables = [amounts_of(run, "baseline") for run in named.values()]
    seeds = tables[0]["seed"].to_list()
    return all(
        own["seed"].to_list() == seeds
        and np.allclose(own.drop("seed").to_numpy(), tables[0].drop("seed").to_numpy(), rtol=1e-9)
        for own in tables
    )


def _provenance(named: dict[str, Run]) -> list[str]:
    """Return the notes on the traffic's origin, one line each, without repetitions."""
    lines = [
        f"{_PROVENANCE_LABELS.get(key, key.capitalize())}: {text}"
        for run in named.values()
        for key, text in run.provenance().items()
    ]
    return list(dict.fromkeys(lines))
