"""The AuctionNet score: worked numbers, its edges, and what it says of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.policies.base import Constant
from auctionsim.analysis.reports.report import write_report
from auctionsim.analysis.reports.summary import summarize
from auctionsim.analysis.reports.violations import run_scores, violations
from auctionsim.auction.outcome import CONVERSIONS, COST
from auctionsim.errors import InputError
from auctionsim.jobs.training.evaluate import write_evaluation
from auctionsim.market.goals import goals_of
from auctionsim.objectives import goals as obj
from auctionsim.objectives.cpa_score import NO_TARGET, cpa_score, cpa_scores
from auctionsim.objectives.fitness import violations as of_day
from auctionsim.ratios import NotDefined
from auctionsim.runs import Run
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

pytestmark = pytest.mark.usefixtures("without_figures")


@pytest.mark.parametrize(
    ("conversions", "cost", "target", "score"),
    [
        (40.0, 4000.0, 100.0, 40.0),  # at the target
        (40.0, 3000.0, 100.0, 40.0),  # below it, a better price earns nothing more
        (40.0, 4000.0, 80.0, 25.6),  # 40 x (80 / 100)^2
        (30.0, 3600.0, 60.0, 7.5),  # 30 x (60 / 120)^2
        (0.0, 500.0, 100.0, 0.0),  # money for nothing
        (0.0, 0.0, 100.0, 0.0),
        (3.0, 0.0, 100.0, 3.0),  # conversions that cost nothing
    ],
)
def test_the_score_of_worked_examples(conversions: float, cost: float, target: float, score: float):
    assert cpa_score(conversions, cost, target) == pytest.approx(score)


def test_the_exponent_of_the_paper_is_harsher():
    assert cpa_score(40.0, 4000.0, 80.0, exponent=3) == pytest.approx(40 * 0.8**3)


def test_the_score_is_not_defined_without_a_target():
    assert np.isnan(cpa_score([40.0, 40.0], [4000.0, 4000.0], [np.inf, np.nan])).all()


def test_the_score_never_rises_with_cost_nor_exceeds_conversions():
    rng = np.random.default_rng(0)
    conversions, cost, target = rng.gamma(2.0, 10.0, (3, 500))
    score = cpa_score(conversions, cost, target)
    assert (score <= conversions).all()
    assert (cpa_score(conversions, 1.1 * cost, target) <= score).all()
    assert (cpa_score(1.1 * conversions, cost, target) >= score).all()


def run_with(folder: Path, *overrides: str) -> Run:
    """A run whose learned policy bids as the baseline does."""
    scenario = parse_scenario(SMALL, "x.toml", overrides=overrides)
    run = Run.create(folder, scenario, SMALL, seeds=(0,), command="x", overrides=overrides)
    market = build_market(scenario)
    write_evaluation(run, {0: market}, {0: Constant(market.static("manual"))})
    return run


def test_a_run_is_scored_against_its_targets_in_summary_and_report(tmp_path: Path):
    run = run_with(tmp_path / "run", 'advertisers.0.cpa_cap="baseline*0.5"')
    table = run_scores(run)
    assert not isinstance(table, NotDefined)
    conversions = run.table("outcomes").filter(arm="learned")["conversions"].sum()
    # The baseline pays twice the target, so that a quarter of the conversions is left.
    learned = table.filter(arm="learned").row(0, named=True)
    assert learned["score"] * learned["cases"] == pytest.approx(conversions / 4)
    broken = violations(run).filter(arm="learned", constraint="cpa_cap").row(0, named=True)
    assert broken["violated"] == 1.0
    assert broken["excess"] == pytest.approx(0.5)
    summary = summarize(run)
    assert summary.as_dict()["auctionnet_score"]["learned"]["mean"] == pytest.approx(learned["score"])
    assert "AuctionNet score" in summary.sentence
    assert "AuctionNet score" in write_report([run], tmp_path / "report").read_text()


def test_a_run_without_targets_has_no_score_and_says_why(tmp_path: Path):
    run = run_with(tmp_path / "run")
    assert run_scores(run) == NotDefined(NO_TARGET)
    summary = summarize(run)
    assert summary.as_dict()["auctionnet_score"] == {"reason": f"not defined: {NO_TARGET}"}
    assert "AuctionNet" not in summary.sentence
    assert "AuctionNet" not in write_report([run], tmp_path / "report").read_text()


def test_a_market_s_score_follows_its_goals():
    market = build_market(parse_scenario(SMALL, "x.toml", overrides=["advertisers.0.cpa_cap=2.0"]))
    goals, totals = goals_of(market, 0), obj.day_totals(market.baseline[0])
    found = cpa_scores(totals, goals)[:, 0]
    np.testing.assert_array_equal(found, cpa_score(totals[:, CONVERSIONS, 0], totals[:, COST, 0], 2.0))
    without = build_market(parse_scenario(SMALL, "x.toml"))
    assert np.isnan(cpa_scores(totals, goals_of(without, 0))).all()


def test_a_cap_on_cost_per_conversion_is_charged_up_to_one_where_money_brought_nothing():
    market = build_market(parse_scenario(SMALL, "x.toml", overrides=["advertisers.0.cpa_cap=2.0"]))
    goals, totals = goals_of(market, 0), obj.day_totals(market.baseline[0])
    totals[:, CONVERSIONS] = np.array([0.0, 1.0, 2.0, 4.0, 0.0])[:, None]
    totals[:, COST] = np.array([4.0, 4.0, 4.0, 4.0, 0.0])[:, None]
    np.testing.assert_allclose(of_day(totals, goals)["cpa_cap"][:, 0], [1.0, 0.5, 0.0, -1.0, -1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1, 1), r"conversions: expected finite numbers >= 0, got -1\.0"),
        (([1, np.nan], 1, 1), "conversions: expected finite numbers >= 0, got nan"),
        ((1, [2, -3], 1), r"cost: expected finite numbers >= 0, got -3\.0"),
        ((1, np.inf, 1), "cost: expected finite numbers >= 0, got inf"),
        ((1, 1, [5, 0]), "target: expected numbers > 0, or infinity or NaN where there is none, got 0"),
        ((1, 1, -np.inf), "target: expected numbers > 0, .* got -inf"),
        (([1, 2], [1, 2, 3], 1), r"target: expected shapes of .* that broadcast, got \[2\], \[3\], \[\]"),
    ],
)
def test_numbers_outside_their_range_and_shapes_that_do_not_fit_are_refused(arguments: tuple[Any, ...], message: str):
    with pytest.raises(InputError, match=f"^{message}"):
        cpa_score(*arguments)
