"""The profile `ipinyou`: its figures, the competition that it draws, and what profiles say of their figures."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auctionsim import replay
from auctionsim.agents.build import build_market
from auctionsim.errors import InputError
from auctionsim.scenario import TrafficSection
from auctionsim.scenario.file import load_scenario, parse_scenario
from auctionsim.traffic.generator import make_traffic, stream_traffic
from auctionsim.traffic.profile import builtin_profiles, load_profile, parse_profile
from auctionsim.traffic.profiles.external import PER_IMPRESSION, External, placed
from auctionsim.traffic.profiles.ipinyou import BIDS, SPIKES, WIN_RATES, profile_text
from auctionsim.traffic.profiles.marks import FIGURES
from auctionsim.traffic.profiles.quantiles import Quantiles
from auctionsim.traffic.world import budget_factors

NAMES = tuple("abcdefgh")
IPINYOU = load_profile("ipinyou")
SECTION = TrafficSection(auctions_per_day=2000, queries=50, days=7, train_days=(0, 5), test_days=(6,))


def external() -> External:
    assert IPINYOU.external is not None
    return IPINYOU.external


def committed(name: str) -> str:
    return resources.files("auctionsim.traffic.profiles").joinpath(f"{name}.toml").read_text(encoding="utf-8")


def test_the_committed_profile_is_what_the_published_aggregates_give():
    assert profile_text() == committed("ipinyou")


def test_the_profile_holds_the_published_figures():
    volume = IPINYOU.hour_share * IPINYOU.week_factor
    np.testing.assert_allclose(volume.sum(axis=1) / volume.sum(), np.array(BIDS) / sum(BIDS), atol=1e-4)
    # Hours of the Monday and of the Saturday, per cent, as published.
    np.testing.assert_allclose(100 * (volume[0] / volume[0].sum())[[0, 3, 18, 22, 23]], [4.3, 0.8, 7.2, 19.2, 9.9], atol=0.02)
    saturday = np.array([5.7, 6.5, 3.5, 2.9]) / 99.7
    np.testing.assert_allclose((volume[5] / volume[5].sum())[[0, 13, 22, 23]], saturday, atol=2e-4)
    own = external()
    assert own.win_rate.tolist() == list(WIN_RATES)
    assert own.floor.at([0.1, 0.25, 0.5, 0.75, 0.9, 0.99]).tolist() == pytest.approx([0, 5, 40, 80, 100, 162])
    assert own.won_floor.at([0.5, 0.75, 0.9, 0.99]).tolist() == pytest.approx([5, 50, 70, 177])
    assert own.price.at([0.1, 0.25, 0.5, 0.75, 0.9, 0.99]).tolist() == pytest.approx([18, 33, 70, 101, 177, 267])
    jumps = np.diff(own.price.levels)[np.diff(own.price.values) == 0]
    assert jumps.tolist() == pytest.approx(list(SPIKES.values()), abs=1e-6)
    assert IPINYOU.published == {"floor_mean": 45.47, "won_floor_mean": 26.47, "price_mean": 80.28, "win_rate": 0.2378}


def test_the_spreads_are_those_of_the_pacing_simulator():
    # By an independent computation: 72, 9 and 19 % of campaigns are in the three classes of budgets.
    share, mean, sd = np.array([0.7162, 0.0911, 0.1927]), np.array([-9.06, -8.08, -7.76]), np.array([3.0, 2.47, 1.95])
    spread = np.sqrt((share * (sd**2 + (mean - (share * mean).sum()) ** 2)).sum())
    assert IPINYOU.spreads.advertiser_value == pytest.approx(spread, abs=1e-3)
    budgets = np.exp(np.random.default_rng(0).gamma(3.77, size=400_000))
    levels = np.linspace(0, 1, len(IPINYOU.budget_quantiles))[1:-1]
    drawn = np.quantile(budgets, levels) / np.median(budgets)
    np.testing.assert_allclose(IPINYOU.budget_quantiles[1:-1], drawn, rtol=0.03)


@given(level=st.floats(0, 1), kind=st.sampled_from(["floor", "won_floor", "price"]))
def test_quantiles_and_shares_are_inverse(level: float, kind: str):
    own: Quantiles = getattr(external(), kind)
    value = own.at(level)
    assert own.values[0] <= value <= own.values[-1]
    # At a jump the share is the upper end of it.
    assert own.below(value) >= level - 1e-9
    if not np.isin(value, own.values):
        assert own.below(value) == pytest.approx(level, abs=1e-9)


def test_floors_times_rivals_give_the_prices():
    own = external()
    levels, bids = own.rivals()
    for price in (10.0, 30.0, 60.0, 75.0, 90.0, 150.0, 250.0):
        rival = np.interp(price, bids, levels)
        assert rival * own.won_floor_below(np.array(price)) == pytest.approx(own.price.below(price), abs=0.006), price


def test_low_floors_are_won_more_often_and_the_mean_chance_is_that_of_the_day():
    share = np.random.default_rng(0).lognormal(size=300)
    share /= share.sum()
    found = placed(external(), share, seed=4)
    assert (share * found.chance).sum() == pytest.approx(1)
    assert (found.chance * max(WIN_RATES) <= 1).all()
    assert found.chance[found.floor < 5].min() > 1.9 > 0.5 > found.chance[(found.floor > 75) & (found.floor < 150)].max()
    assert (share * found.floor).sum() == pytest.approx(45.47, rel=0.06)
    assert (share * found.floor * found.chance).sum() == pytest.approx(26.47, rel=0.08)


def test_every_auction_has_a_price_and_never_one_below_the_floor_of_its_query():
    traffic = make_traffic(SECTION, IPINYOU, NAMES, seed=1)
    price = traffic.market_ecpm / PER_IMPRESSION
    assert (price > 0).all()
    least = np.full(SECTION.queries, np.inf)
    np.minimum.at(least, traffic.query, price)
    # A third of the queries has a floor above 70, and half of all prices of won auctions are below it.
    assert 0.1 < (least[np.isfinite(least)] > 70).mean() < 0.6
    assert np.median(price[price <= 300]) == pytest.approx(70, abs=8)


def test_outside_competition_takes_impressions_and_raises_prices():
    traffic = make_traffic(SECTION, IPINYOU, NAMES, seed=2)
    alone = make_traffic(SECTION, replace(IPINYOU, external=None), NAMES, seed=2)
    for name in ("weight", "query", "advertiser", "pctr", "pcvr", "item_price", "keyword_bid", "cvr"):
        assert getattr(traffic, name).tobytes() == getattr(alone, name).tobytes(), name
    bids = np.ones((len(NAMES), 1, 1))
    met, unmet = (replay(one, day=0, coefficients=bids) for one in (traffic, alone))
    assert met.impressions.sum() < unmet.impressions.sum()
    assert met.cost.sum() / met.clicks.sum() > unmet.cost.sum() / unmet.clicks.sum()
    shares = [replay(traffic, day=0, coefficients=factor * bids).impressions.sum() for factor in (0.01, 0.1, 1.0, 10.0)]
    assert shares == sorted(shares)
    assert 2 * shares[0] < shares[-1]


def test_streamed_traffic_has_the_same_competition():
    table = make_traffic(SECTION, IPINYOU, NAMES, seed=3)
    parts = list(stream_traffic(SECTION, IPINYOU, len(NAMES), 3, SECTION.all_days))
    assert np.concatenate([columns["market_ecpm"] for _, _, columns in parts]).tobytes() == table.market_ecpm.tobytes()
    again = make_traffic(SECTION.model_copy(update={"train_days": (5,)}), IPINYOU, NAMES, seed=3)
    assert table.market_ecpm[table.day > 0].tobytes() == again.market_ecpm.tobytes()


def test_budgets_of_a_profile_are_spread_as_it_says():
    factors = budget_factors(IPINYOU, 1000, seed=0)
    assert np.median(factors) == pytest.approx(1, rel=0.02)
    assert np.quantile(factors, 0.75) == pytest.approx(IPINYOU.budget_quantiles[15], rel=0.02)
    text = """
    name = "s"
    [traffic]
    profile = "ipinyou"
    auctions_per_day = 500
    [[advertisers]]
    group = "a"
    count = 20
    controller = "manual"
    budget = "profile*SHARE"
    """
    one, two = (build_market(parse_scenario(text.replace("SHARE", share), "s.toml")).budgets for share in ("0.5", "1"))
    np.testing.assert_allclose(2 * one, two)
    np.testing.assert_allclose(one / one[0], budget_factors(IPINYOU, 20, 0) / budget_factors(IPINYOU, 20, 0)[0])
    table = text.replace('profile = "ipinyou"', 'source = "t.parquet"').replace("auctions_per_day = 500", "")
    with pytest.raises(InputError, match=r"advertisers\[0\].budget: expected 'profile\*SHARE' with synthetic traffic alone"):
        parse_scenario(table.replace("SHARE", "1"), "s.toml")


def test_every_figure_of_every_profile_is_measured_or_assumed():
    for name in builtin_profiles():
        marks = load_profile(name).marks
        assert not set(marks.measured) & set(marks.assumed)
        needed = {key for key in FIGURES if not key.startswith("external.") or load_profile(name).external is not None}
        assert {*marks.measured, *marks.assumed} == needed, name
        assert set(marks.partly) <= set(marks.measured)
    assert set(load_profile("alimama").marks.measured.values()) == {"alimama_traffic", "avito_bat", "nab_ad_exchange"}
    assert "measured: nothing" in load_profile("plain").marks.sentence("plain")
    assert "CC BY 4.0" in IPINYOU.sources[0]
    assert "Apache-2.0" in IPINYOU.sources[1]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('"hours.share" = "ipinyou"', '"hours.share" = "ipinyo"'), "measured: hours.share: expected one of the sources "
         "ipinyou, yahoo_pacing, got 'ipinyo' (did you mean 'ipinyou'?)"),
        (('"hours.share" = "ipinyou"', '"hours.shares" = "ipinyou"'), "measured: unknown figure 'hours.shares'"),
        (('"rates.ctr" = "a', '"hours.share" = "a'), "assumed: hours.share: expected a figure that is not measured"),
        (('"week.factor" = "Tue', '"rates.ctr" = "Tue'), "assumed_in_part: rates.ctr: expected a figure of [measured]"),
        (('"hours.share" = "ipinyou"', '"rates.cvr" = "ipinyou"'), "measured: rates.cvr: expected a figure that the profile "
         "states, got none"),
        (("levels = [0, 0.5,", "levels = [0.1, 0.5,"), "external.won_floor.levels: expected numbers that ascend from 0 to 1"),
        (("values = [0, 5, 50,", "values = [0, 55, 50,"), "external.won_floor.values: expected ascending numbers"),
        (("values = [0, 5, 50,", "values = [0, 5, 5,"), "external.won_floor.values: expected floors with auctions"),
        (("values = [0, 0, 5, 40, 80, 100, 162, 300]", "values = [0, 0, 5, 40, 80, 100, 162, 301]"),
         "external.floor.values: expected numbers <= 300, got 301"),
        (("win_rate = [0.342,", "win_rate = [1.342,"), "external.win_rate: expected numbers <= 1, got 1.342"),
        (("floor_mean = 45", "floor_mena = 45"), "published: unknown aggregate 'floor_mena'"),
    ],
)  # fmt: skip
def test_wrong_marks_and_competition_are_reported_with_file_and_key(change: tuple[str, str], expected: str):
    text = committed("ipinyou")
    assert change[0] in text
    with pytest.raises(InputError) as caught:
        parse_profile(text.replace(*change), "p.toml")
    assert str(caught.value).startswith(f"p.toml: {expected}")


def test_a_run_s_notes_say_which_figures_are_measured(tmp_path: Path):
    (tmp_path / "s.toml").write_text(
        'name = "s"\n[traffic]\nprofile = "ipinyou"\nauctions_per_day = 200\n[[advertisers]]\ngroup = "a"\ncount = 3\n'
    )
    notes = build_market(load_scenario(tmp_path / "s.toml")).source.notes
    assert notes["figures"].startswith("profile ipinyou: measured: traffic by hour")
    assert "Assumed: traffic by category" in notes["figures"]
