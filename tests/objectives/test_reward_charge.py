"""Rewards stay finite, also where the baseline of a sampled day earns next to nothing."""

from __future__ import annotations

import numpy as np

from auctionsim.agents.build import build_market
from auctionsim.agents.learners.rl.rollout import roll_out
from auctionsim.market.goals import training_goals
from auctionsim.objectives.fitness import REWARD_LIMIT, day_charge, reward_charge
from auctionsim.scenario.file import load_scenario


def test_rewards_of_a_sampled_day_with_a_poor_baseline_are_finite():
    market = build_market(load_scenario("three-arms", overrides=("mechanism.outcomes=sampled",)), 0)
    rng = np.random.default_rng(0)

    def act(_: int, observations: np.ndarray) -> np.ndarray:
        return rng.normal(size=(*observations.shape[:2], 3)).astype(np.float32)

    for day in market.scenario.traffic.train_days:
        rewards = roll_out(market, day, 4, act).rewards
        assert np.isfinite(rewards).all()
        assert rewards.min() >= -1.000001 * REWARD_LIMIT


def test_only_charges_beyond_the_limit_are_cut():
    scenario = load_scenario("three-arms", overrides=("mechanism.outcomes=sampled",))
    market = build_market(scenario, 0)
    goals = training_goals(market, scenario.traffic.train_days[1])
    # Everybody pays from nothing to ten times what it gets.
    totals = np.ones((len(market.advertisers), 5, 200))
    totals[:, 4] = np.linspace(0, 10, 200)
    charge, limited = (of(totals, goals, scenario.learner) for of in (day_charge, reward_charge))
    assert (limited == np.where(charge > REWARD_LIMIT, REWARD_LIMIT, charge)).all()
    assert (charge > REWARD_LIMIT).any()
    assert (charge < REWARD_LIMIT).any()
