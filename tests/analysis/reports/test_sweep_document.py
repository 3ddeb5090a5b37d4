"""The report of a sweep: only trials that were trained equally long are compared; ties, floors and losses are told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from auctionsim.analysis.documents.sections import Heading, Picture, Section, Table, Text
from auctionsim.analysis.reports.sweep.document import sweep_sections
from auctionsim.analysis.reports.sweep.ranking import going_on, ranks
from auctionsim.analysis.reports.sweep.view import SweepView

ZEROS = ("revenue", "baseline_profit", "baseline_revenue", "test_revenue", "test_baseline_profit", "test_baseline_revenue")


def view_of(*rungs: dict[int, float], missed: dict[int, float] | None = None, **more: Any) -> SweepView:
    """Return a sweep with the profits of each rung's trials by number, after 10, 20, ... iterations."""
    rows, missed = [], missed or {}
    for rung, profits in enumerate(rungs):
        missing = [missed.get(trial, 0.0) for trial in profits]
        rank = ranks(list(profits.values()), missing, is_max=True)
        wanted = len(rungs[rung + 1]) if rung + 1 < len(rungs) else len(profits)
        for trial, place, goes_on, short in zip(profits, rank, going_on(rank, wanted), missing, strict=True):
            row: dict[str, Any] = {
                "trial": trial,
                "rung": rung,
                "iterations": 10 * (rung + 1),
                "is_kept": goes_on,
                "rank": place,
            }
            row |= {"profit": profits[trial], "test_profit": profits[trial], "shortfall": short, **dict.fromkeys(ZEROS, 1.0)}
            rows.append(row | {"k": f"v{trial}", "command": f"auctionsim train {trial}"} | more.get("row", {}))
    arguments = {"metric": "profit", "meaning": "m", "is_max": True, "seeds": 1, "design": "Trials: some.", "has_floors": False}
    return SweepView(pl.DataFrame(rows), {"k": False}, **arguments | {k: v for k, v in more.items() if k != "row"})


def verdict(view: SweepView) -> str:
    first = sweep_sections(view)[0]
    assert isinstance(first, Text)
    return first.text


def tables(view: SweepView) -> dict[str, Table]:
    found: dict[str, Table] = {}
    sections: list[Section] = sweep_sections(view)
    for before, section in pairwise(sections):
        if isinstance(section, Table) and isinstance(before, Heading):
            found[before.text] = section
    return found


def test_the_best_has_the_best_figure_of_its_table_though_a_stopped_trial_had_a_better_one():
    view = view_of({0: 0.9, 1: 0.5, 2: 0.8, 3: 0.7}, {0: 0.4, 2: 0.3})
    assert verdict(view).startswith(
        "Best by profit: trial 0 with k = v0; profit 0.4 on training days after 20 iterations, the best of the 2 trials that"
    )
    found = tables(view)
    finished, stopped = found["Trials compared after 20 iterations"], found["Trials stopped early"]
    assert [row[0] for row in finished.rows] == ["0", "2", "baseline"]
    assert [(row[0], row[2], row[3], row[4]) for row in stopped.rows] == [("3", "10", "0.7", "0.8"), ("1", "10", "0.5", "0.8")]
    assert "the two are not compared" in stopped.note


def test_every_table_is_in_the_order_of_its_figures():
    view = view_of({0: 1.0, 1: 9.0, 2: 8.0, 3: 7.0, 4: 2.0}, {1: 5.0, 2: 6.0, 3: 7.0}, {3: 4.0})
    found = tables(view)
    assert [row[0] for row in found["Trials compared after 30 iterations"].rows[:-1]] == ["3"]
    assert [(row[0], row[2]) for row in found["Trials stopped early"].rows] == [
        ("2", "20"),
        ("1", "20"),
        ("4", "10"),
        ("0", "10"),
    ]
    assert "the only trial that got there, as the best of 3 after 20" in verdict(view)


def test_a_tie_names_all_that_tie_and_each_rank_says_so():
    view = view_of({0: 2.0, 1: 3.0, 2: 3.0})
    assert verdict(view).startswith("Trials 1 and 2 tie for the best by profit, with equal figures: profit 3 ")
    assert [row[1] for row in tables(view)["Trials compared after 10 iterations"].rows[:-1]] == ["1 (tie)", "1 (tie)", "3"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([1.0, 2.0, 3.0], "k = 3 is the largest that was tried; a larger one may be better."),
        ([3.0, 2.0, 1.0], "k = 1 is the smallest that was tried; a smaller one may be better."),
        ([1, 3, 2], None),
        ([1.0, 2.0, 2.0], None),
        (["a", "b", "c"], None),
    ],
)
def test_a_best_value_at_an_end_of_those_that_were_tried_is_told(settings: list[Any], said: str | None):
    view = view_of({0: 1.0, 1: 2.0, 2: 3.0})
    text = verdict(replace(view, results=view.results.with_columns(k=pl.Series(settings))))
    assert text.endswith(said) if said else "that was tried" not in text


def test_a_missed_floor_is_told_and_ranks_behind():
    view = view_of({0: 9.0, 1: 3.0}, missed={0: 0.013}, has_floors=True)
    assert verdict(view).startswith("Best by profit: trial 1 ")
    assert "keeps the platform's floors on every training day; trials that miss them rank behind" in verdict(view)
    assert [row[6] for row in tables(view)["Trials compared after 10 iterations"].rows[:-1]] == ["kept", "missed by 1.3 %"]
    nobody = view_of({0: 9.0, 1: 3.0}, missed={0: 0.013, 1: 0.2}, has_floors=True)
    assert "No trial that got there keeps the platform's floors" in verdict(nobody)


def test_a_baseline_that_loses_money_turns_nothing_around():
    view = view_of({0: -5.0, 1: 30.0}, row={"test_baseline_profit": -2.0})
    assert verdict(view).startswith("Best by profit: trial 1 ")
    rows = tables(view)["Trials compared after 10 iterations"].rows
    assert [row[-1] for row in rows[:-1]] == ["not defined", "not defined"]
    assert rows[-1][6] == "-2"


def test_names_are_text_and_no_formulas_in_the_figure():
    view = view_of({0: 1.0, 1: 2.0}, {1: 2.5}, row={"k": "$a_1$ $"})
    (figure,) = (section.figure for section in sweep_sections(view) if isinstance(section, Picture))
    (axes,) = figure.axes
    assert r"\$a_1\$ \$" in [text.get_text() for text in axes.texts]
    figure.canvas.draw()


def test_the_figure_has_a_line_per_trial_that_ends_where_it_was_stopped():
    view = view_of({0: 0.9, 1: 0.5, 2: 0.8}, {0: 0.4}, missed={1: 0.1})
    (figure,) = (section.figure for section in sweep_sections(view) if isinstance(section, Picture))
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["k", "profit\nafter 10", "profit\nafter 20"]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 3]
    assert [pl.Series(line.get_ydata()).is_nan().to_list()[2] for line in lines] == [True, True, False]
    assert [line.get_linestyle() for line in lines] == ["--", "-", "-"]
    assert lines[-1].get_linewidth() == 2
