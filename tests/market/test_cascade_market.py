"""A scenario with a pre-ranker: training, bounds, single auctions and changes all meet the candidates that it keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import auctionsim
from auctionsim.agents.build import build_market
from auctionsim.analysis.economics.auctions import auctions_of
from auctionsim.auction.rules import PreRanker
from auctionsim.bounds.oracle import lp_bound
from auctionsim.scenario.file import parse_scenario
from auctionsim.scenario.text import scenario_text

from ..conftest import SMALL

KEPT = ("mechanism.preranker.keep=2", "mechanism.preranker.noise=0.6")


def test_a_scenario_passes_its_section_on_and_its_seed_draws_the_errors():
    scenario = parse_scenario(SMALL, "small.toml", overrides=KEPT)
    assert parse_scenario(scenario_text(scenario), "small.toml") == scenario
    one, other, plain = build_market(scenario, 3), build_market(scenario, 4), build_market(parse_scenario(SMALL, "s"), 3)
    assert one.rules.preranker == PreRanker(2, 0.6, "ecpm", 3)
    assert one.is_ranked.mean() == pytest.approx(0.5)
    assert plain.is_ranked.all()
    assert (one.is_ranked != other.is_ranked).any()
    np.testing.assert_array_equal(one.traffic.pctr, plain.traffic.pctr)
    # An advertiser's auctions are those that it came through to, and so are its meetings: one of four others, not three.
    assert one.hourly_auctions(0).sum() == 0.5 * plain.hourly_auctions(0).sum()
    assert (plain.meeting_share(0), one.meeting_share(0)) == pytest.approx((0.75, 0.25))


def test_the_bound_is_that_of_the_candidates_that_are_kept():
    scenario = parse_scenario(SMALL, "small.toml", overrides=(*KEPT, "platform.revenue_floor=0.0"))
    market = build_market(scenario, 0)
    bound = lp_bound(market, 2)
    best = max(
        float((one.gmv - one.cost).sum()) for one in (market.outcome(2, market.static(rule)) for rule in ("manual", "truthful"))
    )
    assert bound.status == "optimal"
    assert bound.total_profit >= best - 1e-9
    # Nobody can win with a candidate that was dropped: the same rows without them have the same bound.
    assert len(bound.wins) <= market.is_ranked.sum()


def test_single_auctions_clear_among_the_candidates_that_are_kept():
    market = build_market(parse_scenario(SMALL, "small.toml", overrides=KEPT), 0)
    auctions = auctions_of(market.traffic, [market.traffic.keyword_bid], market.rules, [2])
    assert (auctions.exists.sum(axis=1) == 2).all()
    done, exact = auctions.outcome(), market.without_budgets().outcome(2, market.static("manual"))
    assert done.revenue.sum() == pytest.approx(exact.cost.sum())
    assert done.clicks.sum() == pytest.approx(exact.clicks.sum())


@pytest.mark.long
def test_training_with_a_preranker_and_wrong_predictions_resumes_to_the_same_bytes(tmp_path: Path):
    overrides = (*KEPT, "predictions.pctr.noise=0.3", 'predictions.calibration="field"', 'mechanism.outcomes="sampled"')
    scenario = parse_scenario(SMALL, "small.toml", overrides=overrides)
    whole = auctionsim.train(scenario, tmp_path / "whole")
    auctionsim.train(scenario, tmp_path / "part", until=2)
    resumed = auctionsim.train(scenario, tmp_path / "part", resume=True)
    for name in ("outcomes.parquet", "metrics.jsonl"):
        assert (whole.path / name).read_bytes() == (resumed.path / name).read_bytes()
