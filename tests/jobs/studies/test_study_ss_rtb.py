"""The SS-RTB study: the meaning of its measures, and a document that follows from its figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.analysis.documents.sections import Table, Text, write_document
from auctionsim.jobs.studies.base import CURVES_SCHEMA, RESULTS_SCHEMA, Options, Unit, find_study
from auctionsim.jobs.studies.ss_rtb.arms import DAYS, MANY, TEN, m_rmdp
from auctionsim.jobs.studies.ss_rtb.eta import FEATURES, LEVELS, eta, metric
from auctionsim.streams import stream

QUICK = Options((0, 1), quick=True)


def test_eta_is_none_between_equal_days_and_the_spread_of_independent_ones():
    day = np.linspace(1, 5, 24)
    assert eta(np.tile(day, (6, 1))) == pytest.approx(0)
    assert eta(2 * np.tile(day, (6, 1)) * np.linspace(0.8, 1.2, 6)[:, None]) < 0.02  # known from the step before
    noise = 1 + 0.1 * stream(0, "eta").standard_normal((400, 24))
    assert eta(day * noise) == pytest.approx(0.1, rel=0.03)
    with pytest.raises(ValueError, match=">= 4 days"):
        eta(np.ones((3, 24)))


def test_days_are_more_similar_the_longer_the_step():
    found = {name: value for _, name, value in find_study("ss-rtb").run(Unit(DAYS, "eta", 0), QUICK).results}
    for feature in FEATURES:
        levels = [found[metric(level, feature)] for level in LEVELS]
        assert levels == sorted(levels, reverse=True)
        assert levels[0] > 3 * levels[-1] > 0


def test_a_unit_measures_both_days_with_expected_and_realised_purchases():
    study = find_study("ss-rtb")
    found = study.run(Unit(MANY, m_rmdp(0.5), 0), QUICK)
    values = {(split, name): value for split, name, value in found.results}
    for split in ("train", "test"):
        for suffix in ("", "_realised"):
            assert abs(values[split, f"cost_ratio{suffix}, pooled cost"] - 1) == pytest.approx(
                values[split, f"cost_error{suffix}, pooled cost"], abs=1e-6
            )
            assert -1 < values[split, f"gain_all{suffix}, pooled cost"] < 3
    assert {curve for curve, _, _ in found.curves} == {"loss", "gain"}
    assert found == study.run(Unit(MANY, m_rmdp(0.5), 0), QUICK)


def results(*, rmdp_test: float, amdp_test: float, cooperative: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A study whose figures are known."""
    gains = {
        (TEN, "linear"): (0.2, 0.2),
        (TEN, "RMDP"): (0.3, rmdp_test),
        (TEN, "AMDP"): (0.5, amdp_test),
        (MANY, "RMDP"): (0.1, 0.1),
        (MANY, m_rmdp(1.0)): (cooperative, cooperative),
    }
    study, rows, curves = find_study("ss-rtb"), [], []
    for unit in study.units(QUICK):
        key = (study.title, unit.scenario, unit.arm, unit.seed)
        for k, split in enumerate(("train", "test")):
            gain = gains.get((unit.scenario, unit.arm), (0.11, 0.11))[k]
            for suffix in ("", "_realised", ", pooled cost", "_realised, pooled cost"):
                rows += [(*key, split, f"{name}{suffix}", gain) for name in ("gain", "gain_all")]
                rows += [(*key, split, f"{name}{suffix}", 0.01) for name in ("cost_error", "cost_ratio", "cost_unscaled")]
            rows += [(*key, split, f"gain{s} ad-{i}", gain) for s in ("", "_realised") for i in range(10)]
        rows += [(*key, "test", metric(level, feature), 0.02) for level in LEVELS for feature in FEATURES]
        curves += [(*key, curve, float(x), 1.0 / x) for curve in ("loss", "gain") for x in (1, 2, 3)]
    return (
        pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row"),
        pl.DataFrame(curves, schema=CURVES_SCHEMA, orient="row"),
    )


@pytest.mark.parametrize(
    ("figures", "verdicts"),
    [
        ({"rmdp_test": 0.29, "amdp_test": -0.1, "cooperative": 0.2}, "Holds Holds Holds Holds"),
        ({"rmdp_test": 0.1, "amdp_test": 0.2, "cooperative": 0.12}, "Does not hold Does not hold Does not hold Does not hold"),
    ],
)
def test_the_verdict_says_what_the_figures_say(figures: dict[str, float], verdicts: str, tmp_path: Path):
    sections = find_study("ss-rtb").sections(*results(**figures))
    said = [s.text.split(": ")[0].split(") ")[1] for s in sections if isinstance(s, Text) and s.text.startswith("(")]
    assert " ".join(said) == verdicts
    table = next(s for s in sections if isinstance(s, Table))
    assert table.rows[-2][:3] == ["mean", "50.0%", f"{figures['amdp_test']:.1%}"]
    assert table.rows[-1][1:5] == ["250.0%", "-10.1%", "120.0%", "98.7%"]
    page = write_document("T", "c", sections, tmp_path)
    assert page.is_file()
    assert (tmp_path / "report" / "figures" / "many-ads.svg").is_file()
