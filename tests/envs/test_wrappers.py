"""Wrappers of Gymnasium and PettingZoo go around the environments: whole days, observations in the space, finite rewards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector
from pettingzoo.utils import aec_to_parallel, parallel_to_aec
from pettingzoo.utils import wrappers as turns

from auctionsim.envs import SingleBidderEnv, env, parallel_env
from auctionsim.market.market import Market

from ..conftest import SMALL
from .test_promises import market_of, parse_scenario

HOURS, ENVS = 24, 2
# Gymnasium compares float32 bounds with the range of float64.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning:gymnasium")


@pytest.fixture(scope="module")
def market() -> Market:
    return market_of(parse_scenario(SMALL, "test"))


SINGLE: dict[str, Callable[[Any], Any]] = {
    "Autoreset": wrappers.Autoreset,
    "ClipAction": wrappers.ClipAction,
    "ClipReward": lambda made: wrappers.ClipReward(made, -1, 1),
    "DelayObservation": lambda made: wrappers.DelayObservation(made, 2),
    "DtypeObservation": lambda made: wrappers.DtypeObservation(made, np.float64),
    "FlattenObservation": wrappers.FlattenObservation,
    "FrameStackObservation": lambda made: wrappers.FrameStackObservation(made, 3),
    "MaxAndSkipObservation": lambda made: wrappers.MaxAndSkipObservation(made, 2),
    "NormalizeObservation": wrappers.NormalizeObservation,
    "NormalizeReward": wrappers.NormalizeReward,
    "OrderEnforcing": wrappers.OrderEnforcing,
    "PassiveEnvChecker": wrappers.PassiveEnvChecker,
    "RecordEpisodeStatistics": wrappers.RecordEpisodeStatistics,
    "RescaleAction": lambda made: wrappers.RescaleAction(made, np.float32(-2), np.float32(2)),
    "StickyAction": lambda made: wrappers.StickyAction(made, 0.2),
    "TimeAwareObservation": lambda made: wrappers.TimeAwareObservation(wrappers.TimeLimit(made, HOURS)),
    "TimeLimit": lambda made: wrappers.TimeLimit(made, 5),
}


@pytest.mark.parametrize("wrap", SINGLE.values(), ids=SINGLE)
def test_gymnasium_s_wrappers_of_a_single_environment(wrap: Callable[[Any], Any], market: Market):
    made = wrap(SingleBidderEnv(market))
    made.reset(seed=0)
    made.action_space.seed(0)
    ends = 0
    for _ in range(HOURS):
        observation, reward, terminated, truncated, _ = made.step(made.action_space.sample())
        assert made.observation_space.contains(observation)
        assert np.isfinite(reward)
        if terminated or truncated:
            ends += 1
            made.reset()
    assert ends


VECTOR: dict[str, Callable[[Any], Any]] = {
    "ClipAction": vector.ClipAction,
    "ClipReward": lambda made: vector.ClipReward(made, -1, 1),
    "DtypeObservation": lambda made: vector.DtypeObservation(made, np.float64),
    "FlattenObservation": vector.FlattenObservation,
    "NormalizeObservation": vector.NormalizeObservation,
    "NormalizeReward": vector.NormalizeReward,
    "RecordEpisodeStatistics": vector.RecordEpisodeStatistics,
    "RescaleAction": lambda made: vector.RescaleAction(made, np.float32(-2), np.float32(2)),
    "DictInfoToList": vector.DictInfoToList,
}


@pytest.mark.parametrize("wrap", VECTOR.values(), ids=VECTOR)
def test_gymnasium_s_wrappers_of_shared_calls(wrap: Callable[[Any], Any], market: Market):
    if wrap.__name__ == "NormalizeObservation" and gymnasium.__version__.startswith("1.1."):
        pytest.skip("Gymnasium 1.1 normalizes into 64 bits and declares 32")
    made = wrap(gymnasium.make_vec("auctionsim/SingleBidder-v0", ENVS, scenario=market))
    made.reset(seed=0)
    made.action_space.seed(0)
    ends = 0
    for _ in range(HOURS + 2):
        observations, rewards, terminations, _, infos = made.step(made.action_space.sample())
        assert made.observation_space.contains(observations)
        assert np.isfinite(rewards).all()
        assert len(infos) == ENVS or isinstance(infos, dict)
        ends += int(terminations.sum())
    assert ends == ENVS


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
def test_gymnasium_s_own_vector_environments_equal_shared_calls(kind: Any, mode: AutoresetMode, market: Market):
    # Market and all are copied to other processes with AsyncVectorEnv.
    separate = kind([lambda: SingleBidderEnv(market)] * ENVS, autoreset_mode=mode)
    together = gymnasium.make_vec("auctionsim/SingleBidder-v0", ENVS, scenario=market, autoreset_mode=mode)
    (first, _), (second, _) = (made.reset(seed=3) for made in (separate, together))
    assert np.array_equal(first, second)
    for _ in range(HOURS + 2):
        actions = separate.action_space.sample()
        for ours, own in zip(together.step(actions)[:4], separate.step(actions)[:4], strict=True):
            assert np.array_equal(ours, own)
    separate.close()


TURNS: dict[str, Callable[[Any], Any]] = {
    "AssertOutOfBoundsWrapper": lambda market: turns.AssertOutOfBoundsWrapper(
        env(market, bid_model="value", action_mode="discrete")
    ),
    "ClipOutOfBoundsWrapper": lambda market: turns.ClipOutOfBoundsWrapper(env(market)),
    "OrderEnforcingWrapper": lambda market: turns.OrderEnforcingWrapper(env(market)),
    "MultiEpisodeEnv": lambda market: turns.MultiEpisodeEnv(env(market), 2),
    "parallel_to_aec": lambda market: parallel_to_aec(parallel_env(market)),
}


@pytest.mark.parametrize("make", TURNS.values(), ids=TURNS)
def test_pettingzoo_s_wrappers_of_turns(make: Callable[[Market], Any], market: Market):
    made = make(market)
    made.reset(seed=0)
    for agent in made.agent_iter(2 * HOURS * len(made.possible_agents)):
        observation, reward, terminated, truncated, _ = made.last()
        assert made.observation_space(agent).contains(observation)
        assert np.isfinite(reward)
        made.step(None if terminated or truncated else made.action_space(agent).sample())


PARALLEL: dict[str, Callable[[Any], Any]] = {
    "aec_to_parallel": lambda market: aec_to_parallel(env(market)),
    "BaseParallelWrapper": lambda market: turns.BaseParallelWrapper(parallel_env(market)),
    "MultiEpisodeParallelEnv": lambda market: turns.MultiEpisodeParallelEnv(parallel_env(market), 2),
}


@pytest.mark.parametrize("make", PARALLEL.values(), ids=PARALLEL)
def test_pettingzoo_s_wrappers_of_parallel_environments(make: Callable[[Market], Any], market: Market):
    made = make(market)
    made.reset(seed=0)
    hours = 0
    while made.agents:
        actions = {agent: made.action_space(agent).sample() for agent in made.agents}
        observations, rewards, *_ = made.step(actions)
        assert all(made.observation_space(agent).contains(seen) for agent, seen in observations.items())
        assert np.isfinite(list(rewards.values())).all()
        hours += 1
    assert hours in (HOURS, 2 * HOURS)
