"""TorchRL on one bidder, on PettingZoo's and Gymnasium's vector form, and on the adapter that groups agents in one tensor."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from torch import nn

from auctionsim.envs import parallel_env
from auctionsim.errors import InputError

from .matrix import all_finite, copies, default_market, is_finite, library, moved, run_section

torchrl = library("torchrl", "torchrl")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the library's, of its own classes
    from tensordict import TensorDictBase
    from tensordict.nn import TensorDictModule
    from tensordict.nn.distributions import NormalParamExtractor
    from torchrl.collectors import Collector
    from torchrl.envs import EnvBase, GymWrapper, MarlGroupMapType, PettingZooWrapper, RewardSum, TransformedEnv
    from torchrl.envs.utils import check_env_specs, step_mdp
    from torchrl.modules import MultiAgentMLP, ProbabilisticActor, QValueActor, TanhNormal, ValueOperator
    from torchrl.objectives import ClipPPOLoss, DDPGLoss, DQNLoss, LossModule, SoftUpdate, ValueEstimators

from auctionsim.envs.adapters.torchrl import AuctionEnv  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:PettingZoo in TorchRL is tested using:UserWarning")
ENVS, SELLERS = 4, 12
GROUP = "seller"


def single(**arguments: Any) -> EnvBase:
    return GymWrapper(
        gymnasium.make("auctionsim/SingleBidder-v0", scenario=default_market(), **arguments), categorical_action_encoding=True
    )


def vector(**arguments: Any) -> EnvBase:
    arguments |= {"autoreset_mode": "DISABLED"}
    env = gymnasium.make_vec("auctionsim/SingleBidder-v0", ENVS, scenario=default_market(), **arguments)
    return GymWrapper(env, categorical_action_encoding=True)


def pettingzoo(**arguments: Any) -> EnvBase:
    return PettingZooWrapper(parallel_env(default_market(), **arguments), categorical_actions=True)


def grouped(**arguments: Any) -> EnvBase:
    return AuctionEnv(default_market(), ENVS, **arguments)


def key(env: EnvBase, name: str) -> Any:
    """The key of an entry of the group, or of the only agent."""
    return (GROUP, name) if GROUP in env.observation_spec else name


def network(env: EnvBase, n_in: int, n_out: int, *, sees_all: bool = False, last: nn.Module | None = None) -> nn.Module:
    """A network of one agent, or one that all agents of the group share."""
    if isinstance(key(env, "action"), str):
        net: nn.Module = nn.Sequential(nn.Linear(n_in, 32), nn.Tanh(), nn.Linear(32, n_out))
    else:
        net = MultiAgentMLP(n_in, n_out, SELLERS, centralized=sees_all, share_params=True, depth=1, num_cells=32)
    return net if last is None else nn.Sequential(net, last)


def batches(env: EnvBase, policy: Any) -> list[TensorDictBase]:
    """Two batches of two days of each environment."""
    frames = 48 * env.batch_size.numel()
    collector = Collector(env, policy, frames_per_batch=frames, total_frames=2 * frames)
    found = list(collector)
    assert len(found) == 2
    return found


def learned(env: EnvBase, policy: Any, loss: LossModule, *, with_advantage: bool = False) -> None:
    """Make an update of two steps on each of two batches; every loss, parameter and return is finite."""
    target = None if with_advantage else SoftUpdate(loss, tau=0.01)
    start = copies(loss.parameters())
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
    returned = []
    for batch in batches(env, policy):
        assert batch["next", "done"].any()
        returned.append(batch["next", *((GROUP,) if GROUP in batch else ()), "reward"])
        for _ in range(2):
            if with_advantage:
                with torch.no_grad():
                    loss.value_estimator(batch)
            losses = loss(batch.reshape(-1))
            total = sum(value for name, value in losses.items() if name.startswith("loss"))
            assert torch.isfinite(total)
            optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(loss.parameters(), 1.0)
            optimizer.step()
            if target is not None:
                target.step()
    assert is_finite(torch.cat(returned))
    # The last hour's penalties are among the rewards.
    assert torch.cat(returned).abs().max() < 1e4
    assert all_finite(loss.parameters())
    assert moved(start, loss.parameters())


def set_keys(env: EnvBase, loss: LossModule, **keys: str) -> LossModule:
    """Tell a loss where a group's entries are."""
    names = {"reward": "reward", "action": "action", "done": "done", "terminated": "terminated", **keys}
    loss.set_keys(**{name: key(env, entry) for name, entry in names.items()})
    return loss


@pytest.mark.parametrize("make", [single, vector, pettingzoo, grouped])
def test_ppo_makes_two_updates(make: Any):
    torch.manual_seed(0)
    env = make(bid_model="value")
    seen, action = key(env, "observation"), key(env, "action")
    where = [key(env, "loc"), key(env, "scale")]
    actor = TensorDictModule(network(env, 15, 2, last=NormalParamExtractor()), in_keys=[seen], out_keys=where)
    policy = ProbabilisticActor(
        actor, in_keys=dict(zip(("loc", "scale"), where, strict=True)), out_keys=[action], distribution_class=TanhNormal,
        return_log_prob=True, log_prob_key=key(env, "log_prob"),
    )  # fmt: skip
    critic = ValueOperator(network(env, 15, 1, sees_all=True), in_keys=[seen], out_keys=[key(env, "state_value")])
    loss = set_keys(env, ClipPPOLoss(policy, critic), value="state_value", sample_log_prob="log_prob")
    loss.make_value_estimator(ValueEstimators.GAE, gamma=1.0, lmbda=0.95)
    learned(env, policy, loss, with_advantage=True)


@pytest.mark.parametrize("make", [single, vector, pettingzoo, grouped])
def test_q_learning_makes_two_updates(make: Any):
    torch.manual_seed(0)
    env = make(bid_model="value", action_mode="discrete", levels=5)
    outputs = {f"{name}_key": key(env, name) for name in ("action", "action_value", "chosen_action_value")}
    policy = QValueActor(network(env, 15, 5), in_keys=[key(env, "observation")], action_space="categorical", **outputs)
    loss = DQNLoss(policy, action_space="categorical", delay_value=True)
    set_keys(env, loss, action_value="action_value", value="chosen_action_value")
    loss.make_value_estimator(ValueEstimators.TD0, gamma=0.99)
    # Random bids, so that floors are missed by much.
    learned(env, None, loss)


@pytest.mark.parametrize("make", [single, grouped])
def test_a_deterministic_policy_with_a_critic_makes_two_updates(make: Any):
    torch.manual_seed(0)
    env = make()
    seen, action = key(env, "observation"), key(env, "action")
    policy = TensorDictModule(network(env, 15, 3, last=nn.Tanh()), in_keys=[seen], out_keys=[action])

    class Critic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network(env, 18, 1, sees_all=True)

        def forward(self, observation: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
            return self.net(torch.cat([observation, chosen], dim=-1))

    critic = ValueOperator(Critic(), in_keys=[seen, action], out_keys=[key(env, "state_action_value")])
    loss = DDPGLoss(policy, critic, delay_actor=True, delay_value=True)
    loss.set_keys(
        **{name: key(env, name) for name in ("reward", "done", "terminated")}, state_action_value=key(env, "state_action_value")
    )
    loss.make_value_estimator(ValueEstimators.TD0, gamma=0.99)
    learned(env, None, loss)


@pytest.mark.parametrize("make", [single, vector, pettingzoo, grouped])
@pytest.mark.parametrize(
    "arguments",
    [{}, {"bid_model": "value", "action_mode": "discrete"}, {"action_mode": "discrete"}, {"max_cycles": 5}],
    ids=["box", "discrete", "multi-discrete", "truncated"],
)
def test_what_is_promised_of_a_step_is_what_comes(make: Any, arguments: dict[str, Any]):
    check_env_specs(make(**arguments), seed=1)


def test_every_market_of_the_adapter_equals_a_parallel_environment_of_its_seed():
    env = AuctionEnv(default_market(), ENVS, seed=7)
    actions = torch.rand(24, ENVS, SELLERS, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    td = env.reset()
    for i in range(ENVS):
        one = parallel_env(default_market())
        observations, _ = one.reset(seed=7 + i)
        np.testing.assert_array_equal(td[GROUP, "observation"][i].numpy(), np.stack(list(observations.values())))
    days = []
    for hour in range(24):
        days.append(env.step(td.set((GROUP, "action"), actions[hour]))["next"])
        td = step_mdp(td)
    for i in range(ENVS):
        one = parallel_env(default_market())
        one.reset(seed=7 + i)
        for hour in range(24):
            acted = dict(zip(one.possible_agents, actions[hour, i].numpy(), strict=True))
            observations, rewards, terminations, _, infos = one.step(acted)
            of_hour = days[hour][i]
            np.testing.assert_array_equal(of_hour[GROUP, "observation"].numpy(), np.stack(list(observations.values())))
            np.testing.assert_array_equal(of_hour[GROUP, "reward"][:, 0].numpy(), np.float32(list(rewards.values())))
            np.testing.assert_array_equal(of_hour["state"].numpy(), one.state())
            assert of_hour["day"].item() == one.day
            assert of_hour["terminated"].item() == all(terminations.values())
            for entry, values in infos["seller_0"].items():
                if entry != "day":
                    np.testing.assert_array_equal(of_hour[GROUP, "info", entry][0].numpy(), np.float32(values))


def test_days_begin_where_reset_says_and_nowhere_else():
    env = AuctionEnv(default_market(), ENVS, seed=0)
    td = env.rand_step(env.reset())["next"]
    td["_reset"] = torch.tensor([True, False, False, True])[:, None]
    begun = env.reset(td.clone())
    time_left = begun[GROUP, "observation"][:, 0, 0]
    assert time_left.tolist() == pytest.approx([1.0, 23 / 24, 23 / 24, 1.0])
    torch.testing.assert_close(begun[GROUP, "observation"][1:3], td[GROUP, "observation"][1:3])


def test_vectors_of_rewards_are_those_of_the_objectives():
    env = AuctionEnv(default_market(), 2, reward="vector", seed=0)
    check_env_specs(env)
    hour = env.rand_step(env.reset())["next", GROUP]
    torch.testing.assert_close(hour["reward"], hour["info", "objectives"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_what_is_promised_of_a_step_comes_on_a_gpu_too():
    check_env_specs(AuctionEnv(default_market(), ENVS, device="cuda"), seed=1)


def test_a_fixed_day_is_the_day_of_every_market():
    assert AuctionEnv(default_market(), ENVS).reset(options={"day": 3})["day"].flatten().tolist() == [3] * ENVS


def test_groups_are_the_scenarios_or_the_users():
    market = default_market()
    agents = list(AuctionEnv(market).agents)
    assert AuctionEnv(market).group_map == {GROUP: agents}
    assert AuctionEnv(market, group_map=MarlGroupMapType.ONE_GROUP_PER_AGENT).group_map == {agent: [agent] for agent in agents}
    env = AuctionEnv(market, 2, group_map={"odd": agents[1::2], "even": agents[::2]})
    check_env_specs(env)
    mixed, plain = env.reset(seed=3), AuctionEnv(market, 2, seed=3).reset()
    torch.testing.assert_close(plain[GROUP, "observation"][:, 1::2], mixed["odd", "observation"])


def test_a_days_return_is_summed_by_the_librarys_transform():
    env = TransformedEnv(AuctionEnv(default_market(), 2), RewardSum(in_keys=[(GROUP, "reward")], reset_keys=["_reset"]))
    days = env.rollout(48, break_when_any_done=False)
    found = days["next", GROUP, "episode_reward"][:, [23, 47]]
    rewards = days["next", GROUP, "reward"].reshape(2, 2, 24, SELLERS, 1).sum(2)
    torch.testing.assert_close(found, rewards)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group_map": {"a": ["seller_0"]}}, r"group_map: expected every agent once, got 'seller_1' 0 times"),
        ({"group_map": {"a": ["nobody"]}}, r"group_map: unknown 'nobody'"),
        ({"group_map": 3}, r"group_map: expected a dictionary"),
        ({"autoreset_mode": "NextStep"}, r"autoreset_mode: TorchRL resets by itself"),
        ({"seed": -1}, r"seed: expected"),
        ({"device": "cuda:99"}, r"device: expected one of cpu.*, got 'cuda:99'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        AuctionEnv(default_market(), **arguments)


def test_the_snippets_of_the_page_train():
    names = run_section("TorchRL")
    assert all_finite(names["loss"].parameters())
