"""Rewards that any learner survives, on every built-in scenario, and costs for learners with constraints of their own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import NormalizeReward
from gymnasium.wrappers.vector import NormalizeReward as NormalizeRewards
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auctionsim.envs import COSTS, AuctionVectorEnv, FlattenAgents, SingleBidderEnv, parallel_env
from auctionsim.errors import InputError
from auctionsim.objectives.penalties import PENALTIES
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import load_scenario

BUILTIN = sorted(
    file.name.removesuffix(".toml") for file in files("auctionsim.scenario.builtin").iterdir() if file.name.endswith(".toml")
)
HOURS = 24


@cache
def small_form(name: str) -> AuctionVectorEnv:
    """A built-in scenario with a thousandth of its traffic or less, floors on; two days side by side."""
    scenario = load_scenario(name, overrides=["traffic.auctions_per_day=600", "traffic.weight=1"])
    return AuctionVectorEnv(scenario, 2, max_multiplier=1e3)


@pytest.mark.parametrize("name", BUILTIN)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    plan=arrays(np.float32, (HOURS, 2, 4, 3), elements=st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0])),
    seed=st.integers(0, 2**31),
)
def test_any_actions_on_any_built_in_scenario_give_finite_rewards_within_1e4(name: str, plan: np.ndarray, seed: int):
    env = small_form(name)
    env.reset(seed=seed)
    n = len(env.agents)
    returns = np.zeros((2, n), np.float32)
    for hour in range(HOURS):
        # Four kinds of agents, each with a plan of its own.
        _, rewards, _, _, infos = env.step(plan[hour][:, np.arange(n) % 4])
        assert np.isfinite(rewards.astype(np.float32)).all()
        assert np.abs(rewards).max() < 1e4
        assert all(np.isfinite(infos[key].astype(np.float32)).all() for key in ("costs", "violations"))
        returns += rewards.astype(np.float32)
    assert np.abs(returns).max() < 1e4


def test_a_day_on_which_everybody_pays_fifty_times_its_value_ends_in_minus_hundreds_and_not_in_minus_infinity():
    env = parallel_env(load_scenario("three-arms", overrides=["traffic.auctions_per_day=600"]))
    last = {}
    for penalty in PENALTIES:
        env = parallel_env(env.market, penalty=penalty)
        env.reset(seed=0)
        while env.agents:
            _, rewards, *_ = env.step({agent: np.ones(3, np.float32) for agent in env.agents})
        last[penalty] = min(rewards.values())
    assert -1000 < last["capped"] < -20
    assert last["linear"] < last["capped"] < last["none"] < 0


@pytest.mark.parametrize("seed", range(3))
def test_normalize_reward_stays_finite_with_floors_on(seed: int):
    scenario = load_scenario("three-arms", overrides=["traffic.auctions_per_day=600"])
    single = NormalizeReward(gymnasium.make("auctionsim/SingleBidder-v0", scenario=scenario))
    single.reset(seed=seed)
    single.action_space.seed(seed)
    found = []
    for _ in range(3 * HOURS):
        _, reward, is_over, _, _ = single.step(single.action_space.sample())
        found.append(reward)
        if is_over:
            single.reset()
    many = NormalizeRewards(FlattenAgents(AuctionVectorEnv(single.unwrapped.market, 2)))
    many.reset(seed=seed)
    many.action_space.seed(seed)
    for _ in range(2 * HOURS):
        found.extend(many.step(many.action_space.sample())[1])
    assert np.isfinite(np.array(found, np.float32)).all()
    assert np.ptp(found) > 0.1


def test_the_costs_of_a_day_tell_which_limits_were_kept(small: Scenario):
    env = parallel_env(small)
    for multiplier in (0.0, 0.5):
        env.reset(seed=0)
        total = 0.0
        while env.agents:
            *_, infos = env.step({agent: np.full(3, multiplier, np.float32) for agent in env.agents})
            total = total + np.stack([infos[agent]["costs"] for agent in env.possible_agents])
        found = np.stack([infos[agent]["violations"] for agent in env.possible_agents])
        for key in ("profit_floor", "revenue_floor"):
            np.testing.assert_allclose(total[:, COSTS.index(key)], found[:, COSTS.index(key)], rtol=1e-9, atol=1e-9)
        # A high bid costs profit and brings revenue.
        if multiplier:
            assert (total[:, COSTS.index("profit_floor")] > 0).all()
            assert (total[:, COSTS.index("revenue_floor")] < 0).all()
        limits = np.stack([infos[agent]["limits"] for agent in env.possible_agents])
        assert np.isinf(limits[:, COSTS.index("cpc_cap")]).all()
        assert (limits[:, COSTS.index("revenue_floor")] > 0).all()
        assert all(env.cost_space(agent).contains(infos[agent]["costs"]) for agent in env.possible_agents)


def test_a_penalty_that_is_unknown_is_refused_in_one_line(small: Scenario):
    market = parallel_env(small).market
    for make in (parallel_env, AuctionVectorEnv, SingleBidderEnv):
        for bad in ("cap", None, 1.0):
            with pytest.raises(InputError, match=r"^penalty: (unknown|expected) .*"):
                make(market, penalty=bad)
