"""A run with a section `[information]`: the hidden truth has a table of its own, and training goes on to the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.registry import make_learner
from auctionsim.jobs.training.truth import truth_rows
from auctionsim.market.policy import Constant
from auctionsim.market.simulate import simulate_day
from auctionsim.scenario.file import parse_scenario

from ...conftest import SMALL

KNOWN = (
    "learner.global_weight=0.0", "platform.revenue_floor=0.0", "advertisers.0.profit_floor=0.0",
    'learner.policy="contextual"', "information.delay=2",
    'information.regime="least-winning-cost"', "information.noise=0.2", "traffic.auctions_per_day=200",
    "train.iterations=3",
)  # fmt: skip
PACED = '\n[[advertisers]]\ngroup = "paced"\ncount = 2\ncontroller = "pid"\nbudget = "baseline*0.5"\n'


def test_the_truth_is_beside_what_was_shown():
    market = build_market(parse_scenario(SMALL + PACED, "x.toml", overrides=KNOWN))
    theta = np.where(np.isnan(market.fixed), np.nan, 0.1)[:, :, None]
    found = truth_rows(market, 0, simulate_day(market, 2, Constant(theta)))
    run = simulate_day(market, 2, Constant(theta)).outcome
    assert found.height == 24 * 7
    revenue = found.filter(pl.col("advertiser") == "seller_0")["platform_revenue"].to_numpy()
    np.testing.assert_array_equal(revenue, run.revenue[:, 0])
    won = found.filter(pl.col("winning_price").is_not_null())
    # Prices are as if nobody's budget ran out within the hour, as the paced ones' does at times.
    assert abs(won.height - (run.impressions[:, :, 0] > 0).sum()) <= 2
    assert (won["winning_price"] != won["shown_winning_price"]).all()
    error = np.log((won["shown_least_winning_cost"] / won["least_winning_cost"]).to_numpy())
    assert 0.02 < error.std() < 0.2
    assert found.filter(pl.col("advertiser") == "paced_0")["budget_left"].is_sorted(descending=True)
    assert found.filter(pl.col("advertiser") == "seller_0")["budget_left"].is_null().all()


@pytest.mark.long
def test_training_resumes_to_the_same_bytes(tmp_path: Path):
    scenario = parse_scenario(SMALL + PACED, "small.toml", overrides=KNOWN)
    whole = auctionsim.train(scenario, tmp_path / "whole")
    auctionsim.train(scenario, tmp_path / "part", until=1)
    resumed = auctionsim.train(scenario, tmp_path / "part", resume=True)
    for name in ("outcomes.parquet", "metrics.jsonl", "truth.parquet"):
        assert (whole.path / name).read_bytes() == (resumed.path / name).read_bytes()
    assert auctionsim.Run.open(whole.path).table("truth").height == 2 * 24 * 7


def test_full_information_bids_as_without_the_section():
    keys = ('learner.policy="contextual"', "train.iterations=2", "traffic.auctions_per_day=200")
    found = []
    for overrides in ((), ('information.regime="full"',)):
        scenario = parse_scenario(SMALL + PACED, "x.toml", overrides=[*keys, *overrides])
        market, learner = build_market(scenario), make_learner(scenario)
        found.append(np.stack(simulate_day(market, 2, learner.policy(market, trained(learner, market, 2))).bids))
    np.testing.assert_array_equal(found[0], found[1])
