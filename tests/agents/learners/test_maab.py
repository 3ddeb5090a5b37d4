"""`maab`: rewards shared by temperature, bid floors that withhold them, and what both do to a market."""

from __future__ import annotations

import numpy as np
import pytest

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import trained
from auctionsim.agents.learners.grouped.clusters import ClusterDays, by_group
from auctionsim.agents.learners.grouped.maab import _bids, shared_rewards
from auctionsim.agents.learners.registry import make_learner
from auctionsim.agents.learners.rl.replay_memory import NON_TERMINAL, TERMINAL
from auctionsim.auction.outcome import COST
from auctionsim.market.goals import goals_of
from auctionsim.market.simulate import simulate_day
from auctionsim.objectives import goals as obj
from auctionsim.scenario.file import parse_scenario

MULTIPLIERS = np.array([0.0, 1.0, 2.0])
TWO_GROUPS = """
name = "two-groups"
[traffic]
auctions_per_day = 600
queries = 20
candidates = 4
[mechanism]
reserve = 0.01
[[advertisers]]
group = "a"
count = 3
[[advertisers]]
group = "b"
count = 3
[learner]
algorithm = "maab"
population = 8
maab.exploration_fraction = 0.4
[train]
iterations = 14
"""


def played(actions: list[int], objective: list[float], payment: list[float] | None = None) -> ClusterDays:
    """A day of 24 equal hours of two groups, with bid floors where there are four actions."""
    hours, groups = 24, len(objective)
    return ClusterDays(
        observed=np.zeros((1, hours + 1, groups, 15), dtype=np.float32),
        chosen=np.tile(np.array(actions), (1, hours, 1)),
        objective=np.tile(np.array(objective), (1, hours, 1)),
        payment=np.tile(np.array(payment or [0.0] * groups), (1, hours, 1)),
        revenue=np.ones(1),
        profit=np.ones(1),
    )


def test_what_all_earn_is_shared_by_the_softmax_of_the_bids():
    reward = shared_rewards(played([0, 2], [3.0, 1.0]), MULTIPLIERS, temperature=2.0).reward[0, 0]
    # a = softmax(0, 2 / 2) of r_tot = 4.
    share = np.array([1.0, np.e]) / (1.0 + np.e)
    np.testing.assert_allclose(reward, 4.0 * share, rtol=1e-6)


def test_small_temperatures_pay_the_highest_bidder_alone_and_large_ones_all_alike():
    for temperature, expected in ((1e-3, [0.0, 4.0]), (1e6, [2.0, 2.0])):
        reward = shared_rewards(played([1, 2], [3.0, 1.0]), MULTIPLIERS, temperature).reward[0, 0]
        np.testing.assert_allclose(reward, expected, atol=1e-5)


def test_bids_below_the_bar_earn_nothing_and_the_bar_earns_what_passes_pays():
    # Group 0 bids 1 under a bar of 2; group 1 bids 2 at a bar of 2.
    days = shared_rewards(played([1, 2, 2, 2], [3.0, 1.0], [0.5, 0.7]), MULTIPLIERS, temperature=1e6)
    np.testing.assert_allclose(days.reward[0, 0], [0.0, 2.0, 0.0, 0.7], atol=1e-5)
    assert days.state.shape == (1, 25, 4, 15)
    assert (days.kind[:, :-1] == NON_TERMINAL).all()
    assert (days.kind[:, -1] == TERMINAL).all()


def test_a_multiplier_of_one_bids_the_groups_mean_keyword_bid_on_its_mean_value():
    market = build_market(parse_scenario(TWO_GROUPS, "x"))
    clusters = by_group(market)
    assert [own.tolist() for own in clusters] == [[0, 1, 2], [3, 4, 5]]
    theta = _bids(market, clusters, np.array([[1.0, 2.0]]))
    mean = market.mean_features
    for own, multiplier in zip(clusters, (1.0, 2.0), strict=True):
        assert (theta[own, 2, 0] == theta[own[0], 2, 0]).all()
        assert theta[own[0], 2, 0] * mean[own, 2].mean() == pytest.approx(multiplier * mean[own, 3].mean())
    assert not np.delete(theta, 2, axis=1).any()


@pytest.mark.slow
@pytest.mark.long
def test_bid_floors_and_low_temperatures_keep_revenue_up():
    def revenue(*overrides: str) -> float:
        scenario = parse_scenario(TWO_GROUPS, "x", overrides=overrides)
        market, learner = build_market(scenario), make_learner(scenario)
        policy = learner.policy(market, trained(learner, market, scenario.train.iterations))
        days = [(obj.day_totals(simulate_day(market, day, policy).outcome), goals_of(market, day)) for day in (2, 3)]
        return float(np.mean([totals[:, COST].sum() / goals.revenue_scale[0] for totals, goals in days]))

    cooperating = revenue("learner.maab.bid_floors=false")
    assert revenue() > 1.2 * cooperating
    assert revenue("learner.maab.bid_floors=false", "learner.maab.temperature=0.2") > 1.2 * cooperating
