"""The study of what bidders know: a unit is pure, more feedback is used, and its document judges every claim."""

from __future__ import annotations

import polars as pl
import pytest

from auctionsim.jobs.studies import information
from auctionsim.jobs.studies.base import CURVES_SCHEMA, RESULTS_SCHEMA, Options, Unit, find_study

QUICK = Options((0,), quick=True)


def found(scenario: str, arm: str) -> dict[str, float]:
    results = find_study("information").run(Unit(scenario, arm, 0), QUICK).results
    return {metric: value for _, metric, value in results}


def test_a_unit_is_pure_and_bidders_use_what_they_know():
    own, least = (found(information.FIRST, arm) for arm in (information.OWN, information.LEAST))
    assert found(information.FIRST, information.OWN) == own
    assert own != least
    assert 0.05 <= own["level"] <= 1.0


def test_late_reports_cost_no_more_than_the_budgets():
    shares = [found(information.LATE, arm)["spent"] for arm in information.DELAYS]
    assert all(0.2 < share <= 1.0 for share in shares)
    assert len(set(shares)) == len(shares)


@pytest.mark.parametrize(("low", "high", "word"), [(0.1, 0.3, "holds"), (-0.3, -0.1, "does not hold"), (-0.1, 0.1, "unclear")])
def test_a_claim_is_judged_by_its_interval(low: float, high: float, word: str):
    assert information._judged(low, high) == word
    assert information._judged(high, low) == word


def test_the_document_counts_every_arm_and_says_what_holds():
    rows = [
        ("information", name, arm, seed, "test", metric, 1.0 - 0.1 * k + 0.001 * seed)
        for name, arms in {**information.LEARNING, information.LATE: tuple(information.DELAYS)}.items()
        for k, arm in enumerate(arms)
        for seed in range(3)
        for metric in (*information.METRICS, "spent")
    ]
    # One arm's differences vary, so that the interval has a width.
    rows[0] = (*rows[0][:-1], 1.0001)
    study = find_study("information")
    sections = study.sections(pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row"), pl.DataFrame(schema=CURVES_SCHEMA))
    names = {row[0] for section in sections for row in getattr(section, "rows", ())}
    assert names == {row[2] for row in rows}
    said = sections[0].text
    assert said.startswith("First price.")
    assert "revenue lower: holds" in said
    assert "welfare higher: does not hold" in said
    assert {(unit.scenario, unit.arm) for unit in study.units(QUICK)} == {(row[1], row[2]) for row in rows}
