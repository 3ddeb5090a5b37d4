"""The studies of agencies and adoption: arms are what they say, a unit is pure, and the document counts what was measured."""

from __future__ import annotations

import polars as pl
import pytest

from auctionsim.jobs.studies.adoption import study as adoption
from auctionsim.jobs.studies.agency import study as agency
from auctionsim.jobs.studies.base import CURVES_SCHEMA, RESULTS_SCHEMA, Options, Unit, find_study

QUICK = Options((0,), quick=True)


def found(study: str, scenario: str, arm: str) -> dict[str, float]:
    results = find_study(study).run(Unit(scenario, arm, 0), QUICK).results
    return {metric: value for _, metric, value in results}


def test_in_theory_vcg_brings_more_and_a_hidden_agency_as_much():
    vcg, hidden, free = (found("agency", agency.DRAWN, agency.arm_of(rule, 2)) for rule in ("vcg", "gsp-constrained", "gsp"))
    assert free["revenue"] < vcg["revenue"] < 1.0
    assert hidden["revenue"] == pytest.approx(vcg["revenue"], rel=1e-9)
    assert free["worse"] > 0.5
    assert vcg["worse"] == 0.0


def test_members_who_withhold_bids_cost_revenue_and_welfare_and_none_costs_nothing():
    plain, two, four = (found("agency", agency.WITHHELD, agency.arm_of("vcg", size)) for size in (0, 2, 4))
    assert list(plain.values()) == pytest.approx([1.0] * len(plain))
    assert 1.0 > two["revenue"] > four["revenue"]
    assert 1.0 > two["welfare"] > four["welfare"]


def test_nobody_adopting_changes_nothing_and_a_unit_is_pure():
    for name in adoption.SCENARIOS:
        none = found("adoption", name, "0 %")
        assert set(none) == {"revenue", "price", "welfare", "outsiders"}
        assert set(none.values()) == {1.0}
    half = found("adoption", "learned, first", "50 %")
    assert half == found("adoption", "learned, first", "50 %")
    assert half["revenue"] != 1.0
    assert "outsiders" not in found("adoption", "pid, first", "100 %")


@pytest.mark.parametrize(("name", "module"), [("agency", agency), ("adoption", adoption)])
def test_the_document_names_every_arm_that_was_measured(name: str, module):
    study = find_study(name)
    metrics = {**module.METRICS, **getattr(module, "THEORY_METRICS", {})}
    units = study.units(Options((0, 1, 2)))
    rows = [
        (name, one.scenario, one.arm, one.seed, "test", metric, 0.75 + 0.1 * one.seed) for one in units for metric in metrics
    ]
    results = pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row")
    sections = study.sections(results, pl.DataFrame(schema=CURVES_SCHEMA))
    named = {row[0] for section in sections for row in getattr(section, "rows", ())}
    assert {one.arm for one in units} <= named
    assert "0.85" in " ".join(getattr(section, "text", "") for section in sections) or "-0.15" in sections[0].text


def test_without_budgets_nothing_is_more_efficient_than_truth():
    half = found("adoption", f"{adoption.TRUTHFUL}, gsp", "50 %")
    assert half["welfare"] < 1.0
    assert half["price"] < 1.0


def test_the_document_says_whether_the_published_figure_is_met():
    def said(value: float) -> str:
        rows = [("adoption", name, "50 %", seed, "test", metric, value + 0.001 * seed)
                for name in adoption.SCENARIOS for seed in range(3) for metric in adoption.METRICS]  # fmt: skip
        return adoption.verdict(pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row"))[0]

    assert "meets the published -0.23 to -0.15" in said(0.8)
    assert "another size" in said(0.95)
    assert "another size" in said(0.5)
    assert "the other sign" in said(1.1)
    assert "no change told from chance" in said(0.999)
