"""Predictions that are off, and their calibration: what they change, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from auctionsim import InputError
from auctionsim.agents.build import build_market
from auctionsim.market.market import Market
from auctionsim.market.predictions import calibrators
from auctionsim.market.predictions import errors as prediction_errors
from auctionsim.market.predictions.errors import log_errors_of_advertisers
from auctionsim.market.predictions.platform import shown_rows
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ..stored_tables import store_table

TOML = """
name = "off"
[traffic]
days = 4
auctions_per_day = 30000
weight = 20
queries = 20
candidates = 8
[mechanism]
slot_effect = [1.0, 0.5]
reserve = 0.01
[[advertisers]]
group = "ad"
count = 8
controller = "manual"
"""


def scenario(predictions: str = "", text: str = TOML) -> Scenario:
    return parse_scenario(text + (f"\n[predictions]\n{predictions}\n" if predictions else ""), "off.toml")


def market(predictions: str = "", seed: int = 0) -> Market:
    return build_market(scenario(predictions), seed)


def total(own: Market, name: str) -> float:
    return float(sum(getattr(own.baseline[day], name).sum() for day in own.scenario.traffic.test_days))


def rate_of_shown(own: Market, rate: str) -> float:
    """A mean rate of the ads that are shown on test days."""
    seen = shown_rows(own.traffic, own.rules) & np.isin(own.traffic.row_day, own.scenario.traffic.test_days)
    return float(np.average(getattr(own.traffic, rate)[seen], weights=own.traffic.row_weight[seen]))


def test_errors_change_predictions_and_no_true_rate():
    plain, off = market(), market("pctr = { bias = 0.1, noise = 0.3, drift = 0.1 }\npcvr = { advertiser = 0.2 }")
    for name in ("ctr", "cvr", "item_price", "keyword_bid", "advertiser", "weight"):
        np.testing.assert_array_equal(getattr(off.traffic, name), getattr(plain.traffic, name))
    assert (off.traffic.pctr != plain.traffic.pctr).mean() > 0.99
    assert (off.traffic.pcvr != plain.traffic.pcvr).mean() > 0.99
    again = market("pctr = { bias = 0.1, noise = 0.3, drift = 0.1 }\npcvr = { advertiser = 0.2 }")
    np.testing.assert_array_equal(again.traffic.pctr, off.traffic.pctr)
    # What pcvr is off by does not change what pctr is off by.
    np.testing.assert_array_equal(market("pctr = { bias = 0.1, noise = 0.3, drift = 0.1 }").traffic.pctr, off.traffic.pctr)


def test_errors_are_as_large_as_stated_and_belong_to_whom_they_are_stated_for():
    plain = market().traffic
    bias = market("pctr = { bias = 0.2 }").traffic
    np.testing.assert_allclose(bias.pctr, np.minimum(plain.pctr * np.exp(0.2), 1.0))
    pairs = market("pctr = { noise = 0.3 }").traffic
    error = np.log(pairs.pctr / plain.pctr)
    pair = np.repeat(plain.query, np.diff(plain.cell_start)) * 8 + plain.advertiser
    each = np.array([error[pair == one][0] for one in np.unique(pair)])
    assert all(np.ptp(error[pair == one]) < 1e-12 for one in np.unique(pair)[:20])
    assert abs(each.mean()) < 0.08
    assert abs(each.std() - 0.3) < 0.06
    off = scenario("pctr = { drift = 0.1 }").predictions
    assert off is not None
    walk = log_errors_of_advertisers(plain, off.pctr, "pctr", 0)
    assert (walk[0] == 0).all()
    steps = np.array([np.diff(log_errors_of_advertisers(plain, off.pctr, "pctr", seed), axis=0) for seed in range(10)])
    assert abs(steps.std() - 0.1) < 0.02


def test_a_walk_over_days_that_are_far_apart_is_drawn_once(monkeypatch: pytest.MonkeyPatch):
    off = scenario("pctr = { drift = 0.1 }").predictions
    assert off is not None
    drawn = []
    monkeypatch.setattr(prediction_errors, "normal", lambda key, step, who: drawn.append(step) or 1.0)
    traffic = SimpleNamespace(advertisers=("a",), days=(3, 53, 103))
    walk = log_errors_of_advertisers(traffic, off.pctr, "pctr", 0)
    np.testing.assert_allclose(walk[:, 0], [0.0, 5.0, 10.0])
    assert drawn == list(range(4, 104))


def test_one_bias_of_all_leaves_winners_and_gsp_charges_alone_and_changes_no_welfare():
    # Every score and every score below it are scaled alike; only the reserve is compared with bids, which stay.
    plain, off = market(), market("pctr = { bias = -0.3 }")
    assert total(off, "gmv") == pytest.approx(total(plain, "gmv"), rel=1e-9)
    assert total(off, "cost") == pytest.approx(total(plain, "cost"), rel=1e-9)


def test_who_is_predicted_too_high_wins_more_and_welfare_falls_with_the_noise():
    plain = market()
    off = market("pctr = { advertiser = 0.6 }")
    error = log_errors_of_advertisers(plain.traffic, off.scenario.predictions.pctr, "pctr", 0)[0]
    shown = [sum(own.baseline[day].impressions.sum(axis=(0, 2)) for day in (2, 3)) for own in (plain, off)]
    assert np.corrcoef(error, shown[1] - shown[0])[0, 1] > 0.6
    values = [total(market(f"pctr = {{ noise = {noise} }}" if noise else ""), "clicks") for noise in (0.0, 0.5, 1.5)]
    assert values[0] > values[1] > values[2]
    # The winner's curse: without any bias the ads that win are predicted too high.
    noisy = market("pctr = { noise = 0.5 }")
    assert rate_of_shown(noisy, "pctr") > 1.1 * rate_of_shown(noisy, "ctr")


@pytest.mark.parametrize("method", ["isotonic", "platt", "histogram", "field"])
def test_every_calibrator_takes_a_bias_away(method: str):
    raw, own = (
        market(f'pctr = {{ bias = 0.5 }}\npcvr = {{ bias = -0.4 }}\ncalibration = "{each}"') for each in ("none", method)
    )
    assert abs(np.log(rate_of_shown(raw, "pctr") / rate_of_shown(raw, "ctr"))) > 0.45
    assert abs(np.log(rate_of_shown(own, "pctr") / rate_of_shown(own, "ctr"))) < 0.1
    assert abs(np.log(rate_of_shown(own, "pcvr") / rate_of_shown(own, "cvr"))) < 0.25
    np.testing.assert_array_equal(own.traffic.ctr, raw.traffic.ctr)


def test_only_a_calibrator_by_advertiser_mends_errors_of_advertisers():
    def error(method: str) -> float:
        own = market(f'pctr = {{ advertiser = 0.6 }}\ncalibration = "{method}"').traffic
        clicks = [np.bincount(own.advertiser, own.row_weight * rate, minlength=8) for rate in (own.pctr, own.ctr)]
        return float(np.abs(np.log(clicks[0] / clicks[1])).mean())

    # What is left is chance: who is predicted too low was shown and clicked seldom.
    assert error("field") < 0.65 * min(error("none"), error("isotonic"), error("platt"), error("histogram"))


def test_calibrators_are_fitted_to_training_days_alone():
    def calibrated(days: str) -> np.ndarray:
        own = scenario('pctr = { bias = 0.3 }\ncalibration = "isotonic"', TOML.replace("days = 4", f"days = 4\n{days}"))
        traffic = build_market(own, 0).traffic
        return traffic.pctr[traffic.row_day == 3]

    one, other = calibrated("train_days = [0]\ntest_days = [3]"), calibrated("train_days = [0]\ntest_days = [1, 2, 3]")
    np.testing.assert_array_equal(one, other)
    assert (calibrated("train_days = [0, 1]\ntest_days = [3]") != one).any()


@pytest.mark.parametrize("hits", [0.0, 1.0])
def test_without_a_hit_or_a_miss_a_calibrator_changes_nothing(hits: float):
    raw, who = np.array([0.1, 0.2, 0.3]), np.zeros(3, dtype=np.int64)
    for method in ("isotonic", "platt", "histogram", "field"):
        mapped = calibrators.fitted(method, raw, np.ones(3), np.full(3, hits), who, 1)
        np.testing.assert_array_equal(mapped(raw, who), raw)


@pytest.mark.parametrize("method", ["isotonic", "platt", "histogram", "field"])
def test_predictions_of_zero_with_hits_are_mapped_to_rates(method: str):
    # As of a table whose predicted conversion rates are 0 and whose true ones are not.
    raw, who = np.array([0.0, 1e-310, 0.5, 1.0]), np.zeros(4, dtype=np.int64)
    for predicted in (np.zeros(4), np.full(4, 1e-310)):
        rate = calibrators.fitted(method, predicted, np.full(4, 10.0), np.array([1.0, 0.0, 0.0, 0.0]), who, 1)(raw, who)
        assert ((rate > 0) & (rate <= 1)).all()


def test_isotonic_and_histogram_recover_a_map_that_is_not_logistic():
    rng = np.random.default_rng(0)
    raw = rng.uniform(0.01, 0.9, 4000)
    truth, trials = np.where(raw < 0.5, 0.1, 0.4), np.full(4000, 50.0)
    hits = rng.binomial(50, truth).astype(float)
    who = np.zeros(4000, dtype=np.int64)
    errors = {}
    for method in ("isotonic", "platt", "histogram"):
        errors[method] = np.abs(calibrators.fitted(method, raw, trials, hits, who, 1)(raw, who) - truth).mean()
    assert errors["isotonic"] < 0.01
    assert errors["histogram"] < 0.02
    assert errors["platt"] > 0.04


def test_what_was_shown_in_vain_keeps_half_a_hit():
    raw, who = np.array([0.1, 0.2, 0.8]), np.zeros(3, dtype=np.int64)
    trials, hits = np.array([10.0, 10.0, 10.0]), np.array([0.0, 0.0, 5.0])
    assert calibrators.fitted("isotonic", raw, trials, hits, who, 1)(raw, who).tolist() == [0.025, 0.025, 0.5]
    assert calibrators.fitted("histogram", raw, trials, hits, who, 1)(raw, who).tolist() == [0.05, 0.05, 0.5]


def test_a_section_without_effect_and_stored_traffic_end_in_one_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"^off.toml: predictions.*expected an error of pctr or pcvr, or a calibration"):
        scenario("pctr = { bias = 0.0 }")
    with pytest.raises(InputError, match=r"^off.toml: predictions.pctr.noise: .*3"):
        scenario("pctr = { noise = 4.0 }")
    stored = store_table(replace(market().traffic), tmp_path / "stored")
    given = TOML[TOML.index("days = 4") : TOML.index("[mechanism]")]
    text = TOML.replace(given, f'source = "{stored.folder}"\n')
    with pytest.raises(
        InputError, match=r"^off.toml: predictions: expected a table or synthetic traffic, got the stored traffic"
    ):
        build_market(scenario("pctr = { bias = 0.1 }", text), 0)


def test_a_missing_library_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("auctionsim.extras.is_installed", lambda _: False)
    with pytest.raises(
        InputError, match=r"^predictions.calibration = 'platt' needs scikit-learn: pip install 'auctionsim\[ingest\]'"
    ):
        market('calibration = "platt"')
