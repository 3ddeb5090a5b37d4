"""MO-Gymnasium, MOMAland and MORL-Baselines on rewards that are vectors, floors on."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import utils

from auctionsim.envs import AuctionVectorEnv, FlattenAgents, env, parallel_env

from .matrix import all_finite, copies, default_market, is_finite, library, moved, run_section

mo_gymnasium = library("mo_gymnasium", "multi_objective")
library("momaland", "multi_objective")
library("morl_baselines", "multi_objective")
# MOMAland 0.2.0 looks for a class where Gymnasium had it before 1.0.
sys.modules.setdefault("gymnasium.wrappers.normalize", utils)

from mo_gymnasium.wrappers import LinearReward, MOClipReward, MONormalizeReward, MORecordEpisodeStatistics  # noqa: E402
from mo_gymnasium.wrappers import vector as mo_vector  # noqa: E402
from momaland.test.api_test import api_test  # noqa: E402
from momaland.test.wrapper_test import wrapper_test  # noqa: E402
from momaland.utils import parallel_wrappers  # noqa: E402
from momaland.utils.conversions import mo_aec_to_parallel, mo_parallel_to_aec  # noqa: E402
from morl_baselines.common.evaluation import policy_evaluation_mo  # noqa: E402
from morl_baselines.multi_policy.capql.capql import CAPQL  # noqa: E402
from morl_baselines.single_policy.esr.eupg import EUPG  # noqa: E402

NAME = "auctionsim/SingleBidder-v0"
WEIGHTS = np.array([0.0, 0.5, 0.01, 0.2])


def single(**arguments: Any) -> gymnasium.Env:
    return mo_gymnasium.make(NAME, scenario=default_market(), reward="vector", **arguments)


class CopiedWeights(gymnasium.Wrapper, gymnasium.utils.RecordConstructorArgs):
    """MO-Gymnasium 1.3.2 hands out the same array of weights in all infos, which Gymnasium's check has refused since 1.4."""

    def __init__(self, env: gymnasium.Env):
        gymnasium.utils.RecordConstructorArgs.__init__(self)
        gymnasium.Wrapper.__init__(self, env)

    def step(self, action: Any) -> tuple[Any, ...]:
        *found, info = self.env.step(action)
        return *found, info | {"reward_weights": info["reward_weights"].copy()}


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_gymnasium_s_check_passes_under_mo_gymnasium_s_linear_reward():
    # This is MO-Gymnasium's own test of an environment.
    check_env(CopiedWeights(LinearReward(single(), weight=WEIGHTS)), skip_render_check=True)


def test_linear_reward_is_the_weighted_sum_of_the_objectives():
    one = LinearReward(single(), weight=WEIGHTS)
    one.reset(seed=0)
    for _ in range(24):
        _, reward, _, _, info = one.step(np.zeros(3, np.float32))
        assert np.ndim(reward) == 0
        assert reward == pytest.approx(WEIGHTS @ info["objectives"], rel=1e-5)
        assert one.unwrapped.reward_space.contains(info["vector_reward"])


def test_mo_gymnasium_s_other_wrappers_take_the_vector():
    one = MORecordEpisodeStatistics(MOClipReward(MONormalizeReward(single(), idx=3), 0, 0.0, 1.0), gamma=0.9)
    one.reset(seed=0)
    for _ in range(24):
        _, reward, is_over, _, info = one.step(one.action_space.sample())
        assert is_finite(reward)
    assert is_over
    assert info["episode"]["r"].shape == (4,)


def test_ours_side_by_side_equals_mo_gymnasium_s_and_takes_its_statistics():
    theirs = mo_vector.MOSyncVectorEnv([single] * 3)
    ours = mo_vector.MORecordEpisodeStatistics(
        gymnasium.make_vec(NAME, num_envs=3, scenario=default_market(), reward="vector"), gamma=0.9
    )
    assert ours.unwrapped.reward_space == theirs.reward_space
    ours.reset(seed=0), theirs.reset(seed=0)
    for _ in range(24):
        actions = theirs.action_space.sample()
        one, other = ours.step(actions), theirs.step(actions)
        for mine, yours in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(mine, yours)
    assert one[4]["episode"]["r"].shape == (3, 4)
    flat = mo_vector.MORecordEpisodeStatistics(FlattenAgents(AuctionVectorEnv(default_market(), 2, reward="vector")))
    flat.reset(seed=0)
    assert flat.step(flat.action_space.sample())[1].shape == (24, 4)


@pytest.mark.filterwarnings("ignore:Action space for each agent probably")
@pytest.mark.parametrize("mode", ["box", "discrete"])
def test_momaland_s_own_tests_pass(mode: str):
    made = {"scenario": default_market(), "reward": "vector", "action_mode": mode, "bid_model": "value"}
    api_test(env(**made), num_cycles=40)
    api_test(mo_parallel_to_aec(parallel_env(**made)), num_cycles=40)
    wrapper_test(SimpleNamespace(env=lambda: env(**made), parallel_env=lambda: parallel_env(**made)))


def test_momaland_s_linear_reward_is_the_weighted_sum_of_the_objectives():
    plain = parallel_env(default_market(), reward="vector")
    weights = dict.fromkeys(plain.possible_agents, WEIGHTS)
    one = parallel_wrappers.LinearizeReward(plain, weights)
    one.reset(seed=0)
    _, rewards, _, _, infos = one.step({agent: np.zeros(3, np.float32) for agent in one.agents})
    for agent, reward in rewards.items():
        assert reward == pytest.approx(WEIGHTS @ infos[agent]["objectives"], rel=1e-5)


def test_momaland_s_conversion_of_the_turns_equals_the_parallel_environment():
    ours, theirs = parallel_env(default_market(), reward="vector"), mo_aec_to_parallel(env(default_market(), reward="vector"))
    ours.reset(seed=0), theirs.reset(seed=0)
    for _ in range(3):
        actions = {agent: np.full(3, 0.1, np.float32) for agent in ours.agents}
        one, other = ours.step(actions)[1], theirs.step(actions)[1]
        assert all((one[agent] == other[agent]).all() for agent in one)


def test_a_central_agent_of_momaland_gets_the_sum_of_all():
    central = parallel_wrappers.CentraliseAgent(parallel_env(default_market(), reward="vector"))
    central.reset(seed=0)
    _, reward, *_, infos = central.step(np.zeros(central.action_space.shape, np.float32))
    assert reward == pytest.approx(sum(info["objectives"] for info in infos.values()), rel=1e-4)


def test_capql_of_morl_baselines_makes_updates_on_the_default_scenario():
    one = single()
    learner = CAPQL(one, batch_size=16, learning_starts=24, net_arch=[16, 16], log=False, seed=0, device="cpu")
    start = copies(learner.policy.parameters())
    learner.train(total_timesteps=26, eval_env=one, ref_point=np.zeros(4), num_eval_weights_for_front=4)
    assert all_finite(learner.policy.parameters())
    assert all(all_finite(critic.parameters()) for critic in learner.q_nets)
    assert moved(start, learner.policy.parameters())
    *_, returns, _ = policy_evaluation_mo(learner, single(split="test"), np.full(4, 0.25, np.float32), rep=1)
    assert returns.shape == (4,)
    assert is_finite(returns)


def profit(rewards: Any, *_: Any) -> Any:
    """Scalarize by profit alone: EUPG calls it with and without weights, on an array of a day and on a tensor of hours."""
    chosen = rewards[..., 3]
    return chosen if chosen.ndim else float(chosen)


def test_eupg_of_morl_baselines_makes_updates_on_the_default_scenario():
    one = single(action_mode="discrete", bid_model="value")
    learner = EUPG(one, profit, weights=WEIGHTS, log=False, seed=0, device="cpu")
    start = copies(learner.net.parameters())
    learner.train(total_timesteps=2 * 24)
    assert all_finite(learner.net.parameters())
    assert moved(start, learner.net.parameters())


def test_the_page_runs():
    assert is_finite(run_section("MO-Gymnasium, MOMAland, MORL-Baselines")["returns"])
