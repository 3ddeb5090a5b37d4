"""Fitting the generator to a table: what was drawn is found again, and what is drawn from the fit looks like the table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from auctionsim import load_scenario, load_traffic
from auctionsim.agents.build import build_market
from auctionsim.analysis.reports.fit_statistics import fit_statistics, ks_distance
from auctionsim.cli import main
from auctionsim.scenario import TrafficSection
from auctionsim.traffic.files import save_traffic
from auctionsim.traffic.fit.components import additive_effects, drift_variance, log_volumes, variance_components
from auctionsim.traffic.fit.estimates import Fit, fit_traffic, price_per_click
from auctionsim.traffic.generator import make_traffic
from auctionsim.traffic.profile import Profile, load_profile
from auctionsim.traffic.table import Traffic

NAMES = tuple(f"secret-{i}" for i in range(30))


def drawn(profile: Profile, seed: int, **keys: float) -> tuple[TrafficSection, Traffic]:
    section = TrafficSection(
        **{"auctions_per_day": 12_000, "days": 7, "candidates": 6, **keys}, train_days=tuple(range(5)), test_days=(5, 6)
    )
    return section, make_traffic(section, profile, NAMES, seed)


@settings(max_examples=8, derandomize=True, phases=[Phase.generate])
@given(
    seed=st.integers(0, 1000),
    name=st.sampled_from(["plain", "alimama", "ss-rtb"]),
    drift=st.sampled_from([0.0, 0.1, 0.2]),
    noise=st.sampled_from([(0.3, 0.6), (0.1, 0.2)]),
    manual=st.sampled_from([(0.5, 0.4, 0.0), (0.8, 0.2, 0.5)]),
    weight=st.sampled_from([1, 2]),
)
def test_the_parameters_of_a_drawn_table_are_found_again(
    seed: int, name: str, drift: float, noise: tuple[float, float], manual: tuple[float, float, float], weight: int
):
    profile = load_profile(name)
    share, error, spread = manual
    section, table = drawn(
        profile, seed, drift=drift, weight=weight, ctr_noise=noise[0], cvr_noise=noise[1],
        manual_share=share, manual_error=error, manual_spread=spread,
    )  # fmt: skip
    fit = fit_traffic(table, "fitted", "t")
    found, figures = fit.section, fit.profile
    assert (found.days, found.candidates, found.weight) == (7, 6, weight)
    assert found.auctions_per_day == pytest.approx(section.auctions_per_day, rel=0.01)
    assert found.queries == pytest.approx(200, rel=0.05)
    assert found.ctr_noise == pytest.approx(noise[0], rel=0.02)
    assert found.cvr_noise == pytest.approx(noise[1], rel=0.04)
    assert found.drift**2 == pytest.approx(drift**2, rel=0.6, abs=0.006)
    # 200 keywords of 6 advertisers were drawn: beyond that the table does not know the world.
    assert found.manual_share == pytest.approx(share, rel=0.35)
    assert found.manual_error == pytest.approx(error, rel=0.15)
    assert found.manual_spread == pytest.approx(spread, rel=0.5, abs=0.12)
    np.testing.assert_allclose(figures.hour_share, profile.hour_share, atol=0.0015)
    np.testing.assert_allclose(figures.week_factor, profile.week_factor, rtol=0.05)
    np.testing.assert_allclose(figures.cvr_hour_factor, profile.cvr_hour_factor, rtol=0.12)
    assert figures.cpc_log_sd == pytest.approx(profile.cpc_log_sd, rel=0.3, abs=1e-6)
    level = np.average(profile.cpc_hour_factor, weights=profile.hour_share)
    np.testing.assert_allclose(
        figures.cpc_hour_factor, profile.cpc_hour_factor / level, rtol=0.4 if profile.cpc_log_sd else 1e-6
    )
    assert figures.cpc == pytest.approx(profile.cpc * level, rel=0.25)
    assert figures.ctr == pytest.approx(profile.ctr, rel=0.15)
    assert figures.cvr == pytest.approx(profile.cvr, rel=0.15)
    wanted, spreads = profile.spreads, figures.spreads
    volume = (1.0, 0.25) if name != "alimama" else (1.1, 0.35)  # 59 categories of their own shares
    assert spreads.query_volume == pytest.approx(volume[0], rel=volume[1])
    for key in ("query_ctr", "query_cvr", "pair_ctr", "pair_cvr", "pair_value"):
        assert getattr(spreads, key) == pytest.approx(getattr(wanted, key), rel=0.25), key
    for key in ("advertiser_ctr", "advertiser_value", "query_value"):
        assert getattr(spreads, key) == pytest.approx(getattr(wanted, key), abs=0.11), key


@pytest.mark.parametrize("name", [pytest.param("plain", marks=pytest.mark.long), "alimama"])
def test_what_is_drawn_from_the_fit_looks_like_the_table(name: str):
    _, table = drawn(load_profile(name), 5, queries=300)
    fit = fit_traffic(table, "fitted", "t")
    own = fit.section
    markets = [make_traffic(own, fit.profile, fit.names(), seed) for seed in (0, 1, 2)]
    rows = {row.measure: row for row in fit_statistics(table, markets)}
    assert rows["price per click under keyword bids"].drawn == pytest.approx(price_per_click(table), rel=0.2)
    assert max(row.distance for row in rows.values() if row.distance is not None) < 0.15
    # The same measures separate a market of another kind.
    other = replace(fit.profile, ctr=fit.profile.ctr * 3, cpc=fit.profile.cpc * 3)
    strange = {row.measure: row for row in fit_statistics(table, [make_traffic(own, other, fit.names(), 0)])}
    assert strange["predicted click rate, mean"].distance > 0.4
    assert strange["keyword bid, mean"].distance > 0.3


def test_a_fit_of_a_fit_stays_where_it_is():
    _, table = drawn(load_profile("plain"), 9)
    first = fit_traffic(table, "a", "t")
    again = fit_traffic(make_traffic(first.section, first.profile, first.names(), 1), "b", "t")
    assert again.profile.cpc == pytest.approx(first.profile.cpc, rel=0.2)
    assert again.section.drift == pytest.approx(first.section.drift, rel=0.4)
    assert again.profile.spreads.query_volume == pytest.approx(first.profile.spreads.query_volume, rel=0.2)


def test_the_command_writes_a_scenario_that_names_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    _, table = drawn(load_profile("alimama"), 2, auctions_per_day=1500, queries=40)
    save_traffic(table, tmp_path / "private.parquet")
    out = tmp_path / "synthetic.toml"
    assert main(["fit", str(tmp_path / "private.parquet"), "--out", str(out), "--json"]) == 0
    goodness = json.loads(capsys.readouterr().out)["goodness"]
    assert {"measure", "table", "drawn", "distance"} == set(goodness[0])
    texts = [path.read_text() for path in tmp_path.rglob("*.toml")] + [(tmp_path / "synthetic-fit" / "table.md").read_text()]
    assert len(texts) == 3
    assert not [text for text in texts if "secret" in text or "keyword-" in text]
    for name in ("index.html", "figures/fit.png", "figures/fit.svg"):
        assert (tmp_path / "synthetic-fit" / name).stat().st_size > 1000
    market = build_market(load_scenario(out))
    fitted = fit_traffic(load_traffic(tmp_path / "private.parquet"), "x", "t")
    assert len(market.advertisers) == 30
    assert market.scenario.traffic.drift == fitted.section.drift
    # The files say what was fitted, to their digits.
    redrawn = make_traffic(fitted.section, fitted.profile, fitted.names(), market.scenario.seed)
    assert market.traffic.weight.sum() == redrawn.weight.sum()
    assert market.traffic.pctr.mean() == pytest.approx(redrawn.pctr.mean(), rel=1e-3)
    assert main(["fit", str(tmp_path / "private.parquet"), "--out", str(out)]) == 2


def test_tables_the_generator_cannot_draw_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    _, table = drawn(load_profile("plain"), 2, auctions_per_day=200)
    save_traffic(table, tmp_path / "t.parquet")
    rows = pl.read_parquet(tmp_path / "t.parquet")
    rows.unique("cell", keep="first", maintain_order=True).write_parquet(tmp_path / "alone.parquet")
    rows.with_columns(item_price=0.0).write_parquet(tmp_path / "worthless.parquet")
    for name, said in (
        ("alone", "column advertiser: expected two or more advertisers"),
        ("worthless", "column item_price: expected values"),
    ):
        assert main(["fit", str(tmp_path / f"{name}.parquet"), "--out", str(tmp_path / "s.toml")]) == 2
        assert f"{name}.parquet: {said}" in capsys.readouterr().err
    assert not (tmp_path / "s.toml").exists()


def test_volumes_are_found_under_sampling():
    draw = np.random.default_rng(3)
    for sigma, mean in ((0.5, 30.0), (1.5, 3.0)):
        volume = np.exp(sigma * draw.standard_normal(2000))
        counts = draw.poisson(mean * volume / volume.mean())
        found, queries = log_volumes(counts[counts > 0])
        assert found == pytest.approx(sigma, rel=0.1)
        assert queries == pytest.approx(2000, rel=0.15)


def test_components_are_those_of_the_draw():
    draw = np.random.default_rng(4)
    query, advertiser = np.divmod(np.flatnonzero(draw.random(12_000) < 0.6), 60)
    noise = draw.uniform(0, 0.1, len(query))
    one, two = 0.5 * draw.standard_normal(200), 0.3 * draw.standard_normal(60)
    value = 2 + one[query] + two[advertiser] + 0.2 * draw.standard_normal(len(query))
    found = variance_components(value + np.sqrt(noise) * draw.standard_normal(len(query)), noise, query, advertiser)
    assert found.level == pytest.approx(2, abs=0.15)
    assert [found.query, found.advertiser, found.pair] == pytest.approx([one.var(ddof=1), two.var(ddof=1), 0.04], rel=0.15)


def test_effects_add_up_to_the_values():
    draw = np.random.default_rng(5)
    first, second = draw.integers(40, size=900), draw.integers(24, size=900)
    one, two = draw.standard_normal(40), draw.standard_normal(24)
    found = additive_effects(one[first] + two[second], first, second)
    np.testing.assert_allclose(found[0][first] + found[1][second], one[first] + two[second], atol=1e-9)


def test_a_market_that_stands_still_does_not_drift():
    draw = np.random.default_rng(6)
    counts = draw.poisson(np.exp(draw.standard_normal(300)) * 60, size=(7, 300)).astype(float)
    assert drift_variance(counts, np.arange(7)) < 0.02**2


def test_the_distance_of_distributions_is_that_of_their_steps():
    one = (np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.25, 0.5, 0.75, 1.0]))
    other = (np.array([3.0, 4.0]), np.array([0.5, 1.0]))
    assert ks_distance(one, one) == 0
    assert ks_distance(one, other) == pytest.approx(0.5)


def test_a_fit_is_the_same_each_time():
    _, table = drawn(load_profile("plain"), 7, auctions_per_day=1000)
    assert repr(as_figures(fit_traffic(table, "a", "t"))) == repr(as_figures(fit_traffic(table, "a", "t")))


def as_figures(fit: Fit) -> tuple[object, ...]:
    return fit.section.model_dump(), fit.profile.cpc, fit.profile.spreads, fit.profile.cpc_hour_factor.tolist()
