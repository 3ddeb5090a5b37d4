"""The study of delayed conversions: the oracle is the measure, a unit is pure, and its document counts every arm."""

from __future__ import annotations

import polars as pl
import pytest

from auctionsim.jobs.studies import delayed_conversions as study
from auctionsim.jobs.studies.base import CURVES_SCHEMA, RESULTS_SCHEMA, Options, Unit, find_study

QUICK = Options((0,), quick=True)


def found(scenario: str, arm: str) -> dict[str, float]:
    results = find_study("delayed-conversions").run(Unit(scenario, arm, 0), QUICK).results
    return {metric: value for _, metric, value in results}


def test_the_oracle_is_one_and_who_counts_what_has_arrived_buys_less():
    oracle, naive = found("mean delay 48 h", study.ORACLE), found("mean delay 48 h", study.NAIVE)
    assert [oracle[f"{kind} value"] for kind in study.KINDS] == [1.0] * 3
    assert naive["target-cpa value"] < 1.0
    assert naive["target-cpa error"] < oracle["target-cpa error"]
    assert 0.0 < naive["arrived"] < 0.4
    assert found("mean delay 48 h", study.NAIVE) == naive


@pytest.mark.long
def test_learners_are_measured_by_what_comes_in_the_end():
    oracle, naive = found(study.LEARNERS, study.ORACLE), found(study.LEARNERS, study.NAIVE)
    assert (oracle["profit"], oracle["revenue"]) == (1.0, 1.0)
    assert naive["revenue"] != 1.0


def test_the_document_counts_every_arm():
    own = find_study("delayed-conversions")
    rows = [
        ("delayed-conversions", unit.scenario, unit.arm, seed, "test", metric, 1.0 + 0.1 * seed)
        for unit in own.units(QUICK)
        for seed in range(2)
        for metric in (study.LEARNERS_METRICS if unit.scenario == study.LEARNERS else study.METRICS)
    ]
    sections = own.sections(pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row"), pl.DataFrame(schema=CURVES_SCHEMA))
    names = [row[0] for section in sections for row in getattr(section, "rows", ())]
    assert set(names) == set(study.ARMS)
    assert all(name in section.text for name, section in zip(study.DELAYS, sections, strict=False))
