"""Stable-Baselines3 on single environments, and through its `VecEnv` on environments that share calls of the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from auctionsim.envs import AuctionVectorEnv, FlattenAgents, SingleBidderEnv
from auctionsim.errors import InputError

from .matrix import all_finite, copies, default_market, is_finite, library, moved, run_section

sb3 = library("stable_baselines3", "sb3")
from stable_baselines3.common import env_checker, env_util, vec_env  # noqa: E402
from stable_baselines3.common.monitor import Monitor  # noqa: E402

from auctionsim.envs.adapters.sb3 import AuctionVecEnv, shared_policy, single_bidder  # noqa: E402

ENVS = 4
KINDS = (vec_env.DummyVecEnv, vec_env.SubprocVecEnv)
SAME_STEP = gymnasium.vector.AutoresetMode.SAME_STEP


def learned(model: Any, steps: int) -> Any:
    """The model after it learned, if it moved and lost no parameter to NaN."""
    start = copies(model.policy.parameters())
    model.learn(steps)
    assert moved(start, model.policy.parameters())
    assert all_finite(model.policy.parameters())
    return model


def test_ppo_makes_two_updates_on_shared_calls():
    env = vec_env.VecMonitor(single_bidder(default_market(), ENVS))
    model = learned(sb3.PPO("MlpPolicy", env, n_steps=24, batch_size=48, n_epochs=2, device="cpu", seed=0), 2 * 24 * ENVS)
    assert model._n_updates == 4
    assert len(model.ep_info_buffer) == 2 * ENVS
    assert is_finite([episode["r"] for episode in model.ep_info_buffer])


def test_ppo_makes_two_updates_with_one_policy_for_all_learners():
    env = vec_env.VecNormalize(vec_env.VecMonitor(shared_policy(default_market(), 2)))
    assert env.num_envs == 24
    learned(sb3.PPO("MlpPolicy", env, n_steps=24, batch_size=288, n_epochs=2, device="cpu", seed=0), 2 * 24 * 24)
    assert is_finite(env.obs_rms.mean)
    assert is_finite(env.ret_rms.var)


@pytest.mark.parametrize(("algorithm", "action_mode"), [("DQN", "discrete"), ("SAC", "box"), ("TD3", "box")])
def test_value_learners_survive_the_last_hour(algorithm: str, action_mode: str):
    # Two days of each environment in the buffer, so that every batch has penalties of last hours.
    env = single_bidder(default_market(), ENVS, bid_model="value", action_mode=action_mode)
    arguments: dict[str, Any] = {"learning_starts": 48 * ENVS, "batch_size": 64, "gradient_steps": 2}
    model = learned(getattr(sb3, algorithm)("MlpPolicy", env, device="cpu", seed=0, **arguments), 52 * ENVS)
    # What a last hour is charged keeps a float32 network's targets in range.
    assert abs(model.replay_buffer.rewards).max() < 1e4


def test_ppo_learns_on_a_single_environment_that_its_checker_accepts():
    env = gymnasium.make("auctionsim/SingleBidder-v0", scenario=default_market())
    env_checker.check_env(env)
    learned(sb3.PPO("MlpPolicy", env, n_steps=24, batch_size=24, n_epochs=2, device="cpu", seed=0), 2 * 24)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda env: vec_env.VecFrameStack(env, 3),
        lambda env: vec_env.VecCheckNan(env, raise_exception=True),
        lambda env: vec_env.VecNormalize(vec_env.VecMonitor(env)),
    ],
)
def test_the_library_s_wrappers_go_around_shared_calls(wrap: Any):
    env = wrap(single_bidder(default_market(), ENVS))
    env.seed(0)
    env.reset()
    for _ in range(25):
        observations, rewards, dones, infos = env.step(np.zeros((ENVS, 3), np.float32))
        assert observations.shape == (ENVS, *env.observation_space.shape)
        assert is_finite(rewards)
        assert [("terminal_observation" in info) for info in infos] == dones.tolist()


def test_a_model_and_its_normalization_go_on_after_saving(tmp_path: Path):
    env = vec_env.VecNormalize(single_bidder(default_market(), ENVS))
    model = learned(sb3.PPO("MlpPolicy", env, n_steps=24, batch_size=48, n_epochs=1, device="cpu", seed=0), 24 * ENVS)
    model.save(tmp_path / "model")
    env.save(str(tmp_path / "normalize.pkl"))
    again = vec_env.VecNormalize.load(str(tmp_path / "normalize.pkl"), single_bidder(default_market(), ENVS))
    loaded = sb3.PPO.load(tmp_path / "model", env=again, device="cpu")
    assert not moved(copies(model.policy.parameters()), loaded.policy.parameters())
    learned(loaded, 24 * ENVS)


def test_environments_of_other_processes_are_the_same():
    market = default_market()
    env_id, arguments = "auctionsim/SingleBidder-v0", {"scenario": market}
    made = [env_util.make_vec_env(env_id, 2, seed=0, env_kwargs=arguments, vec_env_cls=kind) for kind in KINDS]
    observations = [env.reset() for env in made]
    actions = np.full((2, 3), 0.1, np.float32)
    steps = [env.step(actions)[:2] for env in made]
    assert np.array_equal(*observations)
    for here, there in zip(*steps, strict=True):
        assert np.array_equal(here, there.astype(np.float32))  # rewards of other processes are not rounded
    made[1].close()


def same(first: Any, second: Any) -> bool:
    """Whether two infos are the same, arrays included."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    return type(first) is type(second) and np.array_equal(first, second)


@pytest.mark.parametrize("max_cycles", [None, 5])
def test_shared_calls_equal_the_library_s_own_vector_environment(max_cycles: int | None):
    market = default_market()
    own = vec_env.DummyVecEnv([lambda: SingleBidderEnv(market, max_cycles=max_cycles) for _ in range(ENVS)])
    ours = single_bidder(market, ENVS, max_cycles=max_cycles)
    assert ours.observation_space == own.observation_space
    assert ours.action_space == own.action_space
    for env in (own, ours):
        env.seed(7)
    assert np.array_equal(own.reset(), ours.reset())
    assert same(dict(enumerate(own.reset_infos)), dict(enumerate(ours.reset_infos)))
    actions, ends = np.random.default_rng(0).uniform(-1, 1, (30, ENVS, 3)).astype(np.float32), 0
    for action in actions:
        (seen, rewards, dones, infos), (seen_own, rewards_own, dones_own, infos_own) = ours.step(action), own.step(action)
        assert np.array_equal(seen, seen_own)
        assert rewards.dtype == rewards_own.dtype
        assert np.array_equal(rewards, rewards_own)
        assert np.array_equal(dones, dones_own)
        assert same(dict(enumerate(infos)), dict(enumerate(infos_own)))
        assert same(dict(enumerate(ours.reset_infos)), dict(enumerate(own.reset_infos)))
        ends += sum("terminal_observation" in info for info in infos)
    assert ends == ENVS * (6 if max_cycles else 1)


def test_seeds_and_options_are_those_of_days_and_hold_for_one_reset():
    env = shared_policy(default_market(), 2)
    vector = FlattenAgents(AuctionVectorEnv(default_market(), 2))
    assert env.seed(3) == [3] * 12 + [4] * 12
    first = env.reset()
    assert np.array_equal(first, vector.reset(seed=3)[0])
    assert np.array_equal(env.reset(), vector.reset()[0])
    env.set_options({"day": 1})
    env.reset()
    assert {info["day"] for info in env.reset_infos} == {1}
    env.set_options([{"day": row // 12} for row in range(24)])
    env.reset()
    assert [info["day"] for info in env.reset_infos] == [0] * 12 + [1] * 12
    env.set_options([{"day": 0}, *[{"hour": 1}] * 23])
    with pytest.raises(InputError, match="expected the same 'hour' for all rows"):
        env.reset()
    with pytest.raises(InputError, match="seed: expected"):
        env.seed(-1)


def test_attributes_and_methods_are_reached_through_all_layers():
    env = vec_env.VecNormalize(single_bidder(default_market(), ENVS))
    assert [market.scenario for market in env.get_attr("market", [0, 2])] == [default_market().scenario] * 2
    assert env.get_attr("action_space") == [env.action_space] * ENVS
    assert env.has_attr("max_cycles")
    assert not env.has_attr("action_masks")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        env.get_attr("nothing")
    env.set_attr("max_cycles", 2)
    env.reset()
    env.step(np.zeros((ENVS, 3), np.float32))
    assert env.step(np.zeros((ENVS, 3), np.float32))[2].all()
    with pytest.raises(InputError, match=f"expected all {ENVS} rows"):
        env.set_attr("max_cycles", 3, 0)
    assert env.env_is_wrapped(Monitor) == [False] * ENVS
    assert env.venv.env_is_wrapped(FlattenAgents, 1) == [True]
    assert [seen.shape for seen in env.env_method("state")] == [(15,)] * ENVS


def test_pictures_are_one_for_each_row():
    env = single_bidder(default_market(), 2, render_mode="rgb_array")
    env.reset()
    env.step(np.zeros((2, 3), np.float32))
    assert [picture.ndim for picture in env.get_images()] == [3, 3]
    assert env.render().ndim == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda market: SingleBidderEnv(market), "env: expected a vector environment of Gymnasium"),
        (lambda market: FlattenAgents(AuctionVectorEnv(market)), "expected autoreset_mode SAME_STEP, got 'NEXT_STEP'"),
        (lambda market: AuctionVectorEnv(market, autoreset_mode=SAME_STEP), "expected one reward a row, got AuctionVectorEnv"),
        (
            lambda market: FlattenAgents(AuctionVectorEnv(market, autoreset_mode=SAME_STEP, reward="vector")),
            "expected one reward a row, got vectors of rewards",
        ),
    ],
)
def test_another_environment_is_refused_in_one_line(make: Any, message: str):
    with pytest.raises(InputError, match=message) as refused:
        AuctionVecEnv(make(default_market()))
    assert "\n" not in str(refused.value)


def test_a_step_before_its_actions_is_refused():
    env = single_bidder(default_market())
    env.reset()
    with pytest.raises(InputError, match="step_wait: expected actions, got none"):
        env.step_wait()


class Weighed(gymnasium.vector.VectorWrapper):
    """Profit alone."""

    def step(self, actions: Any) -> Any:
        observations, rewards, *rest = self.env.step(actions)
        return observations, rewards[:, 3], *rest


def test_vectors_of_rewards_are_refused():
    with pytest.raises(InputError, match="expected one reward a row, got vectors of rewards"):
        single_bidder(default_market(), 2, reward="vector")
    # A wrapper may weigh them; one that does not is found out by the first step.
    vectors = gymnasium.make_vec(
        "auctionsim/SingleBidder-v0", 2, scenario=default_market(), autoreset_mode="SAME_STEP", reward="vector"
    )
    env = AuctionVecEnv(gymnasium.vector.VectorWrapper(vectors))
    env.reset()
    with pytest.raises(InputError, match="expected one reward a row, got vectors of 4"):
        env.step(np.zeros((2, 3), np.float32))
    weighed = AuctionVecEnv(Weighed(vectors))
    weighed.reset()
    assert weighed.step(np.zeros((2, 3), np.float32))[1].shape == (2,)


def test_the_page_runs():
    assert all_finite(run_section("Stable-Baselines3")["model"].policy.parameters())
