"""Figures of what-if questions against theory, and against `auctionsim.replay`, to the last digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import auctionsim

from .tables import frame, store, table, uniform_values


def replayed(traffic: Any, days: int = 1, **options: Any) -> float:
    bids = np.ones((len(traffic.advertisers), 1, 1))
    revenue = 0.0
    for day in range(days):
        revenue += float(auctionsim.replay(traffic, day=day, coefficients=bids, **options).cost.sum())
    return revenue


def test_figures_equal_those_of_replay_to_the_last_digit():
    traffic = table(n=2000, candidates=6, advertisers=20, days=2)
    changes = {
        "mechanism.reserve=0.3": {"reserve": 0.3},
        "mechanism.pricing=vcg": {"pricing": "vcg"},
        "mechanism.squash=0.5": {"squash": 0.5},
        "mechanism.pricing=first,mechanism.slot_effect=[1.0,0.5],mechanism.reserve=0.1": {
            "pricing": "first", "slot_effect": (1.0, 0.5), "reserve": 0.1,
        },
        "advertisers.budget=2.5": {"budgets": 2.5},
    }  # fmt: skip
    found = auctionsim.whatif(traffic, list(changes)).as_dict()
    assert found["unchanged"]["revenue"] == replayed(traffic, 2)
    assert [one["set"] for one in found["changes"]] == list(changes)
    assert [one["revenue"] for one in found["changes"]] == [replayed(traffic, 2, **options) for options in changes.values()]


def test_the_advertisers_rows_equal_those_of_replay():
    traffic = table(n=500)
    answer = auctionsim.whatif(traffic, "mechanism.reserve=0.4", intervals=False)
    bids = np.ones((len(traffic.advertisers), 1, 1))
    truth = auctionsim.replay(traffic, coefficients=bids, reserve=0.4).to_frame("advertiser")
    own = answer.advertiser_table.sort("advertiser")
    assert own["spend"].to_list() == truth.sort("advertiser")["cost"].to_list()
    assert own["clicks"].to_list() == truth.sort("advertiser")["clicks"].to_list()


def test_a_stored_day_a_file_and_a_table_in_memory_have_the_same_answer(tmp_path: Path):
    frame(n=300).write_parquet(tmp_path / "log.parquet")
    frame(n=300).write_csv(tmp_path / "log.csv")
    known = [auctionsim.whatif(tmp_path / name, "mechanism.reserve=0.3").as_dict() for name in ("log.parquet", "log.csv")]
    assert known[0]["changes"] == known[1]["changes"]
    traffic = auctionsim.load_traffic(tmp_path / "log.parquet")
    store(tmp_path / "stored", traffic)
    stored = auctionsim.whatif(tmp_path / "stored", "mechanism.reserve=0.3")
    opened = auctionsim.open_traffic(tmp_path / "stored")
    assert stored.as_dict()["changes"][0]["revenue"] == replayed(opened, reserve=0.3)
    assert stored.as_dict()["changes"][0]["revenue"] == pytest.approx(known[0]["changes"][0]["revenue"], rel=1e-5)


def test_a_reserve_raises_revenue_of_uniform_values_as_myerson_says():
    # Two bidders, values uniform on [0, 1]: an auction brings 1/3 + r^2 - 4/3 r^3, at most for r = 1/2 (Myerson 1981).
    n = 40_000
    reserves = [0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9]
    grid = f"mechanism.reserve={','.join(map(str, reserves))}"
    found = auctionsim.whatif(uniform_values(n), grid=grid).as_dict()
    revenue = [one["revenue"] / n for one in found["changes"]]
    theory = [1 / 3 + r**2 - 4 / 3 * r**3 for r in reserves]
    assert found["unchanged"]["revenue"] / n == pytest.approx(1 / 3, abs=0.005)
    assert revenue == pytest.approx(theory, abs=0.005)
    assert reserves[int(np.argmax(revenue))] == 0.5
    for one, expected in zip(found["changes"], theory, strict=True):
        low, high = one["revenue_interval"]
        assert low < one["revenue"] < high
        assert (high - low) / n < 0.012
        assert abs(expected - one["revenue"] / n) < (high - low) / n


def test_vcg_is_gsp_in_one_slot_and_pays_less_in_two():
    traffic = table(n=1000, candidates=4)
    one = auctionsim.whatif(traffic, "mechanism.pricing=vcg").as_dict()
    assert one["changes"][0]["revenue"] == one["unchanged"]["revenue"]
    assert one["changes"][0]["change"]["revenue"] == {"amount": 0.0, "interval": [0.0, 0.0], "relative": 0.0}
    assert one["changes"][0]["gain"] == one["changes"][0]["lose"] == 0
    two = auctionsim.whatif(traffic, "mechanism.pricing=vcg", base=["mechanism.slot_effect=[1.0,0.6]"]).as_dict()
    assert two["changes"][0]["change"]["revenue"]["interval"][1] < 0


def test_more_budget_is_more_spend_until_nobody_runs_dry():
    traffic = table(n=800)
    budgets = dict.fromkeys(traffic.advertisers, 0.5)
    found = auctionsim.whatif(traffic, ["advertisers.budget=*1.1", "advertisers.budget=none"], budgets=budgets).as_dict()
    assert found["unchanged"]["revenue"] == replayed(traffic, budgets=0.5)
    assert found["changes"][0]["revenue"] == replayed(traffic, budgets=0.5 * 1.1) > found["unchanged"]["revenue"]
    assert found["changes"][1]["revenue"] == replayed(traffic) > found["changes"][0]["revenue"]


def test_budgets_stay_in_currency_where_a_scenario_states_shares():
    overrides = ["advertisers.0.budget=baseline*0.5", "traffic.auctions_per_day=800"]
    scenario = auctionsim.load_scenario("three-arms", overrides=overrides)
    market = auctionsim.build_market(scenario)
    answer = auctionsim.whatif(scenario, ["mechanism.pricing=first", "advertisers.budget=baseline*0.5"], intervals=False)
    # First price raises charges, and a share of the new spend would raise budgets with them.
    spend = answer.advertiser_table.filter(set="mechanism.pricing=first").sort("advertiser")
    limits = dict(zip(market.advertisers, (market.budgets * len(answer.days)).tolist(), strict=True))
    assert all(row["spend"] <= limits[row["advertiser"]] * (1 + 1e-9) for row in spend.iter_rows(named=True))
    assert answer.as_dict()["changes"][1]["change"]["revenue"]["amount"] == 0


def test_half_of_the_advertisers_adopt_a_bidding_product_and_the_others_lose():
    traffic = table(n=1500, advertisers=8)
    answer = auctionsim.whatif(traffic, ["advertisers.controller=truthful@0.5", "advertisers.controller=truthful"])
    half = answer.advertiser_table.filter(set="advertisers.controller=truthful@0.5")
    adopters = half.filter(half["spend_change"] > 0)["advertiser"].to_list()
    assert len(adopters) == 4
    everybody = auctionsim.replay(traffic, coefficients=np.ones((8, 1, 1)), features=("value",)).cost.sum()
    assert answer.as_dict()["changes"][1]["revenue"] == float(everybody)
    again = auctionsim.whatif(traffic, "advertisers.controller=truthful@0.25").advertiser_table
    assert set(again.filter(again["spend_change"] > 0)["advertiser"].to_list()) < set(adopters)


def test_the_answer_is_the_same_for_the_same_seed_and_its_intervals_for_another_are_not():
    traffic = table(n=300)
    first, second = (auctionsim.whatif(traffic, "mechanism.reserve=0.3", seed=seed).as_dict() for seed in (1, 1))
    other = auctionsim.whatif(traffic, "mechanism.reserve=0.3", seed=2).as_dict()
    assert first == second
    assert other["changes"][0]["revenue"] == first["changes"][0]["revenue"]
    assert other["changes"][0]["revenue_interval"] != first["changes"][0]["revenue_interval"]
