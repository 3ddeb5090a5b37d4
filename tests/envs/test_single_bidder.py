"""auctionsim/SingleBidder-v0: registration, Gymnasium's own checks, and its rivals."""

from __future__ import annotations

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from auctionsim.envs import FEATURES, SingleBidderEnv, parallel_env
from auctionsim.errors import InputError
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

NAME = "auctionsim/SingleBidder-v0"


@pytest.mark.parametrize(
    "code",
    [
        "import auctionsim.envs, gymnasium; assert NAME in gymnasium.registry",
        "import gymnasium, auctionsim; assert NAME in gymnasium.registry",
        "import gymnasium, auctionsim; auctionsim.envs; assert NAME in gymnasium.registry",
        "import gymnasium; gymnasium.make('auctionsim.envs:' + NAME).reset(seed=0)",
        "import auctionsim.envs, importlib, gymnasium; importlib.reload(auctionsim.envs); assert NAME in gymnasium.registry",
    ],
)
def test_importing_the_environments_registers_it(code: str):
    subprocess.run([sys.executable, "-W", "error", "-c", f"NAME = {NAME!r}; {code}"], check=True)


@pytest.mark.parametrize("arguments", [{}, {"action_mode": "discrete"}, {"action_mode": "discrete", "bid_model": "value"}])
def test_gymnasium_s_check_passes_without_a_warning(small: Scenario, arguments: dict):
    # Warnings are errors in this suite.
    check_env(gymnasium.make(NAME, scenario=small, **arguments).unwrapped)


def test_by_default_the_scenario_is_three_arms():
    env = gymnasium.make(NAME)
    assert env.unwrapped.market.scenario.name == "three-arms"


def play(env: gymnasium.Env, seed: int) -> list:
    env.action_space.seed(0)
    seen, done = [env.reset(seed=seed)[0]], False
    while not done:
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert env.observation_space.contains(observation)
        assert env.action_space.shape == (3,)
        seen += [observation, reward, info["objectives"]]
        done = terminated or truncated
    assert len(seen) == 1 + 3 * 24
    return seen


def test_the_seed_decides_the_day(small: Scenario):
    env = gymnasium.make(NAME, scenario=small)
    one, again, other = play(env, 0), play(env, 0), play(env, 1)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_it_equals_the_parallel_environment_where_only_one_agent_acts(small: Scenario):
    # Bid model `scale`: an action of 0 is exactly the keyword bid, which is what rivals of `manual` do.
    one = SingleBidderEnv(small, bidder="seller_3", bid_model="scale")
    many = parallel_env(small, bid_model="scale")
    one.reset(options={"day": 1})
    many.reset(options={"day": 1})
    for exponent in np.linspace(-0.5, 0.5, 24):
        action = np.array([exponent])
        actions = {agent: action if agent == "seller_3" else np.zeros(1) for agent in many.agents}
        observation, reward, terminated, _, info = one.step(action)
        observations, rewards, terminations, _, infos = many.step(actions)
        np.testing.assert_allclose(observation, observations["seller_3"], rtol=1e-6)
        assert reward == pytest.approx(rewards["seller_3"])
        np.testing.assert_allclose(info["objectives"], infos["seller_3"]["objectives"])
        assert terminated == terminations["seller_3"]


def test_rivals_follow_the_rule_that_is_named_and_others_keep_theirs():
    text = SMALL + '\n[[advertisers]]\ngroup = "shop"\ncount = 2\ncontroller = "manual"\n'
    env = SingleBidderEnv(parse_scenario(text, "x.toml"), bidder="seller_1", rivals="truthful")
    assert env.market.learners.tolist() == [1]
    assert env.market.fixed[[0, 2, 3, 4]].tolist() == [[0, 0, 1, 0]] * 4
    assert env.market.fixed[5:].tolist() == [[0, 0, 0, 1]] * 2


def test_nothing_is_won_once_the_budget_is_spent():
    env = SingleBidderEnv(parse_scenario(SMALL, "x.toml", overrides=['advertisers.0.budget="baseline*0.1"']))
    env.reset(seed=0)
    done = False
    while not done:
        observation, _, done, _, info = env.step(np.full(3, 0.5, np.float32))
    assert observation[FEATURES.index("budget_left")] == 0
    assert info["objectives"].tolist() == [0, 0, 0, 0]


def test_wrong_arguments_are_refused_in_one_line(small: Scenario):
    with pytest.raises(InputError, match=r"bidder: unknown 'seller_9'.*did you mean 'seller_"):
        SingleBidderEnv(small, bidder="seller_9")
    with pytest.raises(InputError, match=r"rivals: unknown 'manuel'.*did you mean 'manual'"):
        SingleBidderEnv(small, rivals="manuel")
    with pytest.raises(InputError, match="call reset first"):
        SingleBidderEnv(small).step(np.zeros(3))


def test_rendering(small: Scenario, capsys: pytest.CaptureFixture[str]):
    env = gymnasium.make(NAME, scenario=small, render_mode="rgb_array")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert env.render().shape == (400, 800, 3)
