"""The auction as a PettingZoo environment, parallel and turn by turn: an hour is a step, a day an episode."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils import parallel_to_aec

from auctionsim.envs.actions import MAX_MULTIPLIER
from auctionsim.envs.days import Draws
from auctionsim.envs.episodes import market_of
from auctionsim.envs.one_copy import OneCopy
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.observations import bounds
from auctionsim.objectives import goals as obj
from auctionsim.scenario import Scenario

Observations = dict[str, NDArray[np.float32]]
Infos = dict[str, dict[str, Any]]


def parallel_env(scenario: Market | Scenario | str | Path, **arguments: Any) -> AuctionParallelEnv:
    """The environment where all agents act at once; arguments as `AuctionParallelEnv`."""
    return AuctionParallelEnv(scenario, **arguments)


def env(scenario: Market | Scenario | str | Path, **arguments: Any) -> AECEnv[str, NDArray[np.float32], NDArray[np.float32]]:
    """The same environment turn by turn (AEC): the hour is replayed when the last agent has acted."""
    return parallel_to_aec(parallel_env(scenario, **arguments))


class AuctionParallelEnv(OneCopy, ParallelEnv[str, NDArray[np.float32], NDArray[np.float32]]):
    """Sponsored-search advertisers that meet in one auction.

    | | |
    |---|---|
    | Agents | the advertisers whose `controller` is `learner`, by name; the others follow their rule |
    | Number of agents | as the scenario says; nobody leaves before the end of the day |
    | Actions | continuous or discrete |
    | Action shape | `(coefficients of the bid model,)`; `()` for `scale`, `conversion` and `value` where discrete |
    | Action values | `Box(-1, 1)`, or `Discrete(levels)` and `MultiDiscrete` |
    | Observation shape | `(15,)` |
    | Observation values | `[-1, 1]` |
    | State shape | `(15 x agents,)`: the observations of all agents, one after the other |
    | Episode | a day of 24 steps, then `terminated`; `truncated` after `max_cycles` steps where those are fewer |

    ### Actions

    An agent bids `theta . phi` in every auction of the hour, with phi of the bid model: `macg` (1, pcvr, pcvr x item_price),
    `value` (pcvr x item_price), `conversion` (pcvr) or `scale` (the keyword bid). An action holds one number x in [-1, 1] per
    coefficient: theta is `max_multiplier ** x` times a starting coefficient, and 0 bids about as the keyword bids do. Numbers
    outside are clipped. Discrete actions are the `levels` numbers evenly from -1 to 1. An agent whose budget is spent may act
    as it likes and wins nothing.

    ### Observations

    | # | feature | range | meaning |
    |---|---|---|---|
    | 0 | `time_left` | [0, 1] | share of the day to come |
    | 1 | `budget_left` | [0, 1] | share of the budget; 1 without a budget |
    | 2 | `spend_speed` | [0, 1] | share spent over share of the day gone, squashed |
    | 3-7 | `impressions` `clicks` `conversions` `gmv` `cost` | [0, 1] | of the last hour, over the reference's mean, squashed |
    | 8 | `profit` | [-1, 1] | GMV less cost of the last hour, likewise |
    | 9-11 | `ctr` `cvr` `cpc` | [0, 1] | rates of the last hour, over the reference's, squashed |
    | 12 | `win_rate` | [0, 1] | impressions over auctions entered in the last hour |
    | 13 | `auctions` | [0, 1] | auctions entered in the last hour, over the mean hour's, squashed |
    | 14 | `platform_revenue` | [0, 1] | the platform's in the last hour, over the reference's mean hour, squashed |

    Squashed is x / (1 + |x|), so that 0.5 is the reference's level; the names stand in `auctionsim.envs.FEATURES`.

    ### Rewards

    The hour's own and global terms of the scenario's goals; penalties of soft constraints are charged with the last hour of a
    day. The rewards of a day add up to the fitness that `macg-es` climbs with penalties (`objectives.fitness.day_score` under
    `market.goals.training_goals`, so with `learner.floor_margin`); a day that is truncated is charged no penalty.
    `infos[agent]["objectives"]` holds clicks, conversions, GMV and profit of the hour, as `reward_space(agent)` says (in the
    manner of MO-Gymnasium).

    ### Arguments

    ```python
    parallel_env("three-arms", bid_model="macg", action_mode="box", levels=21, max_multiplier=50.0, split="train",
                 max_cycles=24, render_mode=None)
    ```

    Arguments:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`, to build it only once.
        bid_model: `macg`, `value`, `conversion` or `scale`.
        action_mode: `box` or `discrete`.
        levels: Of a discrete action.
        max_multiplier: The factor of an action of 1; an action of -1 divides by it.
        split: `train` or `test`: which days `reset` draws from.
        max_cycles: Steps after which an episode is cut.
        render_mode: None, `human` (a line per hour) or `rgb_array` (a picture of the day so far).

    `reset(seed=s)` draws the day, and the luck where outcomes are sampled; seeds s and s + 1 begin on different days.
    `reset(options={"day": d})` fixes the day; other options are ignored. Where no seed was given, the scenario's draws.

    Raises:
        InputError: The scenario is wrong or has no learner, or an argument is unknown.

    ### Version history

    * v0: the first.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "auctionsim_v0",
        "render_modes": ["human", "rgb_array"],
        "render_fps": 1,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        scenario: Market | Scenario | str | Path,
        *,
        bid_model: str = "macg",
        action_mode: str = "box",
        levels: int = 21,
        max_multiplier: float = MAX_MULTIPLIER,
        split: str = "train",
        max_cycles: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        self._set_up(
            lambda: market_of(scenario),
            bid_model=bid_model,
            action_mode=action_mode,
            levels=levels,
            max_multiplier=max_multiplier,
            split=split,
            max_cycles=max_cycles,
            render_mode=render_mode,
            render_modes=self.metadata["render_modes"],
        )
        self.scenario = self.market.scenario
        self._draws = Draws(self._days, self.market.seed)
        self.possible_agents = [self.market.advertisers[i] for i in self.market.learners]
        self.agents: list[str] = []
        low, high = bounds()
        self.observation_spaces = {agent: spaces.Box(low, high) for agent in self.possible_agents}
        self.action_spaces = {agent: self.actions.space() for agent in self.possible_agents}
        n = len(self.possible_agents)
        self.state_space = spaces.Box(np.tile(low, n), np.tile(high, n))

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The same object on every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The same object on every call."""
        return self.action_spaces[agent]

    def reward_space(self, agent: str) -> spaces.Box:
        """Space of `infos[agent]["objectives"]`: clicks, conversions, GMV, profit of an hour (as in MO-Gymnasium)."""
        if agent not in self.possible_agents:
            raise InputError(f"agent: expected one of {', '.join(self.possible_agents)}, got {agent!r}")
        return spaces.Box(-np.inf, np.inf, (len(obj.OBJECTIVES),), np.float64)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observations, Infos]:
        """Start a day."""
        if seed is not None:
            self._draws = Draws(self._days, seed)
        self._begin(options)
        self._observed = self.episodes.observations()[0]
        self.agents = list(self.possible_agents)
        return self._observations(), {agent: {"day": self.day} for agent in self.agents}

    def step(
        self, actions: dict[str, NDArray[np.float32]]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Replay an hour with the agents' coefficients.

        Raises:
            InputError: No day is under way; an agent's action is missing, or is none of its space's shape or numbers.
        """
        if not self.agents:
            raise InputError("step: expected a day under way, got none (call reset first)")
        hour, is_over, is_cut = self._replay(self._log_multipliers(actions))
        self._observed = self.episodes.observations()[0]
        agents = self.possible_agents
        rewards = dict(zip(agents, hour.rewards[0].tolist(), strict=True))
        infos = {agent: {"day": self.day, "objectives": hour.objectives[0, i]} for i, agent in enumerate(agents)}
        if is_over or is_cut:
            self.agents = []
        return self._observations(), rewards, dict.fromkeys(agents, is_over), dict.fromkeys(agents, is_cut), infos

    def state(self) -> NDArray[np.float32]:
        """The observations of all agents, one after the other."""
        return self._observed.ravel().copy()

    def close(self) -> None:
        """Nothing is held open."""

    def _observations(self) -> Observations:
        return dict(zip(self.possible_agents, self._observed, strict=True))

    def _log_multipliers(self, actions: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        missing = [agent for agent in self.possible_agents if agent not in actions]
        if missing:
            raise InputError(f"actions: expected one for every agent, got none for {missing[0]!r}")
        given = [actions[agent] for agent in self.possible_agents]
        try:
            return self.actions.log_multipliers(given, (len(given),))[None]
        except InputError:
            # Once more one by one: the message names the agent.
            for agent, action in zip(self.possible_agents, given, strict=True):
                try:
                    self.actions.log_multipliers(action, ())
                except InputError as error:
                    raise InputError(f"actions[{agent!r}]: {str(error).removeprefix('actions: ')}") from None
            raise
