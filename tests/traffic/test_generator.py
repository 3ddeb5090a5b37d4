"""The generator follows its profile, and its draws depend on nothing but their key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auctionsim import replay
from auctionsim.errors import InputError
from auctionsim.market.real_table import build_real_table
from auctionsim.scenario import TrafficSection
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.profile import builtin_profiles, load_profile, parse_profile
from auctionsim.traffic.profiles.calibrate import profile_text
from auctionsim.traffic.table import Traffic

NAMES = tuple("abcdefgh")


def test_a_day_is_the_same_whichever_other_days_are_drawn():
    section = TrafficSection(auctions_per_day=500, days=4, train_days=(0, 1), test_days=(2,))
    other = TrafficSection(auctions_per_day=500, days=4, train_days=(1,), test_days=(2,))
    one, two = (make_traffic(s, load_profile("alimama"), NAMES, seed=3) for s in (section, other))
    kept = one.row_day > 0
    assert (one.pctr[kept] == two.pctr).all()
    assert (one.keyword_bid[kept] == two.keyword_bid).all()


def test_another_seed_draws_another_market():
    section = TrafficSection(auctions_per_day=500)
    one, two = (make_traffic(section, load_profile("plain"), NAMES, seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.keyword_bid[:50], two.keyword_bid[:50])


def test_volumes_follow_the_profile_s_hours_and_week():
    profile = load_profile("alimama")
    section = TrafficSection(auctions_per_day=100_000, weight=10, days=7, train_days=(0, 5), test_days=(6,))
    traffic = make_traffic(section, profile, NAMES, seed=0)
    for day in (0, 5):
        volume = [traffic.weight[slice(*traffic.cells_of(day, hour))].sum() for hour in range(24)]
        expected = 100_000 * profile.hour_share * profile.week_factor[day]
        np.testing.assert_allclose(volume, expected, atol=10)


def test_the_keyword_bids_pay_the_profile_s_price_level():
    profile = load_profile("alimama")
    paid = []
    for seed in range(3):
        section = TrafficSection(auctions_per_day=4000, drift=0.0)
        traffic = make_traffic(section, profile, NAMES, seed)
        outcome = replay(traffic, day=0, coefficients=np.ones((len(NAMES), 1, 1)))
        paid.append(outcome.cost.sum() / outcome.clicks.sum())
    assert np.mean(paid) == pytest.approx(profile.cpc, rel=0.25)


def test_days_drift_apart_with_drift_and_not_without():
    def cvr_of_query(drift: float, day: int) -> np.ndarray:
        section = TrafficSection(auctions_per_day=5000, drift=drift, queries=5, candidates=2, cvr_noise=0.0)
        traffic = make_traffic(section, load_profile("plain"), NAMES[:2], seed=0)
        rows = traffic.row_day == day
        key = np.repeat(traffic.query, np.diff(traffic.cell_start))[rows] * 2 + traffic.advertiser[rows]
        return np.array([np.mean(traffic.pcvr[rows][key == k]) for k in range(10)])

    np.testing.assert_allclose(cvr_of_query(0.0, 0), cvr_of_query(0.0, 3))
    assert np.abs(np.log(cvr_of_query(0.3, 3) / cvr_of_query(0.3, 0))).mean() > 0.05


def test_profiles_sum_to_one_and_name_their_sources():
    assert set(builtin_profiles()) == {"alimama", "auctionnet", "ipinyou", "plain", "ss-rtb"}
    for name in builtin_profiles():
        profile = load_profile(name)
        assert profile.hour_share.sum() == pytest.approx(1)
        assert profile.category_share.sum() == pytest.approx(1)
    sources = " ".join(load_profile("alimama").sources)
    assert all(word in sources for word in ("alimama_traffic", "avito_bat", "nab_ad_exchange", "Apache-2.0", "MIT"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("ctr = 0.05", ""), "rates.ctr: expected figures, got nothing"),
        (("ctr = 0.05", "ctr = -1"), "rates.ctr: expected numbers > 0, got -1.0"),
        (("share = [1.0]", 'share = ["x"]'), "categories.share: expected numbers"),
        (("quantiles = [1, 1]", "quantiles = 3"), "budgets.quantiles: expected any number of numbers"),
    ],
)
def test_an_invalid_profile_is_reported_with_file_and_key(change: tuple[str, str], expected: str):
    text = Path(load_profile.__code__.co_filename).parents[0].joinpath("profiles/plain.toml").read_text()
    with pytest.raises(InputError) as caught:
        parse_profile(text.replace(*change), "p.toml")
    assert str(caught.value).startswith(f"p.toml: {expected}")


def test_the_committed_profile_is_what_the_script_computes(shared_data: Path):
    committed = Path(load_profile.__code__.co_filename).parents[0].joinpath("profiles/alimama.toml").read_text()
    assert profile_text(shared_data) == committed


def test_the_real_table_holds_the_files_volumes_campaigns_and_price_level(shared_data: Path):
    traffic = build_real_table(shared_data, seed=0)
    assert len(traffic.advertisers) == 140
    # The hour-of-week factors have mean 1 over the week, so a mean day has the file's 1,008,175 page views.
    assert traffic.weight.sum() / 7 == pytest.approx(1_008_175, rel=1e-4)
    outcomes = [replay(traffic, day=day, coefficients=np.ones((140, 1, 1))) for day in traffic.days]
    assert sum(o.cost.sum() for o in outcomes) / sum(o.clicks.sum() for o in outcomes) == pytest.approx(0.0975, rel=1e-3)
    assert traffic.budgets is not None
    assert traffic.budgets.max() / np.median(traffic.budgets) == pytest.approx(30.8, rel=0.01)


def test_noise_of_the_hourly_curve_moves_true_conversion_rates_and_nothing_else():
    def drawn(noise: float) -> Traffic:
        section = TrafficSection(auctions_per_day=500, days=2, train_days=(0,), test_days=(1,), hour_noise=noise)
        return make_traffic(section, load_profile("ss-rtb"), NAMES, seed=3)

    without, noisy = drawn(0.0), drawn(0.4)
    curve = load_profile("ss-rtb").cvr_hour_factor[without.row_hour]
    assert without.cvr.tobytes() == np.minimum(without.pcvr * curve, 1.0).tobytes()
    for name in ("weight", "query", "advertiser", "pctr", "pcvr", "item_price", "keyword_bid", "ctr"):
        assert getattr(without, name).tobytes() == getattr(noisy, name).tobytes(), name
    assert not np.array_equal(without.cvr, noisy.cvr)


def test_noise_of_the_hourly_curve_is_one_factor_an_hour_and_day_of_the_spread_that_was_asked_for():
    days = tuple(range(60))
    section = TrafficSection(
        auctions_per_day=24, queries=2, candidates=2, days=61, train_days=days, test_days=(60,), hour_noise=0.3, cvr_noise=0.0
    )
    profile = load_profile("plain")
    traffic = make_traffic(section, profile, NAMES[:2], seed=0)
    factor = traffic.cvr / traffic.pcvr
    hours = [factor[(traffic.row_day == day) & (traffic.row_hour == hour)] for day in days for hour in range(24)]
    assert max(np.ptp(one) for one in hours) < 1e-12
    by_hour = np.array([one[0] for one in hours])
    assert np.log(by_hour).std() == pytest.approx(0.3, rel=0.05)
    assert by_hour.mean() == pytest.approx(1.0, abs=0.03)
    by_day = np.log(by_hour).reshape(60, 24)
    assert abs(np.corrcoef(by_day[:-1].ravel(), by_day[1:].ravel())[0, 1]) < 0.1
