"""The vector environment: each environment equals a single one step by step, and Gymnasium's autoreset rules hold."""

from __future__ import annotations

from unittest.mock import patch

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from auctionsim import envs
from auctionsim.auction.kernel import engine
from auctionsim.envs import AuctionVectorEnv, FlattenAgents, parallel_env, vector_env
from auctionsim.errors import InputError, RenamedWarning
from auctionsim.scenario import Scenario
from auctionsim.scenario.file import parse_scenario

from ..conftest import SMALL

NUM_ENVS, AGENTS = 5, 5
SCENARIOS = {
    "expected": ("advertisers.0.count=9",),
    "sampled": ("mechanism.outcomes=sampled",),
    "budgets": ('advertisers.0.budget="baseline*0.3"', "mechanism.slot_effect=[1.0, 0.6]"),
}


def random_actions(env: AuctionVectorEnv, seed: int = 0) -> np.ndarray:
    env.action_space.seed(seed)
    return env.action_space.sample()


@pytest.mark.parametrize("overrides", SCENARIOS.values(), ids=SCENARIOS)
@pytest.mark.parametrize("mode", ["box", "discrete"])
def test_parallel_copies_equal_single_environments_step_by_step(overrides: tuple[str, ...], mode: str):
    scenario = parse_scenario(SMALL, "x.toml", overrides=overrides)
    vector = AuctionVectorEnv(scenario, NUM_ENVS, action_mode=mode, autoreset_mode="SameStep")
    singles = [parallel_env(scenario, action_mode=mode) for _ in range(NUM_ENVS)]
    observations, infos = vector.reset(seed=7)
    for i, single in enumerate(singles):
        seen, info = single.reset(seed=7 + i)
        assert (observations[i] == np.stack(list(seen.values()))).all()
        assert infos["day"][i] == info["seller_0"]["day"]
    for step in range(50):  # two days and a little
        actions = random_actions(vector, step)
        observations, rewards, terminations, truncations, infos = vector.step(actions)
        for i, single in enumerate(singles):
            seen, reward, terminated, _, info = single.step(dict(zip(single.agents, actions[i], strict=True)))
            end = infos
            if not single.agents:
                assert (infos["final_obs"][i] == np.stack(list(seen.values()))).all()
                end = infos["final_info"]
                seen, info_of_next = single.reset()
                assert infos["day"][i] == info_of_next["seller_0"]["day"]
            assert rewards[i].tolist() == list(reward.values())
            assert terminations[i] == terminated["seller_0"]
            assert not truncations[i]
            assert (end["objectives"][i] == np.stack([one["objectives"] for one in info.values()])).all()
            assert (observations[i] == np.stack(list(seen.values()))).all()


def test_every_observation_lies_in_the_space_and_arrays_have_their_shapes(small: Scenario):
    env = AuctionVectorEnv(small, NUM_ENVS)
    observations, _ = env.reset(seed=0)
    assert env.observation_space.shape == (NUM_ENVS, AGENTS, 15)
    assert env.single_observation_space.shape == (AGENTS, 15)
    assert env.action_space.shape == (NUM_ENVS, AGENTS, 3)
    for step in range(30):
        assert env.observation_space.contains(observations)
        observations, rewards, terminations, truncations, infos = env.step(random_actions(env, step))
        assert rewards.shape == (NUM_ENVS, AGENTS)
        assert terminations.shape == truncations.shape == (NUM_ENVS,)
        assert infos["objectives"].shape == (NUM_ENVS, AGENTS, 4)
    assert env.state().shape == (NUM_ENVS, 15 * AGENTS)


def test_what_is_returned_is_not_written_to_later(small: Scenario):
    env = AuctionVectorEnv(small, NUM_ENVS)
    kept = [env.reset(seed=0)[0]]
    copies = [kept[0].copy()]
    for step in range(26):
        observations, rewards, terminations, _, infos = env.step(random_actions(env, step))
        arrays = [observations, rewards, terminations, infos["objectives"], infos["day"]]
        kept += arrays
        copies += [array.copy() for array in arrays]
    assert all((one == other).all() for one, other in zip(kept, copies, strict=True))


def test_by_default_the_step_after_the_last_starts_the_next_day(small: Scenario):
    env = AuctionVectorEnv(small, NUM_ENVS)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    first, _ = env.reset(seed=0)
    for step in range(24):
        last, _, terminations, _, infos = env.step(random_actions(env, step))
    assert terminations.all()
    assert infos["_objectives"].all()
    assert (last[:, :, 0] == 0).all()
    begun, rewards, terminations, _, infos = env.step(random_actions(env))
    assert (begun == first).all()
    assert (rewards == 0).all()
    assert not terminations.any()
    # Gymnasium's own vectors give the infos of the reset here, and those have objectives too.
    assert infos["_objectives"].all()
    assert (infos["objectives"] == 0).all()
    assert (env.batched_days.hour == 0).all()


def test_a_mask_resets_some_environments_and_the_others_go_on(small: Scenario):
    masked = AuctionVectorEnv(small, NUM_ENVS, autoreset_mode="Disabled")
    plain = AuctionVectorEnv(small, NUM_ENVS, autoreset_mode="Disabled")
    masked.reset(seed=0)
    plain.reset(seed=0)
    for step in range(4):
        masked.step(random_actions(masked, step))
        plain.step(random_actions(plain, step))
    mask = np.array([True, False, False, True, False])
    fresh, _ = masked.reset(seed=[9] * NUM_ENVS, options={"reset_mask": mask, "day": 1})
    single = parallel_env(small)
    seen, _ = single.reset(seed=9, options={"day": 1})
    assert (fresh[0] == np.stack(list(seen.values()))).all()
    for step in range(20):
        actions = random_actions(masked, step)
        one, rewards, is_over, *_ = masked.step(actions)
        other, expected, *_ = plain.step(actions)
        seen, reward, *_ = single.step(dict(zip(single.agents, actions[0], strict=True)))
        assert (one[~mask] == other[~mask]).all()
        assert (rewards[~mask] == expected[~mask]).all()
        assert rewards[0].tolist() == list(reward.values())
        assert (one[0] == np.stack(list(seen.values()))).all()
    assert (is_over == ~mask).all()
    with pytest.raises(InputError, match="call reset first"):
        masked.step(actions)
    masked.reset(options={"reset_mask": ~mask})
    masked.step(actions)


def test_an_hour_costs_one_call_of_the_kernel_per_day(small: Scenario):
    calls = []
    kernel = engine.replay_buckets
    with patch.object(engine, "replay_buckets", lambda *arguments: calls.append(kernel(*arguments))):
        for same_day, expected in ((True, 1), (False, 2)):
            env = AuctionVectorEnv(small, 64, same_day=same_day, threads=1)
            _, infos = env.reset(seed=0)
            assert len(set(infos["day"].tolist())) == expected
            calls.clear()
            env.step(random_actions(env))
            assert len(calls) == expected


@pytest.mark.parametrize("same_day", [True, False])
def test_threads_change_nothing(small: Scenario, same_day: bool):
    one, three = (AuctionVectorEnv(small, 100, same_day=same_day, threads=threads) for threads in (1, 3))
    assert (one.reset(seed=0)[0] == three.reset(seed=0)[0]).all()
    for step in range(26):
        actions = random_actions(one, step)
        for left, right in zip(one.step(actions)[:4], three.step(actions)[:4], strict=True):
            assert (left == right).all()


def test_days_cut_short_are_truncated(small: Scenario):
    env = AuctionVectorEnv(small, NUM_ENVS, max_cycles=3)
    env.reset(seed=0)
    for step in range(3):
        _, _, terminations, truncations, _ = env.step(random_actions(env, step))
    assert truncations.all()
    assert not terminations.any()
    assert (env.step(random_actions(env))[1] == 0).all()
    assert (env.batched_days.hour == 0).all()


def test_days_may_be_fixed_for_each_environment(small: Scenario):
    env = AuctionVectorEnv(small, 4, split="test")
    _, infos = env.reset(seed=0, options={"day": [0, 1, 2, 3]})
    assert infos["day"].tolist() == [0, 1, 2, 3]
    with pytest.raises(InputError, match=r"options\['day'\]: expected a day or 4 of them"):
        env.reset(options={"day": [0, 1]})


def test_flattened_agents_see_what_the_agents_see(small: Scenario):
    grouped, flat = (AuctionVectorEnv(small, NUM_ENVS, autoreset_mode="SameStep") for _ in range(2))
    flat = RecordEpisodeStatistics(FlattenAgents(flat))
    assert flat.num_envs == NUM_ENVS * AGENTS
    one, _ = grouped.reset(seed=0)
    other, infos = flat.reset(seed=0)
    assert (one.reshape(-1, 15) == other).all()
    assert infos["day"].shape == (NUM_ENVS * AGENTS,)
    for step in range(24):
        actions = random_actions(grouped, step)
        one, rewards, *_, infos_one = grouped.step(actions)
        other, flat_rewards, terminations, truncations, infos = flat.step(actions.reshape(-1, 3))
        assert flat.observation_space.contains(other)
        assert (one.reshape(-1, 15) == other).all()
        assert (rewards.ravel() == flat_rewards).all()
        assert terminations.shape == truncations.shape == (NUM_ENVS * AGENTS,)
        assert (infos["objectives"] == infos_one["objectives"].reshape(-1, 4)).all()
    assert (infos["final_obs"][7] == infos_one["final_obs"][1][2]).all()
    assert infos["episode"]["l"].tolist() == [24] * NUM_ENVS * AGENTS


def test_the_old_name_of_flatten_agents_works_with_a_warning():
    with pytest.warns(RenamedWarning, match="AgentsAsEnvs is called FlattenAgents now; the old name works until version 0.3"):
        assert envs.AgentsAsEnvs is FlattenAgents
    with pytest.raises(AttributeError, match="no attribute 'AgentsAsEnv'"):
        _ = envs.AgentsAsEnv


def test_wrong_calls_are_refused_in_one_line(small: Scenario):
    env = AuctionVectorEnv(small, NUM_ENVS)
    with pytest.raises(InputError, match="call reset first"):
        env.step(random_actions(env))
    with pytest.raises(InputError, match="expected all environments in the first reset, got some"):
        env.reset(options={"reset_mask": np.arange(NUM_ENVS) == 0})
    env.reset(seed=0)
    with pytest.raises(InputError, match=r"expected finite numbers of shape \(5, 5, 3\), got shape \(5, 3\)"):
        env.step(np.zeros((5, 3)))
    wrong = np.zeros((5, 5, 3))
    wrong[2, 0, 1] = np.nan
    with pytest.raises(InputError, match=r"actions: expected finite numbers of shape \(5, 5, 3\), got nan at \[2, 0, 1\]$"):
        env.step(wrong)
    rows = FlattenAgents(env)
    with pytest.raises(InputError, match=r"actions: expected finite numbers of shape \(25, 3\), got nan at \[10, 1\]$"):
        rows.step(wrong.reshape(25, 3))
    with pytest.raises(InputError, match=r"actions: expected finite numbers of shape \(25, 3\), got shape \(25, 2\)$"):
        rows.step(np.zeros((25, 2)))
    with pytest.raises(InputError, match=r"options\['reset_mask'\]: expected 5 booleans"):
        env.reset(options={"reset_mask": np.zeros(NUM_ENVS, dtype=bool)})
    with pytest.raises(InputError, match="seed: expected a number or 5 of them, got 2"):
        env.reset(seed=[1, 2])
    with pytest.raises(InputError, match="threads: expected a whole number >= 1, got 0"):
        AuctionVectorEnv(small, 2, threads=0)
    with pytest.raises(InputError, match="num_envs: expected a whole number >= 1, got 0"):
        AuctionVectorEnv(small, 0)


def test_gymnasium_makes_many_single_bidders_at_once(small: Scenario):
    env = gymnasium.make_vec("auctionsim/SingleBidder-v0", num_envs=3, scenario=small, bid_model="value")
    singles = gymnasium.make_vec(
        "auctionsim/SingleBidder-v0", num_envs=3, vectorization_mode="sync", scenario=small, bid_model="value"
    )
    one, other = env.reset(seed=0)[0], singles.reset(seed=0)[0]
    assert one.shape == (3, 15)
    for step in range(60):
        assert (one == other).all()
        actions = random_actions(env, step)
        one, rewards, terminations, *_ = env.step(actions)
        other, expected, ends, *_ = singles.step(actions)
        assert (rewards == expected).all()
        assert (terminations == ends).all()


def test_threads_are_used_where_a_step_is_long_enough(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vector_env, "usable_threads", lambda: 2)
    few, many = (AuctionVectorEnv("three-arms", num_envs).batched_days for num_envs in (64, 2048))
    assert (few._engine._threads, many._engine._threads) == (1, 2)
