"""BenchMARL on its task of the default scenario: a policy gradient with a central critic, and value learners of both kinds."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from auctionsim.errors import InputError

from .matrix import all_finite, copies, default_scenario, is_finite, library, moved, run_section

library("benchmarl", "benchmarl")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the library's, of TorchRL's names
    from benchmarl import algorithms
    from benchmarl.experiment import Experiment, ExperimentConfig
    from benchmarl.models.mlp import MlpConfig

from auctionsim.envs.adapters import benchmarl as adapter  # noqa: E402
from auctionsim.envs.adapters.benchmarl import AuctionTask, auction_task  # noqa: E402

ENVS, HOURS = 4, 24
FEW_AUCTIONS = ["traffic.auctions_per_day=1000"]


def experiment(task: Any, algorithm: str, folder: Path) -> Experiment:
    """Two iterations, each of two days in every environment, with an evaluation after each."""
    frames = 2 * HOURS * ENVS
    config = dataclasses.replace(
        ExperimentConfig.get_from_yaml(), max_n_iters=2, max_n_frames=None, loggers=[], create_json=False, render=False,
        save_folder=str(folder),
        on_policy_collected_frames_per_batch=frames, off_policy_collected_frames_per_batch=frames, evaluation_interval=frames,
        on_policy_n_envs_per_worker=ENVS, off_policy_n_envs_per_worker=ENVS, evaluation_episodes=2,
        on_policy_n_minibatch_iters=2, on_policy_minibatch_size=96, off_policy_n_optimizer_steps=2,
        off_policy_train_batch_size=96, off_policy_memory_size=1000,
    )  # fmt: skip
    network = MlpConfig(num_cells=[32], layer_class=torch.nn.Linear, activation_class=torch.nn.Tanh)
    return Experiment(
        task=task, algorithm_config=getattr(algorithms, algorithm).get_from_yaml(), model_config=network,
        critic_model_config=network, seed=0, config=config,
    )  # fmt: skip


@pytest.mark.parametrize("algorithm", ["MappoConfig", "IqlConfig", "MaddpgConfig", "MasacConfig", "QmixConfig"])
def test_two_iterations_lose_nothing_to_nan(algorithm: str, tmp_path: Path):
    task = AuctionTask.THREE_ARMS.get_task()
    task.config["overrides"] = FEW_AUCTIONS
    made = experiment(task, algorithm, tmp_path)
    (loss,) = made.losses.values()
    start = copies(loss.parameters())
    made.run()
    assert made.n_iters_performed == 2
    assert is_finite(made.mean_return)
    assert abs(made.mean_return) < 1e4
    assert all_finite(loss.parameters())
    assert moved(start, loss.parameters())


def test_the_file_holds_the_defaults_and_a_changed_copy_is_read(tmp_path: Path):
    assert AuctionTask.THREE_ARMS.get_from_yaml().config == adapter.DEFAULTS
    copy = tmp_path / "mine.yaml"
    own = Path(adapter.__file__).with_name("benchmarl_three_arms.yaml")
    copy.write_text(own.read_text().replace("levels: 21", "levels: 5"))
    assert AuctionTask.THREE_ARMS.get_from_yaml(str(copy)).config == adapter.DEFAULTS | {"levels": 5}
    copy.write_text("level: 5")
    with pytest.raises(InputError, match=r"BenchMARL task: unknown key 'level'; choose from .*did you mean 'levels'"):
        AuctionTask.THREE_ARMS.get_from_yaml(str(copy))


def test_a_task_of_any_scenario_has_its_groups_days_and_seed():
    scenario = default_scenario("advertisers.0.count=3", 'advertisers.0.group="shop"')
    task = auction_task(scenario=scenario, max_cycles=5, split="test")
    env = task.get_env_fun(2, continuous_actions=True, seed=3, device="cpu")()
    assert task.group_map(env) == {"shop": ["shop_0", "shop_1", "shop_2"]}
    assert task.max_steps(env) == 5
    assert set(env.reset()["day"].flatten().tolist()) == {2, 3}
    assert task.state_spec(env)["state"].shape == (45,)


def test_actions_are_discrete_where_there_is_one_number_to_choose():
    assert auction_task().supports_discrete_actions()
    assert not auction_task(bid_model="macg").supports_discrete_actions()
    assert auction_task(bid_model="macg").supports_continuous_actions()


def test_the_snippet_of_the_page_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names = run_section("BenchMARL")
    assert is_finite(names["experiment"].mean_return)
