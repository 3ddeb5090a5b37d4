"""Rewards as vectors, in the conventions of MO-Gymnasium and MOMAland, without either: tests/clients has their own tests."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from pettingzoo.test import parallel_seed_test

from auctionsim.envs import AuctionVectorEnv, FlattenAgents, SingleBidderEnv, env, parallel_env
from auctionsim.envs.markets import market_of
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

FORMS = ("scalar", "vector")
SHAPES = {"parallel": (4,), "turn by turn": (4,), "single": (4,), "vector": (2, 5, 4), "flat": (10, 4)}


@pytest.fixture(scope="module")
def market() -> Market:
    return market_of(parse_scenario(SMALL, "test"))


def made(kind: str, market: Market, **arguments: Any) -> Any:
    if kind in ("vector", "flat"):
        many = AuctionVectorEnv(market, 2, **arguments)
        return FlattenAgents(many) if kind == "flat" else many
    return {"parallel": parallel_env, "turn by turn": env, "single": SingleBidderEnv}[kind](market, **arguments)


def day(kind: str, market: Market, actions: np.random.Generator, **arguments: Any) -> tuple[list[Any], list[Any]]:
    """Play a day; return all rewards and all objectives, in the order of agents."""
    one, rewards, objectives = made(kind, market, **arguments), [], []
    one.reset(seed=0)
    for _ in range(24):
        if kind in ("parallel", "turn by turn"):
            chosen = {agent: actions.uniform(-0.2, 0.2, 3).astype(np.float32) for agent in one.agents}
            names = list(chosen)
            if kind == "parallel":
                _, found, _, _, infos = one.step(chosen)
            else:
                for agent in names:
                    one.step(chosen[agent])
                found, infos = dict(one.rewards), one.infos
            rewards += [found[agent] for agent in names]
            objectives += [infos[agent]["objectives"] for agent in names]
        else:
            _, reward, _, _, info = one.step(actions.uniform(-0.2, 0.2, one.action_space.shape).astype(np.float32))
            rewards.append(reward)
            objectives.append(info["objectives"])
    return rewards, objectives


def reward_spaces(kind: str, one: Any) -> list[gymnasium.spaces.Box]:
    """The spaces of the rewards of one environment, by agent where it names agents."""
    if kind in ("parallel", "turn by turn"):
        assert all(one.reward_space(agent) is one.reward_spaces[agent] for agent in one.possible_agents)
        return [one.reward_space(agent) for agent in one.possible_agents]
    return [one.reward_space]


@pytest.mark.parametrize("kind", SHAPES)
def test_a_vector_of_rewards_is_the_objectives_of_the_hour_in_single_precision(market: Market, kind: str):
    rewards, objectives = day(kind, market, np.random.default_rng(0), reward="vector")
    for reward, objective in zip(rewards, objectives, strict=True):
        assert isinstance(reward, np.ndarray)
        assert (reward.shape, reward.dtype) == (SHAPES[kind], np.float32)
        np.testing.assert_array_equal(reward, objective.astype(np.float32))
    assert (np.abs(np.stack(rewards)).max(axis=tuple(range(np.ndim(rewards) - 1))) > 0).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", SHAPES)
def test_the_reward_space_is_that_of_rewards_and_of_objectives_by_agent(market: Market, kind: str, form: str):
    one = made(kind, market, reward=form)
    rewards, objectives = day(kind, market, np.random.default_rng(0), reward=form)
    by_agent = kind in ("parallel", "turn by turn")
    for space in reward_spaces(kind, one):
        for reward, objective in zip(rewards[:10], objectives[:10], strict=True):
            # MOMAland's `reward_space(agent)` is that of vectors always; Gymnasium's clients read it as that of the reward.
            for value in reward if kind in ("vector", "flat") else [reward]:
                assert space.contains(np.asarray(value)) == (form == "vector" or not by_agent)
            if form == "scalar" and not by_agent:
                continue
            for value in objective if kind in ("vector", "flat") else [objective]:
                assert space.contains(value.astype(space.dtype))
                assert form == "vector" or space.contains(value)
        assert space.dtype == (np.float32 if form == "vector" else np.float64)


@pytest.mark.parametrize("kind", SHAPES)
def test_the_form_of_the_reward_changes_nothing_else(market: Market, kind: str):
    scalar, vector = (day(kind, market, np.random.default_rng(0), reward=form)[1] for form in FORMS)
    np.testing.assert_array_equal(np.stack(scalar), np.stack(vector))
    default, scalar_rewards = (day(kind, market, np.random.default_rng(0), **given)[0] for given in ({}, {"reward": "scalar"}))
    np.testing.assert_array_equal(default, scalar_rewards)
    assert np.ndim(default) == len(SHAPES[kind])


def test_turn_by_turn_every_agent_gets_the_vector_of_the_hour_before(market: Market):
    in_turn, together = env(market, reward="vector", max_cycles=3), parallel_env(market, reward="vector", max_cycles=3)
    in_turn.reset(seed=0), together.reset(seed=0)
    expected = {agent: np.zeros(4, np.float32) for agent in together.agents}
    while together.agents:
        for agent in list(together.agents):
            assert in_turn.agent_selection == agent
            reward = in_turn.last()[1]
            np.testing.assert_array_equal(reward, expected[agent])
            assert reward.dtype == np.float32
            reward[:] = -1.0  # a wrapper may write into what it was given
            np.testing.assert_array_equal(in_turn.last()[1], expected[agent])
            in_turn.step(np.zeros(3, np.float32))
        expected = together.step({agent: np.zeros(3, np.float32) for agent in together.agents})[1]
        for agent, reward in expected.items():
            np.testing.assert_array_equal(in_turn.rewards[agent], reward)
    for agent in in_turn.agent_iter():
        np.testing.assert_array_equal(in_turn.last()[1], expected[agent])
        in_turn.step(None)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_the_step_that_begins_a_day_has_a_vector_of_zeros_or_that_of_the_end(market: Market, mode: str):
    many = AuctionVectorEnv(market, 2, reward="vector", autoreset_mode=mode, max_cycles=2)
    many.reset(seed=0)
    rewards = [many.step(np.zeros(many.action_space.shape, np.float32))[1] for _ in range(3)]
    assert all(reward.shape == (2, 5, 4) for reward in rewards)
    assert [(reward != 0).any() for reward in rewards] == [True, True, mode == "SameStep"]


def test_a_vector_of_rewards_may_be_changed_in_place(market: Market):
    tried, plain = (made("parallel", market, reward="vector") for _ in range(2))
    for one in (tried, plain):
        one.reset(seed=0)
    for _ in range(3):
        actions = {agent: np.zeros(3, np.float32) for agent in plain.agents}
        given, kept = tried.step(actions), plain.step(actions)
        for agent, reward in kept[1].items():
            np.testing.assert_array_equal(given[1][agent], reward)
            given[1][agent][:] = 7.0
            np.testing.assert_array_equal(given[4][agent]["objectives"], kept[4][agent]["objectives"])


def test_gymnasium_makes_single_bidders_with_vectors_and_seeds_hold(market: Market):
    one = gymnasium.make("auctionsim/SingleBidder-v0", scenario=market, reward="vector", disable_env_checker=True)
    many = gymnasium.make_vec("auctionsim/SingleBidder-v0", num_envs=2, scenario=market, reward="vector")
    one.reset(seed=0), many.reset(seed=0)
    for _ in range(3):
        alone = one.step(np.zeros(3, np.float32))[1]
        np.testing.assert_array_equal(alone, many.step(np.zeros((2, 3), np.float32))[1][0])
    assert one.unwrapped.reward_space == many.unwrapped.reward_space
    assert one.unwrapped.reward_space.shape == (4,)
    parallel_seed_test(lambda: parallel_env(market, reward="vector"), num_cycles=30)


def test_a_form_that_is_unknown_is_refused_in_one_line(market: Market):
    for kind in SHAPES:
        with pytest.raises(InputError, match=r"^reward: unknown 'vectors'.*'vector'"):
            made(kind, market, reward="vectors")
