"""Flatten agents into environments: many agents for learners that know plain Gymnasium only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import ArrayLike, NDArray

from auctionsim.arguments import instance_of
from auctionsim.envs.infos import cost_space, reward_space
from auctionsim.envs.specs import PlainSpec
from auctionsim.envs.vector_env import AuctionVectorEnv, Infos, Step
from auctionsim.market.observations import bounds


class FlattenAgents(PlainSpec, VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """Offer the A agents of P environments as P x A environments that share one policy.

    Observations are `[P x A, 15]`, and rewards, terminations and truncations `[P x A]`: plain Gymnasium, for learners that know
    nothing of agents. Rewards that are vectors are `[P x A, 4]`. Agent a of environment p is number p A + a. `infos` are split
    likewise.

    Args:
        env: The vector environment.

    Raises:
        InputError: `env` is none of `AuctionVectorEnv`.
    """

    def __init__(self, env: AuctionVectorEnv) -> None:
        self.env = instance_of("env", env, AuctionVectorEnv, "an AuctionVectorEnv")
        self.metadata = env.metadata
        self.autoreset_mode = env.autoreset_mode
        self.max_cycles = env.max_cycles
        self.render_mode = env.render_mode
        self._agents = len(env.agents)
        self.num_envs = env.num_envs * self._agents
        low, high = bounds()
        self.single_observation_space = spaces.Box(low, high)
        self.observation_space = spaces.Box(np.tile(low, (self.num_envs, 1)), np.tile(high, (self.num_envs, 1)))
        self.single_action_space = env.actions.space()
        self.action_space = env.actions.space(self.num_envs)
        self.reward = env.reward
        self.reward_space = reward_space(env.reward)
        """Space of one agent's rewards: numbers, or vectors of objectives as in MO-Gymnasium."""
        self.cost_space = cost_space()
        """Space of one agent's costs."""

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Infos]:
        """Begin days as `AuctionVectorEnv.reset` does: seeds, mask and days are those of the P environments, not of agents."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._flat(observations), self._split(infos)

    def step(self, actions: ArrayLike) -> Step:
        """Replay an hour as `AuctionVectorEnv.step` does, with actions `[P x A, ...]`."""
        given = self.env.actions.checked(actions, (self.num_envs,))
        grouped = given.reshape(-1, self._agents, *given.shape[1:])
        observations, rewards, terminations, truncations, infos = self.env.step(grouped)
        terminations, truncations = np.repeat(terminations, self._agents), np.repeat(truncations, self._agents)
        return self._flat(observations), self._flat(rewards), terminations, truncations, self._split(infos)

    @property  # type: ignore[misc]  # without a setter, as SyncVectorEnv has it
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generators of the P environments."""
        return self.env.np_random

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seeds of the P environments."""
        return self.env.np_random_seed

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Render as `AuctionVectorEnv.render` does, with the picture of an environment once for each of its agents."""
        frames = self.env.render()
        return None if frames is None else tuple(frame for frame in frames for _ in range(self._agents))

    def _flat(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return `[P, A, ...]` as `[P x A, ...]`."""
        return values.reshape(self.num_envs, *values.shape[2:])

    def _split(self, infos: Infos) -> Infos:
        """Return infos of P environments as those of P x A; what holds for an environment holds for each of its agents."""
        split: Infos = {}
        for name, values in infos.items():
            if isinstance(values, dict):
                split[name] = self._split(values)
            elif name == "final_obs":
                split[name] = np.full(self.num_envs, None, dtype=object)
                for i, observations in enumerate(values):
                    for a in range(self._agents if observations is not None else 0):
                        split[name][i * self._agents + a] = observations[a]
            else:
                split[name] = self._flat(values) if values.ndim > 1 else np.repeat(values, self._agents)
        return split
