"""The PettingZoo environment: the ecosystem's own tests, and ours where they are blind."""

from __future__ import annotations

import numpy as np
import pytest
from auctionsim.envs import AuctionParallelEnv, objectives, parallel_env
from auctionsim.envs.observations import FEATURES
from pettingzoo.test import parallel_api_test

from auctionsim.scenario import Scenario
from auctionsim.scenario_file import parse_scenario

from .conftest import SMALL


def play(env: AuctionParallelEnv, seed: int, action_seed: int = 0) -> tuple[list, dict[str, float]]:
    """A whole day with random actions; every observation, and each agent's return."""
    rng = np.random.default_rng(action_seed)
    seen, returns = [env.reset(seed=seed)[0]], dict.fromkeys(env.possible_agents, 0.0)
    while env.agents:
        actions = {agent: rng.uniform(-1, 1, 3).astype(np.float32) for agent in env.agents}
        observations, rewards, terminations, truncations, infos = env.step(actions)
        assert not any(truncations.values())
        assert set(infos) == set(env.possible_agents)
        for agent, reward in rewards.items():
            returns[agent] += reward
        seen.append(observations)
    assert all(terminations.values())
    return seen, returns


def test_it_passes_pettingzoo_s_parallel_api_test(small: Scenario):
    parallel_api_test(parallel_env(small), num_cycles=100)


def test_a_day_has_24_steps_and_every_observation_lies_in_its_space(small: Scenario):
    env = parallel_env(small)
    seen, _ = play(env, seed=0)
    assert len(seen) == 25
    for observations in seen:
        for agent, observation in observations.items():
            assert env.observation_space(agent).contains(observation)


def test_the_same_seed_and_actions_give_the_same_day(small: Scenario):
    one, other = (play(parallel_env(small), seed=5) for _ in range(2))
    assert one[1] == other[1]
    assert all((a[agent] == b[agent]).all() for a, b in zip(one[0], other[0], strict=True) for agent in a)


def test_the_rewards_of_a_day_add_up_to_its_fitness(small: Scenario):
    env = parallel_env(small)
    _, returns = play(env, seed=0)
    score = objectives.day_score(env._totals, env._goals, small.learner)
    np.testing.assert_allclose(list(returns.values()), score[:, 0], rtol=1e-9)


def test_a_higher_bid_takes_impressions_from_rivals(small: Scenario):
    def impressions(log_multiplier: float) -> np.ndarray:
        env = parallel_env(small)
        env.reset(options={"day": 0})
        while env.agents:
            actions = {agent: np.zeros(3, np.float32) for agent in env.agents}
            actions["seller-0"] = np.full(3, log_multiplier, np.float32)
            env.step(actions)
        return env._totals[:, 0, 0]

    low, high = impressions(-1.0), impressions(1.0)
    assert high[0] > low[0]
    assert high[1:].sum() < low[1:].sum()


def test_manual_advertisers_are_no_agents_and_bid_by_keyword():
    text = SMALL + '\n[[advertisers]]\ngroup = "shop"\ncount = 2\ncontroller = "manual"\n'
    env = parallel_env(parse_scenario(text, "x.toml"))
    assert env.possible_agents == [f"seller-{i}" for i in range(5)]
    assert env.market.fixed[5:].tolist() == [[0, 0, 0, 1]] * 2


def test_an_advertiser_without_budget_left_stays_with_nothing_left():
    scenario = parse_scenario(SMALL, "x.toml", overrides=['advertisers.0.budget="reference*0.1"'])
    env = parallel_env(scenario)
    env.reset(seed=0)
    for _ in range(20):
        env.step({agent: np.ones(3, np.float32) for agent in env.agents})
    before = env._totals[:, 0, 0].copy()
    observations, *_ = env.step({agent: np.ones(3, np.float32) for agent in env.agents})
    won = env._totals[:, 0, 0] - before
    spent = np.array([observation[FEATURES.index("budget_left")] == 0 for observation in observations.values()])
    # The last one standing pays the reserve alone, so its budget lasts; the others are out and stay agents.
    assert len(env.agents) == 5
    assert spent.sum() >= 3
    assert (won[spent] == 0).all()


def test_state_is_the_observations_of_all_agents(small: Scenario):
    env = parallel_env(small)
    observations, _ = env.reset(seed=0)
    assert (env.state() == np.concatenate(list(observations.values()))).all()
    assert env.state_space.contains(env.state())
    assert env.reward_space("seller-0").shape == (4,)


@pytest.mark.parametrize("model", ["scale", "conversion", "value"])
def test_other_bid_models_have_one_coefficient(small: Scenario, model: str):
    env = parallel_env(small, bid_model=model)
    env.reset(seed=0)
    assert env.action_space("seller-0").shape == (1,)
    _, rewards, *_ = env.step({agent: np.zeros(1, np.float32) for agent in env.agents})
    assert np.isfinite(list(rewards.values())).all()


def test_a_wrong_call_is_told(small: Scenario):
    env = parallel_env(small)
    with pytest.raises(ValueError, match="call reset first"):
        env.step({})
    env.reset(seed=0)
    with pytest.raises(ValueError, match="got none for 'seller-0'"):
        env.step({})
    with pytest.raises(ValueError, match="expected finite numbers of shape"):
        env.step({agent: np.full(3, np.nan) for agent in env.agents})
    with pytest.raises(ValueError, match="bid_model: expected one of"):
        parallel_env(small, bid_model="linear")


def test_unknown_reset_options_are_ignored(small: Scenario):
    parallel_env(small).reset(options={"nothing": 1})
