"""The SS-RTB study: the meaning of its measures, and a document that follows from its figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from auctionsim.agents.build import build_market
from auctionsim.analysis.documents.sections import Table, Text, write_document
from auctionsim.bounds.eligible_wins import EligibleWins
from auctionsim.jobs.studies import ss_rtb_noise as noise
from auctionsim.jobs.studies.base import CURVES_SCHEMA, RESULTS_SCHEMA, Options, Unit, find_study
from auctionsim.jobs.studies.ss_rtb.arms import AMDP_PLAIN, COPIED_OFTEN, DAYS, MANY, TEN, TEN_ARMS, m_rmdp, scenario_of
from auctionsim.jobs.studies.ss_rtb.bound import bounds, gmv_at_cost, largest_gmv
from auctionsim.jobs.studies.ss_rtb.eta import FEATURES, LEVELS, eta, metric
from auctionsim.jobs.studies.ss_rtb.gains import GRADIENT_STEPS, TARGET_COPIES, train_q
from auctionsim.jobs.studies.ss_rtb.rules import BOUND, COMMON, HINDSIGHT, LINEAR, SMOOTH, TIMETABLE
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
        (TEN, LINEAR): (0.2, 0.2),
        (TEN, TIMETABLE): (0.25, 0.25),
        (TEN, "RMDP"): (0.3, rmdp_test),
        (TEN, "AMDP"): (0.5, amdp_test),
        (TEN, AMDP_PLAIN): (0.4, amdp_test),
        (MANY, COMMON): (0.15, 0.15),
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
            rows += [(*key, split, f"gain{s} ad_{i}", gain) for s in ("", "_realised") for i in range(10)]
        rows += [(*key, "test", metric(level, feature), 0.02) for level in LEVELS for feature in FEATURES]
        curves += [(*key, curve, float(x), 1.0 / x) for curve in ("loss", "gain") for x in (1, 2, 3)]
    return (
        pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row"),
        pl.DataFrame(curves, schema=CURVES_SCHEMA, orient="row"),
    )


@pytest.mark.parametrize(
    ("figures", "verdicts"),
    [
        ({"rmdp_test": 0.29, "amdp_test": -0.1, "cooperative": 0.2}, " ".join(7 * ["Holds"])),
        ({"rmdp_test": 0.1, "amdp_test": 0.2, "cooperative": 0.12}, " ".join(7 * ["Does not hold"])),
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


def two_cells_of_three() -> EligibleWins:
    """Return two cells of weight 1 and 2; advertisers 0 and 1 may win the first, 0 alone the second."""
    gmv, paid = np.array([3.0, 4.0, 2.0]), np.array([1.0, 9.0, 1.0])
    return EligibleWins(
        np.array([0, 2, 3]), np.array([1.0, 2.0]), np.zeros(2, dtype=bool), np.array([0, 1, 0]), gmv, gmv, gmv, paid, paid
    )


def test_the_bound_buys_the_best_auctions_first_and_the_last_in_part():
    eligible = two_cells_of_three()
    assert [gmv_at_cost(eligible, 0, cost) for cost in (0.5, 1.0, 2.0, 3.0, 9.0)] == pytest.approx([1.5, 3.0, 5.0, 7.0, 7.0])
    assert largest_gmv(eligible, np.array([0, 1])) == pytest.approx(4.0 + 2 * 2.0)
    assert largest_gmv(eligible, np.array([0])) == pytest.approx(3.0 + 2 * 2.0)


@pytest.mark.parametrize("noise_sd", [0.0, 0.5])
def test_no_rule_gains_more_than_the_bound_and_none_that_does_not_know_the_day_more_than_hindsight(noise_sd: float):
    study = find_study("ss-rtb-noise")
    gain = {}
    for arm in (TIMETABLE, SMOOTH, LINEAR, HINDSIGHT, BOUND):
        found = study.run(Unit(noise.noisy(noise_sd), arm, 4), QUICK)
        gain[arm] = next(value for split, name, value in found.results if (split, name) == ("test", "gain"))
    assert gain[BOUND] > gain[HINDSIGHT] > gain[LINEAR]
    assert gain[HINDSIGHT] > max(gain[TIMETABLE], gain[SMOOTH]) - 0.01


def test_the_bound_of_many_ads_holds_for_bids_of_their_value():
    scenario = scenario_of(Unit(MANY, BOUND, 1), QUICK)
    assert {name for _, name, _ in bounds(build_market(scenario, 1))} == {"gain_all"}
    study, gain = find_study("ss-rtb"), {}
    for arm in (COMMON, BOUND, LINEAR):
        found = study.run(Unit(MANY, arm, 1), QUICK).results
        gain[arm] = next(value for split, name, value in found if (split, name) == ("test", "gain_all, pooled cost"))
    assert gain[BOUND] > gain[COMMON] > gain[LINEAR]


def test_gradient_steps_and_target_copies_are_counted_as_they_happen():
    counts = {}
    for interval in (96, 192, 10_000):
        scenario = scenario_of(Unit(TEN, "RMDP", 0), QUICK)  # 4 copies of a day of 24 steps: 96 transitions an iteration
        dqn = scenario.learner.dqn.model_copy(update={"target_update_interval": interval})
        learner = scenario.learner.model_copy(update={"dqn": dqn})
        train = scenario.train.model_copy(update={"iterations": 6})
        trained = train_q(scenario.model_copy(update={"learner": learner, "train": train}), 0)
        counts[interval] = {name: value for _, name, value in trained.counts}
    assert [counts[interval][GRADIENT_STEPS] for interval in counts] == [12, 12, 12]
    # In the first iteration the target network is the training network already, so that its copy changes nothing.
    assert [counts[interval][TARGET_COPIES] for interval in counts] == [5, 3, 0]


def test_the_row_of_frequent_copies_changes_nothing_but_the_copies():
    assert [override.partition("=")[0] for override in TEN_ARMS[COPIED_OFTEN]] == ["learner.dqn.target_update_interval"]
    dqn = scenario_of(Unit(TEN, COPIED_OFTEN, 0), Options((0,))).learner.dqn
    assert dqn.target_update_interval == dqn.num_envs * 24


def test_studies_of_ss_rtb_begin_at_seeds_that_nothing_was_tuned_on():
    assert find_study("ss-rtb").first_seed >= 10
    assert find_study("ss-rtb-noise").first_seed >= 10
    assert find_study("ss-rtb-noise").n_seeds == 20


def test_the_noise_study_says_where_rmdp_is_ahead():
    rows = []
    for unit in find_study("ss-rtb-noise").units(Options(tuple(range(6)))):
        sd = next(sd for sd in noise.NOISE if noise.noisy(sd) == unit.scenario)
        gain = {TIMETABLE: 0.3 - sd / 5, noise.RMDP: 0.25 + unit.seed / 1000}.get(unit.arm, 0.3)
        rows += [("t", unit.scenario, unit.arm, unit.seed, split, "gain", gain) for split in ("train", "test")]
    found = pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row")
    sections = find_study("ss-rtb-noise").sections(found, pl.DataFrame(schema=CURVES_SCHEMA))
    against_timetable, against_smoothed, of_the_hour = [s.text for s in sections[:3] if isinstance(s, Text)]
    assert "less at 0.0 (" in against_timetable
    assert "gains more at 0.3 (0.013 [0.011, 0.014], more on 6 of 6 seeds), 0.5 (0.05" in against_timetable
    assert "gains more" not in against_smoothed
    assert of_the_hour.startswith("That timetable against one alpha a day: it gains as much, as far as can be told, at 0.0 (")
    kept = next(s for s in sections if isinstance(s, Table) and s.header[0].startswith("share"))
    assert kept.rows[-1] == ["RMDP", "100%", "100%", "100%", "100%"]
