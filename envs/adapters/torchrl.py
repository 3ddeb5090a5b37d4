"""Offer many markets at once to TorchRL: one tensor for all agents of a group, and one call of the kernel per hour.

```python
from auctionsim.envs.adapters.torchrl import AuctionEnv

env = AuctionEnv("three-arms", 64)
days = env.rollout(24)  # 64 days by random bids, days["seller", "observation"]: [64, 24, 12, 15]
```

TorchRL's own wrapper of PettingZoo steps one environment and stacks its agents one by one. Here a step of P environments is
that of `auctionsim.envs.torch_env`, in tensors `[P, agents, ...]` on the device that is named. `benchmarl.py` builds on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auctionsim.arguments import instance_of
from auctionsim.envs.markets import DEFAULT_SCENARIO, AnyScenario
from auctionsim.errors import InputError, shown, unknown
from auctionsim.extras import MissingExtra
from auctionsim.market.information.common import common_features
from auctionsim.market.observations import bounds
from auctionsim.numbers import checked_seed
from auctionsim.objectives.goals import OBJECTIVES

try:
    import torch
    from tensordict import TensorDict, TensorDictBase
    from torchrl.data import Bounded, Categorical, Composite, MultiCategorical, Unbounded
    from torchrl.envs import EnvBase, MarlGroupMapType

    from auctionsim.envs.torch.env import AuctionTorchEnv, Infos
except ImportError as error:
    raise MissingExtra(f"{__name__} needs torchrl: pip install torchrl") from error

GroupMap = dict[str, list[str]]


class AuctionEnv(EnvBase):
    """P markets of A agents for TorchRL; market i equals a `parallel_env` of its seed.

    | key | shape | |
    |---|---|---|
    | `(group, "observation")` | `[P, agents, 15]` | those of `AuctionParallelEnv` |
    | `(group, "action")` | `[P, agents, coefficients]` | `Bounded`, or `MultiCategorical`; one discrete number: `[P, agents]` |
    | `(group, "reward")` | `[P, agents, 1]` | float32; `[P, agents, 4]` with `reward="vector"` |
    | `(group, "info", KEY)` | `[P, agents, ...]` | float32; the infos of `AuctionParallelEnv` but for `day` |
    | `"state"` | `[P, 15 A]` | the observations of all agents, for a centralized critic |
    | `"day"` | `[P, 1]` | int64 |
    | `"done"` `"terminated"` `"truncated"` | `[P, 1]` | of the market; the same `(group, KEY)`, `[P, agents, 1]` |

    Nobody leaves before the end of the day, so that an agent is done when its market is. `reset` with `"_reset"` begins days in
    some of the markets alone, which is how collectors reset.

    Arguments:
        scenario: Any scenario that `AuctionTorchEnv` takes.
        num_envs: P, the number of markets, >= 1.
        group_map: Agents of each group, a `MarlGroupMapType`, or None for the scenario's groups.
        device: Device of all tensors, which observations and rewards are computed on: `cpu`, `cuda` or `cuda:N`.
        seed: Seed of the first reset, as `set_seed` gives it: market i begins with seed + i. None for the scenario's.
        arguments: Further arguments, as `AuctionTorchEnv` takes them, but for `autoreset_mode`.

    Raises:
        InputError: The scenario is wrong or has no learner, there is no such device, an argument is unknown, or the groups do
            not hold every agent once.
    """

    _batch_locked = True

    def __init__(
        self,
        scenario: AnyScenario = DEFAULT_SCENARIO,
        num_envs: int = 1,
        *,
        group_map: Mapping[str, Sequence[str]] | MarlGroupMapType | None = None,
        device: torch.device | str = "cpu",
        seed: int | None = None,
        **arguments: Any,
    ) -> None:
        if "autoreset_mode" in arguments:
            raise InputError(
                f"autoreset_mode: TorchRL resets by itself; expected none, got {shown(arguments['autoreset_mode'])}"
            )
        # TorchRL asks for each reset itself, by the mask `_reset`.
        self.vector_env = AuctionTorchEnv(scenario, num_envs, device, autoreset_mode="DISABLED", **arguments)
        super().__init__(device=self.vector_env.device, batch_size=[num_envs])
        self.agents = list(self.vector_env.agents)
        self.group_map = _checked_groups(group_map, self.vector_env)
        self._members = {
            group: torch.tensor([self.agents.index(agent) for agent in members], device=self.device)
            for group, members in self.group_map.items()
        }
        self._n_rewards = len(OBJECTIVES) if self.vector_env.reward == "vector" else 1
        self._set_seed(seed)
        self._make_specs()

    @property
    def max_steps(self) -> int:
        """Return the number of steps of an episode."""
        return self.vector_env.max_cycles

    def _make_specs(self) -> None:
        """Describe all that a step takes and gives, by its key."""
        envs, device = self.batch_size, self.device
        observed = Composite(shape=envs, device=device)
        acted, rewarded = Composite(shape=envs, device=device), Composite(shape=envs, device=device)
        # Infos are known by looking at some; those of another environment, as a reset takes a day.
        _, infos = AuctionTorchEnv(self.vector_env.market).reset()
        low, high = (torch.as_tensor(bound) for bound in bounds())
        for group, members in self._members.items():
            shape = torch.Size([*envs, len(members)])
            info = {
                key: Unbounded(shape=(*shape, *values.shape[2:]), dtype=torch.float32)
                for key, values in _of_agents(infos, (1, len(self.agents))).items()
            }
            observed[group] = Composite(
                observation=Bounded(low.expand(*shape, -1), high.expand(*shape, -1), dtype=torch.float32),
                info=Composite(info, shape=shape),
                shape=shape,
            )
            acted[group] = Composite(action=self._action_of(shape), shape=shape)
            rewarded[group] = Composite(reward=Unbounded(shape=(*shape, self._n_rewards), dtype=torch.float32), shape=shape)
        n_agents = len(self.agents)
        observed["state"] = Bounded(low.repeat(*envs, n_agents), high.repeat(*envs, n_agents), dtype=torch.float32)
        observed["day"] = Unbounded(shape=(*envs, 1), dtype=torch.int64)
        self.observation_spec, self.action_spec, self.reward_spec = (
            spec.to(device) for spec in (observed, acted, rewarded)
        )  # fmt: skip
        self.done_spec = Composite(
            _flags(envs)
            | {group: Composite(_flags((*envs, len(at))), shape=(*envs, len(at))) for group, at in self._members.items()},
            shape=envs,
        ).to(device)

    def _action_of(self, shape: torch.Size) -> Any:
        """Return the description of the actions of a group, whose shape `[P, agents]` is."""
        actions = self.vector_env.actions
        full = torch.Size([*shape, *actions.shape])
        if actions.mode == "box":
            return Bounded(-1.0, 1.0, shape=full, dtype=torch.float32)
        if not actions.shape:
            return Categorical(actions.levels, shape=full, dtype=torch.int64)
        return MultiCategorical([actions.levels] * actions.shape[0], shape=full, dtype=torch.int64)

    def _set_seed(self, seed: int | None) -> None:
        """Keep the seed of the next reset: market i begins with seed + i."""
        self._next_seed = None if seed is None else checked_seed("seed", seed)

    def _reset(
        self,
        tensordict: TensorDictBase | None = None,
        *,
        seed: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> TensorDictBase:
        """Begin a day in all markets, or where `_reset` says; `seed` and `options` are those of `AuctionVectorEnv.reset`."""
        if seed is not None:
            self._set_seed(seed)
        asked = dict(options or {})
        mask = None if tensordict is None else tensordict.get("_reset", None)
        if mask is not None:
            asked["reset_mask"] = mask.reshape(-1)
        observations, infos = self.vector_env.reset(seed=self._next_seed, options=asked)
        self._next_seed = None
        nobody = torch.zeros(self.batch_size, dtype=torch.bool, device=self.device)
        return self._reported(observations, infos, nobody, nobody)

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Replay an hour in every market."""
        actions = self.vector_env.actions
        dtype = torch.float32 if actions.mode == "box" else torch.int64
        of_all = torch.zeros(*self.batch_size, len(self.agents), *actions.shape, dtype=dtype, device=self.device)
        for group, members in self._members.items():
            of_all[:, members] = tensordict.get((group, "action")).detach().to(dtype)
        observations, rewards, terminations, truncations, infos = self.vector_env.step(of_all)
        reported = self._reported(observations, infos, terminations, truncations)
        rewarded = rewards.float().reshape(*of_all.shape[:2], self._n_rewards)
        for group, members in self._members.items():
            reported.set((group, "reward"), rewarded[:, members])
        return reported

    def _reported(
        self, seen: torch.Tensor, infos: Infos, terminations: torch.Tensor, truncations: torch.Tensor
    ) -> TensorDictBase:
        """Return what reset and step both report."""
        by_agent = {key: values.float() for key, values in _of_agents(infos, seen.shape[:2]).items()}
        flags = {"done": terminations | truncations, "terminated": terminations, "truncated": truncations}
        of_market = {key: value[:, None] for key, value in flags.items()}
        reported = TensorDict(of_market, batch_size=self.batch_size, device=self.device)
        common = common_features(self.vector_env.market.information)
        of_all = seen if common is None else seen * torch.as_tensor(common, device=seen.device)
        reported["state"], reported["day"] = of_all.flatten(1), infos["day"][:, None]
        for group, members in self._members.items():
            size = (*self.batch_size, len(members))
            info = TensorDict({key: values[:, members] for key, values in by_agent.items()}, batch_size=size)
            own = {key: value[:, None].expand(*size, 1).clone() for key, value in of_market.items()}
            reported[group] = TensorDict(own | {"observation": seen[:, members], "info": info}, batch_size=size)
        return reported


def _flags(shape: Sequence[int]) -> dict[str, Any]:
    """Describe the ends of days, each `[*shape, 1]`."""
    return {key: Categorical(2, shape=(*shape, 1), dtype=torch.bool) for key in ("done", "terminated", "truncated")}


def _checked_groups(given: Mapping[str, Sequence[str]] | MarlGroupMapType | None, env: AuctionTorchEnv) -> GroupMap:
    """Return the agents of each group; those of the scenario where none are given.

    Raises:
        InputError: An agent is in no group or in two, or there is no such agent.
    """
    agents = list(env.agents)
    if isinstance(given, MarlGroupMapType):
        groups: GroupMap = given.get_group_map(agents)
        return groups
    if given is None:
        groups = {}
        for agent, index in zip(agents, env.market.learners.tolist(), strict=True):
            groups.setdefault(env.market.groups[index].group, []).append(agent)
        return groups
    instance_of("group_map", given, Mapping, "a dictionary of agents by group, a MarlGroupMapType or None")
    groups = {group: list(members) for group, members in given.items()}
    placed = [agent for members in groups.values() for agent in members]
    for agent in placed:
        if agent not in agents:
            raise unknown("group_map", agent, agents)
    for agent in agents:
        if placed.count(agent) != 1:
            raise InputError(f"group_map: expected every agent once, got {agent!r} {placed.count(agent)} times")
    return groups


def _of_agents(infos: Infos, shape: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Return the infos that there is one of for every agent, `[P, A, ...]` with `shape` (P, A)."""
    return {key: values for key, values in infos.items() if values.shape[:2] == shape}
