"""Offer the auction as a PettingZoo environment turn by turn (AEC): the hour is replayed when the last agent has acted."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv
from pettingzoo.utils.conversions import parallel_to_aec_wrapper
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from auctionsim.arguments import one_of
from auctionsim.envs.auction_env import AuctionParallelEnv, parallel_env
from auctionsim.envs.markets import DEFAULT_SCENARIO, AnyScenario
from auctionsim.errors import InputError, shown


def env(scenario: AnyScenario = DEFAULT_SCENARIO, **arguments: Any) -> AECEnv[str, NDArray[np.float32], NDArray[np.float32]]:
    """Make the same environment turn by turn (AEC): the hour is replayed when the last agent has acted.

    Args:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`, to build it only once.
        arguments: Further arguments, as `AuctionParallelEnv` takes them.
    """
    return _InOrder(_TurnByTurn(parallel_env(scenario, **arguments)))


class _TurnByTurn(parallel_to_aec_wrapper[str, NDArray[np.float32], NDArray[np.float32]]):
    """PettingZoo's conversion with copies of observations: a learner that scales them in place changes nothing inside.

    An action is checked when it is given, so that its agent can try again; the conversion keeps it until the last agent acts.
    """

    env: AuctionParallelEnv
    rewards: dict[str, Any]
    """Reward of each agent: a number, or a vector."""

    @property
    def np_random(self) -> np.random.Generator:
        """The generator that days and sampling noise are drawn from."""
        return self.env.np_random

    @property
    def np_random_seed(self) -> int:
        """The seed of `np_random`."""
        return self.env.np_random_seed

    @property
    def reward_spaces(self) -> dict[str, spaces.Box]:
        """The reward space of each agent."""
        return self.env.reward_spaces

    def reward_space(self, agent: str) -> spaces.Box:
        """Return the reward space of an agent, as `AuctionParallelEnv` does."""
        return self.env.reward_space(agent)

    def cost_space(self, agent: str) -> spaces.Box:
        """Return the space of an agent's costs, as `AuctionParallelEnv` does."""
        return self.env.cost_space(agent)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a day."""
        super().reset(seed=seed, options=options)
        self._clear_rewards()
        self._cumulative_rewards = dict(self.rewards)

    def observe(self, agent: str) -> NDArray[np.float32]:
        """Return what an agent observes, `[15]`."""
        seen: NDArray[np.float32] = super().observe(one_of("agent", agent, self.possible_agents))
        return seen.copy()

    def step(self, action: NDArray[np.float32] | None) -> None:
        """Take the action of the agent whose turn it is: None where its day is over."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            if action is not None:
                raise InputError(f"action: expected None for {agent!r}, whose day is over, got {shown(action)}")
        else:
            self.env.check_action(agent, action)
        super().step(action)

    def _clear_rewards(self) -> None:
        """Set the rewards to 0: a number, or a vector where rewards are vectors."""
        space = self.env.reward_spaces
        is_scalar = self.env.reward == "scalar"
        self.rewards = {agent: 0 if is_scalar else np.zeros_like(space[agent].low) for agent in self.rewards}


class _InOrder(OrderEnforcingWrapper[str, NDArray[np.float32], NDArray[np.float32]]):
    """PettingZoo's check of the order of calls, for which a reset that was refused is none."""

    _has_reset: bool

    def __repr__(self) -> str:
        return f"env({self.unwrapped!r})"

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a day."""
        has_reset = self._has_reset
        try:
            super().reset(seed=seed, options=options)
        except InputError:
            self._has_reset = has_reset
            raise

    def last(self, observe: bool = True) -> tuple[NDArray[np.float32] | None, Any, bool, bool, dict[str, Any]]:
        """Return observation, reward since its last turn, end and infos of the agent whose turn it is."""
        seen, reward, *rest = super().last(observe)
        return seen, copy(reward), *rest
