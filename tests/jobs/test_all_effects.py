"""A market with everything that makes it real trains, evaluates and resumes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.scenario.file import parse_scenario

TOML = """
name = "everything"
seed = 0

[traffic]
source = "synthetic"
profile = "ipinyou"
days = 3
auctions_per_day = 800
queries = 40
train_days = [0, 1]
test_days = [2]

[mechanism]
pricing = "gsp"
slot_effect = [1.0, 0.5]

[mechanism.preranker]
keep = 4
noise = 0.3

[predictions]
calibration = "isotonic"
[predictions.pctr]
bias = 0.2
noise = 0.3
drift = 0.05

[delays]
mean = 6.0

[information]
regime = "winning-price"
noise = 0.1

[platform]
revenue_floor = 0.0
baseline = "manual"

[[advertisers]]
group = "seller"
count = 5
objectives = { profit = 1.0 }
budget = "baseline*1.0"

[[advertisers]]
group = "buyer"
count = 3
controller = "target-cpa"
cpa_cap = "baseline*1.0"
budget = "baseline*1.2"
[advertisers.autobid]
estimate = "delay-corrected"
rehearsals = 2

[[agencies]]
agency = "house"
members = ["seller[0:2]"]

[adoption]
share = 0.8
groups = ["seller"]

[learner]
algorithm = "macg-es"
population = 4
global_weight = 0.0
own_weight = 1.0

[train]
iterations = 4
"""
SOURCE = "everything.toml"


def test_all_effects_stand_in_one_market():
    market = build_market(parse_scenario(TOML, SOURCE))
    assert market.rules.preranker is not None
    assert market.delays is not None
    assert market.information is not None
    # Four of five sellers adopt a learner; the fifth bids for itself.
    assert len(market.learners) == 4
    assert (market.traffic.market_ecpm > 0).any(), "the profile's floors and rivals"
    assert (market.traffic.pctr != market.traffic.ctr).any(), "the platform's errors"


@pytest.mark.long
# Clicks of iPinYou's display ads are too rare for conversions to be drawn on a day of a test.
@pytest.mark.parametrize(("outcomes", "profile", "auctions"), [("expected", "ipinyou", 800), ("sampled", "alimama", 8000)])
def test_all_effects_together_train_evaluate_and_resume_to_the_same_bytes(
    tmp_path: Path, outcomes: str, profile: str, auctions: int
):
    overrides = (f'mechanism.outcomes="{outcomes}"', f'traffic.profile="{profile}"', f"traffic.auctions_per_day={auctions}")
    scenario = parse_scenario(TOML, SOURCE, overrides=overrides)
    whole = auctionsim.train(scenario, tmp_path / "whole")
    auctionsim.train(scenario, tmp_path / "part", until=2)
    resumed = auctionsim.train(scenario, tmp_path / "part", resume=True)
    tables = sorted(path.name for path in whole.path.glob("*.parquet"))
    assert {"outcomes.parquet", "truth.parquet", "queries.parquet"} <= set(tables)
    for name in (*tables, "metrics.jsonl"):
        assert (whole.path / name).read_bytes() == (resumed.path / name).read_bytes(), name
    table = pl.read_parquet(whole.path / "outcomes.parquet")
    late, come = table["observed_conversions"].sum(), table["conversions"].sum()
    assert 0 < late < come
