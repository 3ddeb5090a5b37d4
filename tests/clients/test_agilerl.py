"""AgileRL's own training loops on the parallel environment: one policy per group, and value learners with a central critic."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from auctionsim.envs import parallel_env

from .matrix import all_finite, copies, default_market, is_finite, library, moved, run_section

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # those of importing the library and what it brings
    library("agilerl", "agilerl")
    from agilerl.algorithms import IPPO, MADDPG, MATD3
    from agilerl.components.replay_buffer import ReplayBuffer
    from agilerl.training.train_multi_agent_off_policy import train_multi_agent_off_policy
    from agilerl.training.train_multi_agent_on_policy import train_multi_agent_on_policy

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the library's, of its own defaults
HOURS = 24


def parameters(agent: Any) -> list[torch.Tensor]:
    networks = agent.evolvable_attributes(networks_only=True).values()
    return [parameter for network in networks for parameter in network.parameters()]


def made(kind: Any, **arguments: Any) -> tuple[Any, Any]:
    """An environment and a learner for all its agents."""
    torch.manual_seed(0)
    env = parallel_env(default_market(), bid_model="value")
    spaces = {
        "observation_spaces": [env.observation_space(agent) for agent in env.possible_agents],
        "action_spaces": [env.action_space(agent) for agent in env.possible_agents],
    }
    return env, kind(**spaces, agent_ids=env.possible_agents, device="cpu", **arguments)


def test_ppo_makes_two_updates_of_one_policy_for_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    env, learner = made(IPPO, batch_size=96, learn_step=2 * HOURS, update_epochs=2)
    assert list(learner.shared_agent_ids) == ["seller"]
    start = copies(parameters(learner))
    steps = {"max_steps": 4 * HOURS, "evo_steps": 4 * HOURS, "eval_steps": HOURS}
    _, returns = train_multi_agent_on_policy(env, "auctionsim", "IPPO", [learner], verbose=False, **steps)
    assert is_finite(returns)
    assert all_finite(parameters(learner))
    assert moved(start, parameters(learner))


@pytest.mark.parametrize("kind", [MADDPG, MATD3])
def test_central_critics_survive_the_last_hour(kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    env, learner = made(kind, batch_size=32, learn_step=HOURS)
    start = copies(parameters(learner))
    steps = {"max_steps": 4 * HOURS, "evo_steps": 4 * HOURS, "eval_steps": HOURS, "learning_delay": HOURS}
    _, returns = train_multi_agent_off_policy(
        env, "auctionsim", kind.__name__, [learner], ReplayBuffer(max_size=1000), verbose=False, **steps
    )
    assert is_finite(returns)
    assert all_finite(parameters(learner))
    assert moved(start, parameters(learner))


def test_the_snippet_of_the_page_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names = run_section("AgileRL")
    assert is_finite(names["returns"])
