"""The study of wrong predictions: ranking by the truth is the measure, a unit is pure, and its document counts every arm."""

from __future__ import annotations

import polars as pl
import pytest

from auctionsim.jobs.studies import predictions
from auctionsim.jobs.studies.base import CURVES_SCHEMA, RESULTS_SCHEMA, Options, Unit, find_study

QUICK = Options((0,), quick=True)


def found(scenario: str, arm: str) -> dict[str, float]:
    results = find_study("predictions").run(Unit(scenario, arm, 0), QUICK).results
    return {metric: value for _, metric, value in results}


def test_the_truth_is_one_and_a_bias_of_all_moves_no_winner():
    truth = found(predictions.BIAS, predictions.TRUTH)
    assert [truth[name] for name in ("revenue", "welfare", "profit", "ratio")] == pytest.approx([1.0] * 4)
    assert truth["error"] == 0.0
    raw = found(predictions.BIAS, predictions.RAW)
    assert raw["welfare"] == pytest.approx(1.0, abs=1e-3)
    assert raw["ratio"] == pytest.approx(1.4918, abs=0.01)
    assert found(predictions.BIAS, predictions.RAW) == raw


def test_the_overpredicted_gain_and_the_underpredicted_pay():
    raw = found(predictions.ADVERTISERS, predictions.RAW)
    assert raw["over"] > raw["under"]
    assert raw["error"] > 0.1


def test_the_document_counts_every_arm():
    rows = [
        ("predictions", name, arm, seed, "test", metric, 1.0 + 0.1 * seed)
        for name in predictions.ERRORS
        for arm in predictions.ARMS
        for seed in range(2)
        for metric in predictions.METRICS
    ]
    study = find_study("predictions")
    sections = study.sections(pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row"), pl.DataFrame(schema=CURVES_SCHEMA))
    names = [row[0] for section in sections for row in getattr(section, "rows", ())]
    assert set(names) == set(predictions.ARMS)
    assert all(name in section.text for name, section in zip(predictions.ERRORS, sections, strict=False))
    assert {(unit.scenario, unit.arm) for unit in study.units(QUICK)} == {(row[1], row[2]) for row in rows}
