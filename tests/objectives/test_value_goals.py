"""A goal in place of weights: training, rewards, bounds and reports see what the weights and the constraint would say."""

from __future__ import annotations

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.base import iterate
from auctionsim.agents.learners.registry import make_learner
from auctionsim.bounds.oracle import lp_bound
from auctionsim.envs import AuctionVectorEnv
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

BY_GOAL = 'goal = "target-roas"\nroas_floor = 3.0\n'
BY_WEIGHTS = "objectives = { gmv = 1.0 }\nroi_floor = 2.0\n"


def selling(keys: str) -> Scenario:
    text = SMALL.replace("profit_floor = 1.0\n", keys).replace("revenue_floor = 1.0", "")
    return parse_scenario(text, "x.toml", overrides=["traffic.auctions_per_day=300", "learner.own_weight=1.0"])


def test_training_rewards_bounds_and_reports_are_those_of_weights_and_a_constraint():
    goal, weights = selling(BY_GOAL), selling(BY_WEIGHTS)
    markets = [build_market(one) for one in (goal, weights)]
    states, rewards, bounds = [], [], []
    for scenario, market in zip((goal, weights), markets, strict=True):
        learner = make_learner(scenario)
        states.append(iterate(learner, market, learner.start(market))[0])
        env = AuctionVectorEnv(scenario, 2, autoreset_mode="Disabled")
        env.reset(seed=1)
        env.action_space.seed(0)
        rewards.append([env.step(env.action_space.sample())[1] for _ in range(24)])
        bounds.append(lp_bound(market, 2, own_weight=1.0, global_weight=0.0).value)
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[1][name])
    np.testing.assert_array_equal(*rewards)
    assert bounds[0] == bounds[1] > 0
    # The bound is one of values under the target: without it, more can be had.
    freer = build_market(selling("objectives = { gmv = 1.0 }\n"))
    assert lp_bound(freer, 2, own_weight=1.0, global_weight=0.0).value >= bounds[0]
