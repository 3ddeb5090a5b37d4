"""The generator keeps to the aggregates of its profiles, and a wrong generator is found out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auctionsim.cli import main
from auctionsim.scenario import TrafficSection
from auctionsim.traffic.comparison.compare import Row, aggregates, compared, lines_of
from auctionsim.traffic.comparison.week import draw_week
from auctionsim.traffic.profile import Profile, load_profile
from auctionsim.traffic.profiles.external import External
from auctionsim.traffic.profiles.quantiles import Quantiles

SECTION = TrafficSection()
IPINYOU, ALIMAMA = load_profile("ipinyou"), load_profile("alimama")


def with_external(**changes: object) -> Profile:
    assert IPINYOU.external is not None
    return replace(IPINYOU, external=replace(IPINYOU.external, **changes))  # type: ignore[arg-type]


def scaled(own: Quantiles, factor: float) -> Quantiles:
    return Quantiles(own.levels, np.append(own.values[:-1] * factor, own.values[-1]))


def rows_of(profile: Profile, drawn: Profile, seed: int = 5) -> list[Row]:
    return compared(profile, [draw_week(SECTION, drawn, seed)])


def missed(rows: list[Row]) -> set[str]:
    return {row.aggregate.name for row in rows if not row.holds}


@pytest.mark.parametrize("profile", [IPINYOU, ALIMAMA], ids=lambda one: one.name)
def test_the_generator_holds_its_profile(profile: Profile):
    rows = rows_of(profile, profile)
    assert missed(rows) == set()
    assert len(rows) == {"ipinyou": 30, "alimama": 11}[profile.name]
    assert all(row.source in " ".join(profile.sources) for row in rows)


def test_what_the_generator_is_not_told_comes_out_as_published():
    free = {row.aggregate.name: row for row in rows_of(IPINYOU, IPINYOU, 6) if not row.aggregate.is_given}
    assert free["mean price of won auctions"].generated[0] == pytest.approx(80.28, rel=0.03)
    assert free["mean floor of all auctions"].generated[0] == pytest.approx(45.47, rel=0.06)
    assert free["mean floor of won auctions"].generated[0] == pytest.approx(26.47, rel=0.08)
    assert free["floors won less all, means"].generated[0] < -10
    assert free["win rate with a day's auctions, correlation"].generated[0] < -0.9


def test_a_generator_whose_days_and_hours_are_another_week_s_is_found_out():
    own = IPINYOU.external
    assert own is not None
    shifted = with_external(win_rate=np.roll(own.win_rate, 3))
    found = missed(rows_of(IPINYOU, replace(shifted, hour_share=np.roll(IPINYOU.hour_share, 3))))
    assert {"win rate, Monday", "win rate, Thursday", "hours of the week", "shares of hours"} <= found
    assert "win rate with a day's auctions, correlation" in found
    assert "prices of won auctions" not in found


def test_high_floors_that_are_won_more_often_are_found_out(monkeypatch: pytest.MonkeyPatch):
    own = External.relative_chance
    monkeypatch.setattr(External, "relative_chance", lambda self, level: own(self, 1 - level))
    found = missed(rows_of(IPINYOU, IPINYOU))
    assert {"floors of won auctions", "mean floor of won auctions", "floors won less all, means"} <= found
    assert "win rate, Monday" not in found


def test_prices_and_floors_of_another_level_are_found_out():
    own = IPINYOU.external
    assert own is not None
    other = with_external(price=scaled(own.price, 1.25), floor=scaled(own.floor, 0.6), won_floor=scaled(own.won_floor, 0.6))
    found = missed(rows_of(IPINYOU, replace(other, cpc=IPINYOU.cpc * 1.5)))
    expected = {"prices of won auctions", "floors of all auctions", "mean price of won auctions", "mean floor of all auctions"}
    assert expected | {"share of prices at 70", "share of prices at 20", "price of a click at keyword bids"} <= found


def test_spreads_and_budgets_of_another_size_are_found_out():
    spreads = replace(IPINYOU.spreads, advertiser_value=1.5)
    other = replace(with_external(tail_log_sd=1.0), spreads=spreads, budget_quantiles=np.sqrt(IPINYOU.budget_quantiles))
    expected = {"spread of values per conversion", "budgets over their median", "spread of rivals above the bid"}
    assert expected <= missed(rows_of(IPINYOU, other))


def test_the_figures_of_alimama_are_found_out_too():
    flat = np.ones(24)
    other = replace(
        ALIMAMA, hour_share=flat / 24, category_share=ALIMAMA.category_share[::-1] ** 2 / (ALIMAMA.category_share**2).sum(),
        cpc=0.15, cpc_hour_factor=ALIMAMA.cpc_hour_factor[::-1] ** 2, cpc_log_sd=0.05, ctr=0.008, week_factor=np.ones((7, 24)),
        budget_quantiles=np.ones(3),
    )  # fmt: skip
    rows = rows_of(ALIMAMA, other)
    held = {row.aggregate.name for row in rows} - missed(rows)
    assert held <= {"prices at 12 over 4 h"}


@pytest.mark.filterwarnings("error")
def test_what_no_auction_tells_is_not_defined_and_does_not_hold():
    never = with_external(win_rate=np.full(7, 1e-9))
    rows = {row.aggregate.name: row for row in rows_of(IPINYOU, never)}
    for name in ("floors of won auctions", "prices of won auctions", "share of prices at 70", "price, mean less median"):
        assert (rows[name].undefined, rows[name].holds) == (1, False)
        assert rows[name].as_dict()["generated"] == [None]
    text = "\n".join(lines_of(IPINYOU, list(rows.values())))
    assert "nan" not in text
    assert "not defined: there was no auction to measure it on" in text
    always = with_external(win_rate=np.ones(7), won_floor=IPINYOU.external.floor)
    assert {row.aggregate.name for row in rows_of(always, always) if row.undefined} == {"spread of rivals above the bid"}


def test_assumed_figures_are_compared_with_nothing():
    assert aggregates(load_profile("plain")) == []
    keys = {one.key for one in aggregates(IPINYOU)}
    assert keys == set(IPINYOU.marks.measured)
    assert "rates.ctr" not in keys


def test_the_command_prints_the_table_and_its_exit_code_says_whether_all_hold(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "--profile", "alimama"]) == 0
    out = capsys.readouterr().out
    assert "profile alimama: 11 of 11 measured aggregates hold" in out
    assert "price of a click at keyword bids  nab_ad_exchange" in out
    assert "assumed (no source has conversions): conversion rate" in out
    # Three queries have three floors, and so no such distribution.
    scenario = ["check", "calibrated", "--profile", "ipinyou", "--set", "traffic.queries=3", "--seeds", "2", "--json"]
    assert main(scenario) == 1
    value = json.loads(capsys.readouterr().out)
    assert (value["profile"], value["holds"], len(value["seeds"])) == ("ipinyou", False, 2)
    floors = next(row for row in value["rows"] if row["aggregate"] == "floors of all auctions")
    assert (floors["held"], floors["holds"], len(floors["generated"]), floors["source"]) == (0, False, 2, "ipinyou")
    assert value["measured"]["external.price"] == "ipinyou"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--profile"], "--profile: expected a scenario or the name of a profile, got neither"),
        (["--profile", "alimana"], "--profile: expected a profile file or one of alimama, auctionnet, ipinyou, plain"),
        (["--profile", "plain", "--set", "traffic.drift=0"], "--set: expected with a scenario, got it with a profile alone"),
        (["three-arms", "--seeds", "2"], "--seeds: expected with --profile alone, got it without"),
    ],
)
def test_wrong_words_end_in_one_line(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]):
    assert main(["check", *words]) == 2
    assert expected in capsys.readouterr().err


def test_a_table_has_no_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "s.toml").write_text('name = "s"\n[traffic]\nsource = "t.parquet"\n[[advertisers]]\ngroup = "a"\ncount = 2\n')
    assert main(["check", str(tmp_path / "s.toml"), "--profile"]) == 2
    assert "traffic.source: expected 'synthetic' with --profile, got a traffic table" in capsys.readouterr().err
