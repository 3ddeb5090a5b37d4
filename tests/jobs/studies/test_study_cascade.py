"""The study of cascades: its arms are what they say, a unit is pure, and its document counts what was measured."""

from __future__ import annotations

import polars as pl
import pytest

from auctionsim.jobs.studies import cascade
from auctionsim.jobs.studies.base import CURVES_SCHEMA, RESULTS_SCHEMA, Options, Unit, find_study

QUICK = Options((0,), quick=True)


def found(scenario: str, arm: str) -> dict[str, float]:
    results = find_study("cascade").run(Unit(scenario, arm, 0), QUICK).results
    return {metric: value for _, metric, value in results}


def test_slots_and_one_more_by_an_exact_score_lose_nothing_and_noise_does():
    exact, noisy = found(cascade.STATIC, cascade.arm_of(4, 0.0)), found(cascade.STATIC, cascade.arm_of(4, 1.0))
    assert exact["revenue"] == pytest.approx(1.0, abs=1e-9)
    assert exact["welfare"] == pytest.approx(1.0, abs=1e-12)
    assert exact["kept winners"] == 1.0
    assert exact["better off"] == 0.0
    assert noisy["revenue"] < 0.9
    assert noisy["welfare"] < 1.0
    assert noisy["kept winners"] < 0.9
    assert found(cascade.STATIC, cascade.arm_of(4, 1.0)) == noisy
    assert found(cascade.STATIC, cascade.arm_of(2, 0.0))["kept winners"] == pytest.approx(2 / 3)


def test_the_document_names_every_arm_that_was_measured():
    rows = [
        ("cascade", name, arm, seed, "test", metric, 1.0 + 0.1 * seed)
        for name, arms in cascade.ARMS.items()
        for arm in arms
        for seed in range(2)
        for metric in {**cascade.METRICS, **cascade.REPLY_METRICS}
    ]
    study = find_study("cascade")
    results = pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row")
    sections = study.sections(results, pl.DataFrame(schema=CURVES_SCHEMA))
    names = [row[0] for section in sections for row in getattr(section, "rows", ())]
    assert set(names) == {arm for arms in cascade.ARMS.values() for arm in arms}
    assert "1.05" in sections[0].text
    assert {(unit.scenario, unit.arm) for unit in study.units(QUICK)} == {(row[1], row[2]) for row in rows}
