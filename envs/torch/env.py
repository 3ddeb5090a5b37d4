"""Step thousands of markets at once in tensors of torch: the vector environment, on a GPU or on the processor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from auctionsim.agents.device.array import DeviceArray
from auctionsim.agents.device.devices import found_device
from auctionsim.agents.device.engine import ArrayEngine, engine_on
from auctionsim.agents.device.recorded import formulas_on
from auctionsim.agents.learners.rl.stacked_mlp import one_thread
from auctionsim.envs.batched_days import BatchedDays
from auctionsim.envs.episode_sampler import drawn_seed
from auctionsim.envs.markets import DEFAULT_SCENARIO, AnyScenario
from auctionsim.envs.torch.actions import DeviceActions, as_tensor
from auctionsim.envs.torch.episode_blocks import EpisodeBlocks
from auctionsim.envs.vector_env import AuctionVectorEnv
from auctionsim.errors import shown
from auctionsim.names.display import cut
from auctionsim.numbers import consecutive_seeds

Infos = dict[str, Any]
Step = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, Infos]


class AuctionTorchEnv(VectorEnv[torch.Tensor, torch.Tensor, torch.Tensor]):
    """P parallel environments of A agents each, in tensors on a device; environment i equals a `parallel_env` of its seed.

    Everything is that of `AuctionVectorEnv`: seeds, days, autoreset, rewards and infos have the same meaning and, within 1e-6,
    the same numbers. All copies are stepped by one call, and nothing loops over copies or advertisers.

    | | |
    |---|---|
    | Actions | `[P, A, coefficients]` in [-1, 1]; `[P, A]` or `[P, A, coefficients]` of whole numbers where discrete |
    | Observations | float32 `[P, A, 15]` |
    | Rewards | float64 `[P, A]`; float32 `[P, A, 4]` with `reward="vector"` |
    | Terminations, truncations | bool `[P]` |
    | `infos["day"]` | int64 `[P]` |
    | `infos["objectives"]` | float64 `[P, A, 4]` |
    | `infos["costs"]`, `["violations"]`, `["limits"]` | float64 `[P, A, C]` |
    | `infos["final_obs"]` | with `SAME_STEP`, float32 `[P, A, 15]`; rows count where `infos["_final_obs"]` is true |

    Arguments:
        scenario: A scenario or market, as `AuctionVectorEnv` takes it.
        num_envs: P, the number of environments, >= 1.
        device: Device of all tensors: `cpu`, `cuda` or `cuda:N`.
        auctions_on: Device that clears the auctions, `cpu`, `cuda` or `cuda:N`; that of the tensors where None. It never
            changes a result. A GPU takes the extra `gpu`.
        arguments: Further arguments, as `AuctionVectorEnv` takes them, but for `render_mode`.

    On a GPU an action that is not finite is not refused by the step it is given to, which would have to wait for the GPU: it
    counts as 0, and a later step refuses it.

    Raises:
        InputError: There is no such device, or an argument is wrong.
    """

    def __init__(
        self,
        scenario: AnyScenario = DEFAULT_SCENARIO,
        num_envs: int = 1,
        device: torch.device | str = "cpu",
        *,
        auctions_on: str | None = None,
        **arguments: Any,
    ) -> None:
        self.device = found_device("device", device)
        """Device of all tensors."""
        if "render_mode" in arguments:
            raise TypeError("AuctionTorchEnv() got an unexpected keyword argument 'render_mode'")
        self._inner = _DeviceVectorEnv(self.device, auctions_on, scenario, num_envs, arguments)
        self.num_envs = self._inner.num_envs
        self.market, self.agents = self._inner.market, self._inner.agents
        self.metadata, self.max_cycles = self._inner.metadata, self._inner.max_cycles
        self.reward, self.actions = self._inner.reward, self._inner.actions
        self.single_observation_space = self._inner.single_observation_space
        self.observation_space = self._inner.observation_space
        self.single_action_space, self.action_space = self._inner.single_action_space, self._inner.action_space
        self.reward_space, self.cost_space = self._inner.reward_space, self._inner.cost_space

    def __repr__(self) -> str:
        name, count = shown(self.market.scenario.name), len(self.agents)
        return cut(f"AuctionTorchEnv({name}: {self.num_envs} copies of {count} agents on {self.device})")

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[torch.Tensor, Infos]:
        """Begin a day in every environment, or in some.

        Args:
            seed: Seeds, as `AuctionVectorEnv.reset` takes them.
            options: `day` and `reset_mask`, as `AuctionVectorEnv.reset` takes them; the mask may be a tensor.

        Returns:
            Observations `[P, A, 15]` and infos.

        Raises:
            InputError: Seeds, mask or days do not fit.
        """
        if isinstance(options, dict) and isinstance(options.get("reset_mask"), torch.Tensor):
            options = options | {"reset_mask": options["reset_mask"].cpu().numpy()}
        observations, infos = self._inner.reset(seed=seed, options=options)
        return as_tensor(observations, self.device), self._tensors(infos)

    def step(self, actions: Any) -> Step:
        """Replay an hour in every environment.

        Args:
            actions: Actions of all agents, `[P, A, ...]`: a tensor, or an array of numpy.

        Returns:
            Observations `[P, A, 15]`, rewards `[P, A]` or `[P, A, 4]`, terminations `[P]`, truncations `[P]` and infos.

        Raises:
            InputError: `reset` was not called, or is due for an environment (`DISABLED`), or the actions are not in
                `action_space`.
        """
        observations, rewards, terminations, truncations, infos = self._inner.step(actions)
        seen, earned, is_over, is_cut = (
            as_tensor(one, self.device) for one in (observations, rewards, terminations, truncations)
        )
        return seen, earned, is_over, is_cut, self._tensors(infos)

    def state(self) -> torch.Tensor:
        """Return the observations of all agents of each environment, one after the other, `[P, 15 A]`.

        Raises:
            InputError: `reset` was not called.
        """
        return as_tensor(self._inner.state(), self.device)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each environment: `reset(seed=...)` with them draws the same days again."""
        return tuple(self._inner.blocks.seeds)

    def _tensors(self, infos: Infos) -> Infos:
        """Return infos with tensors in place of arrays."""
        return {
            name: self._tensors(value) if isinstance(value, dict) else as_tensor(value, self.device)
            for name, value in infos.items()
        }


class _DeviceVectorEnv(AuctionVectorEnv):
    """The vector environment with arrays on a device; what is not an amount, such as masks and days, stays numpy's."""

    def __init__(
        self,
        device: torch.device,
        auctions_on: str | None,
        scenario: AnyScenario,
        num_envs: int,
        arguments: dict[str, Any],
    ) -> None:
        self._device, self._auctions_on = device, auctions_on
        super().__init__(scenario, num_envs, **arguments)
        self._on_device = DeviceActions(self.actions, (self.num_envs, len(self.agents)), device)
        self._blocks: EpisodeBlocks | None = None

    @property
    def blocks(self) -> EpisodeBlocks:
        """Return the environments' episodes, with drawn seeds one after the other where none was given."""
        if self._blocks is None:
            self._blocks = EpisodeBlocks(self._days, consecutive_seeds("seed", drawn_seed(), self.num_envs))
        return self._blocks

    def reset(self, **arguments: Any) -> Any:
        """Begin days, whatever actions were wrong before."""
        with one_thread():
            found = super().reset(**arguments)
        self._on_device.forget()
        return found

    def step(self, actions: Any) -> Any:
        """Replay an hour; on the processor formulas take one thread, and the engine as many as are worth it."""
        with one_thread():
            return super().step(actions)

    def _make_days(self, bid_model: str, num_envs: int, threads: int, penalty: str) -> BatchedDays:
        # No function inside a function: environments are pickled.
        home = partial(DeviceArray.of, device=self._device)
        engine = ArrayEngine(engine_on(self._device, self.market, num_envs, threads, auctions_on=self._auctions_on))
        return BatchedDays(
            self.market, bid_model, num_envs, penalty=penalty, engine=engine, home=home, formulas=formulas_on(self._device)
        )

    def _log_multipliers(self, actions: Any) -> DeviceArray:
        return self._on_device.log_multipliers(actions)

    def _seed(self, mask: NDArray[np.bool_], seeds: Sequence[int | None]) -> None:
        given = [seed for seed in seeds if seed is not None]
        if mask.all() and len(given) == len(seeds):
            self._blocks = EpisodeBlocks(self._days, given)
            return
        for i, seed in enumerate(seeds):
            if seed is not None and mask[i]:
                self.blocks.seed(i, seed)

    def _drawn(self, envs: NDArray[np.int64], days: Sequence[int | None]) -> tuple[NDArray[np.int64], Sequence[int]]:
        return self.blocks.next(envs, days, is_noisy=self.batched_days.is_noisy)

    def _final_observations(self, is_done: NDArray[np.bool_]) -> Any:  # noqa: ARG002  (all rows, of which some count)
        return self.batched_days.observations()
