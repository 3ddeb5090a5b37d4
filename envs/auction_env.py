"""Offer the auction as a PettingZoo environment in which all agents act at once: an hour is a step, a day an episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from auctionsim.arguments import one_of
from auctionsim.envs.actions import MAX_MULTIPLIER
from auctionsim.envs.batched_days import HourResult
from auctionsim.envs.infos import cost_space, infos_of, objective_space, of_agent, rewards_of
from auctionsim.envs.markets import DEFAULT_SCENARIO, AnyScenario, market_of
from auctionsim.envs.single_env import SingleEnvMixin
from auctionsim.errors import InputError, shown, unknown
from auctionsim.market.observations import bounds

AUCTION = "auctionsim/Auction-v0"
"""Name of the environment in the registries of PettingZoo; its older versions have none."""

Observations = dict[str, NDArray[np.float32]]
Infos = dict[str, dict[str, Any]]


def parallel_env(scenario: AnyScenario = DEFAULT_SCENARIO, **arguments: Any) -> AuctionParallelEnv:
    """Make the environment in which all agents act at once.

    Args:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`, to build it only once.
        arguments: Further arguments, as `AuctionParallelEnv` takes them.
    """
    return AuctionParallelEnv(scenario, **arguments)


class AuctionParallelEnv(SingleEnvMixin, ParallelEnv[str, NDArray[np.float32], NDArray[np.float32]]):
    """Sponsored-search advertisers that meet in one auction.

    | | |
    |---|---|
    | Agents | the advertisers whose `controller` is `learner`, named `<group>_<number>`; the others follow their rule |
    | Number of agents | as in the scenario; nobody leaves before the end of the day |
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
    coefficient: theta is `max_multiplier ** x` times a starting coefficient, and 0 bids the keyword bids (bid model
    `scale`), or as much as they do on average (the others; an advertiser can earn a third less by it). Numbers outside
    [-1, 1] are clipped. Discrete actions are `levels` numbers, evenly spaced from -1 to 1. An agent whose budget is
    spent may act as it likes and wins nothing.

    ### Observations

    | # | feature | range | meaning |
    |---|---|---|---|
    | 0 | `time_left` | [0, 1] | share of the day to come |
    | 1 | `budget_left` | [0, 1] | share of the budget; 1 without a budget |
    | 2 | `spend_speed` | [0, 1] | softsign of the share spent over the share of the day gone |
    | 3-7 | `impressions` `clicks` `conversions` `gmv` `cost` | [0, 1] | softsign of the last hour over the baseline's mean |
    | 8 | `profit` | [-1, 1] | the same of GMV less cost |
    | 9-11 | `ctr` `cvr` `cpc` | [0, 1] | softsign of the last hour's rates over the baseline's |
    | 12 | `win_rate` | [0, 1] | impressions over auctions participated in, in the last hour |
    | 13 | `auctions` | [0, 1] | softsign of the last hour's auctions participated in over the mean hour's |
    | 14 | `platform_revenue` | [0, 1] | softsign of the platform's last hour over the baseline's mean hour |

    Softsign is x / (1 + |x|), so that 0.5 is the baseline's level. `auctionsim.envs.FEATURES` has the names in this order.
    A section `[information]` may hide `platform_revenue`, which is then 0, and report all but `time_left` late.

    ### Rewards

    The hour's own and global terms of the scenario's goals; penalties of soft constraints are charged with the last hour of a
    day, but for one that is truncated. A relative violation v costs `base^v - 1`, with `learner.penalty` as base, up to v = 1,
    and beyond it `penalty` decides:

    - `capped`: a logarithm that levels off; no constraint costs 1,000 or more. Rewards stay finite in 32 bits.
    - `linear`: in proportion to v from the start, `(base - 1) x v`.
    - `none`: no penalty, for learners with constraints of their own.

    Where nothing is missed by more than 1, the capped rewards of a day add up to the fitness that `macg-es` climbs with
    penalties (`objectives.fitness.day_score` under `market.goals.training_goals`, so with `learner.floor_margin`).

    With `reward="vector"` a reward is the hour's clicks, conversions, GMV and profit, `(4,)`, single precision, without
    penalties: constraints are `costs` in the infos, since no weight on an objective expresses a limit. MO-Gymnasium's and
    MOMAland's wrappers and learners take it so; `reward_space(agent)` is its space.

    ### Infos

    The same keys, shapes and types after `reset` and after `step`. C constraints are in the order of `auctionsim.envs.COSTS`,
    the same in every scenario.

    | key | shape | meaning |
    |---|---|---|
    | `day` | | day that is replayed |
    | `objectives` | `(4,)` | clicks, conversions, GMV and profit of the hour, double precision |
    | `costs` | `(C,)` | the hour's cost of each constraint, in `cost_space(agent)`; a day keeps it where they add up to <= 0 |
    | `violations` | `(C,)` | relative violation by the day so far; that of the last hour is penalized where it is > 0 |
    | `limits` | `(C,)` | the limit itself: currency per click, ratio, or currency; infinite where there is none |
    | `prices` | `(2,)` | only with a section `[information]`: winning price and least winning cost that the agent may see |

    ### Arguments

    ```python
    parallel_env("three-arms", overrides=(), bid_model="macg", action_mode="box", levels=21, max_multiplier=50.0,
                 penalty="capped", reward="scalar", split="train", max_cycles=24, render_mode=None)
    ```

    Arguments:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`, to build it only once.
        overrides: Items `key.path=value` that replace values of a path's or built-in scenario, as with `--set`.
        bid_model: `macg`, `value`, `conversion` or `scale`.
        action_mode: `box` or `discrete`.
        levels: Size of the grid of a discrete action, >= 2.
        max_multiplier: Factor of the action 1, > 1; the action -1 divides by it.
        penalty: Shape of the penalties in rewards: `capped`, `linear` or `none`.
        reward: Form of the reward: `scalar` or `vector`.
        split: Days that `reset` draws from: `train` or `test`.
        max_cycles: Number of steps, >= 1, after which an episode is truncated; from 24 on, and where None, none is.
        render_mode: None, `human` (a line per hour) or `rgb_array` (a picture of the day so far).

    `reset(seed=s)` decides the days and, where outcomes are sampled, the sampling noise; seeds s and s + 1 begin on different
    days. `reset(options={"day": d})` fixes the day; a key that is misspelled, such as `dya`, is refused, and any other is
    ignored. An environment that was never given a seed draws one from the operating system, so that copies draw different
    days; `np_random_seed` tells it. The scenario's seed draws the traffic.

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
        scenario: AnyScenario = DEFAULT_SCENARIO,
        *,
        overrides: Sequence[str] = (),
        bid_model: str = "macg",
        action_mode: str = "box",
        levels: int = 21,
        max_multiplier: float = MAX_MULTIPLIER,
        penalty: str = "capped",
        reward: str = "scalar",
        split: str = "train",
        max_cycles: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        self._set_up(
            lambda: market_of(scenario, overrides),
            bid_model=bid_model,
            action_mode=action_mode,
            levels=levels,
            max_multiplier=max_multiplier,
            penalty=penalty,
            reward=reward,
            split=split,
            max_cycles=max_cycles,
            render_mode=render_mode,
            render_modes=self.metadata["render_modes"],
        )
        self.scenario = self.market.scenario
        self.possible_agents = [self.market.advertisers[i] for i in self.market.learners]
        self.agents: list[str] = []
        self._observed: NDArray[np.float32] | None = None
        low, high = bounds()
        self.observation_spaces = {agent: spaces.Box(low, high) for agent in self.possible_agents}
        self.action_spaces = {agent: self.actions.space() for agent in self.possible_agents}
        self.reward_spaces = {agent: objective_space(self.reward) for agent in self.possible_agents}
        n = len(self.possible_agents)
        self.state_space = spaces.Box(np.tile(low, n), np.tile(high, n))

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the observation space of an agent, the same object on every call.

        Raises:
            InputError: There is no such agent.
        """
        return self.observation_spaces[one_of("agent", agent, self.possible_agents)]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the action space of an agent, the same object on every call.

        Raises:
            InputError: There is no such agent.
        """
        return self.action_spaces[one_of("agent", agent, self.possible_agents)]

    def reward_space(self, agent: str) -> spaces.Box:
        """Return the space of an agent's vectors of clicks, conversions, GMV and profit of an hour (as in MOMAland).

        These are its rewards with `reward="vector"`, and else its `infos[agent]["objectives"]`.

        Raises:
            InputError: There is no such agent.
        """
        return self.reward_spaces[one_of("agent", agent, self.possible_agents)]

    def cost_space(self, agent: str) -> spaces.Box:
        """Return the space of `infos[agent]["costs"]`: costs of an hour, in the order of `auctionsim.envs.COSTS`.

        Raises:
            InputError: There is no such agent.
        """
        one_of("agent", agent, self.possible_agents)
        return cost_space()

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observations, Infos]:
        """Begin a day.

        Args:
            seed: Seed of the days and of their sampling noise. None goes on with the seed given before; where none was, one
                is drawn (`np_random_seed`).
            options: `day` fixes the day.

        Returns:
            Observations, and infos by agent with the day, and with objectives and costs of 0.

        Raises:
            InputError: The seed is no whole number >= 0 and < 2^63, or the day is not in the scenario. The environment then
                stays as it was.
        """
        self._begin(seed, options)
        self.agents = list(self.possible_agents)
        return self._observe(), self._infos()

    def step(
        self, actions: dict[str, NDArray[np.float32]]
    ) -> tuple[Observations, dict[str, Any], dict[str, bool], dict[str, bool], Infos]:
        """Replay an hour with the bids of all agents.

        Args:
            actions: The action of every agent, in its action space.

        Returns:
            Observations, rewards, terminations, truncations and infos by agent. Rewards are floats, or vectors `[4]`.

        Raises:
            InputError: No episode is running, or an agent's action is missing, has another shape or is outside its space, or
                there is an action of somebody else.
        """
        if not self.agents:
            raise InputError("step: expected a running episode, got none (call reset first)")
        hour, is_over, is_cut = self._replay(self._log_multipliers(actions))
        agents = self.possible_agents
        found = rewards_of(hour, self.reward)[0]
        rewards = dict(zip(agents, found.tolist() if self.reward == "scalar" else [of.copy() for of in found], strict=True))
        if is_over or is_cut:
            self.agents = []
        return self._observe(), rewards, dict.fromkeys(agents, is_over), dict.fromkeys(agents, is_cut), self._infos(hour)

    def state(self) -> NDArray[np.float32]:
        """Return the observations of all agents, one after the other, `[15 A]`.

        With a section `[information]` what agents may not know of each other is 0 (docs/information.md).

        Raises:
            InputError: `reset` was not called.
        """
        if self._observed is None:
            raise InputError("state: expected a day that has begun, got none (call reset first)")
        common: NDArray[np.float32] = self.batched_days.as_common(self._observed).ravel().copy()
        return common

    def close(self) -> None:
        """Do nothing: the environment holds nothing open."""

    def _infos(self, hour: HourResult | None = None) -> Infos:
        """Return infos by agent after an hour, or after a reset."""
        infos = infos_of(self.batched_days, hour)
        return {agent: of_agent(infos, 0, i, self.day) for i, agent in enumerate(self.possible_agents)}

    def _observe(self) -> Observations:
        """Observe the hour that has ended; return copies of the observations by agent, which the caller may change."""
        self._observed = self.batched_days.observations()[0]
        return {agent: seen.copy() for agent, seen in zip(self.possible_agents, self._observed, strict=True)}

    def _log_multipliers(self, actions: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return the log multipliers of all agents, `[1, A, coefficients]`."""
        if not isinstance(actions, Mapping):
            raise InputError(f"actions: expected a dictionary of one for every agent, got {shown(actions)}")
        missing = [agent for agent in self.possible_agents if agent not in actions]
        if missing:
            raise InputError(f"actions: expected one for every agent, got none for {missing[0]!r}")
        if len(actions) > len(self.possible_agents):
            raise unknown("actions", next(name for name in actions if name not in self.possible_agents), self.possible_agents)
        given = [actions[agent] for agent in self.possible_agents]
        try:
            return self.actions.log_multipliers(given, (len(given),))[None]
        except InputError:
            # Find the wrong one, so that the message names its agent.
            for agent, action in zip(self.possible_agents, given, strict=True):
                self.check_action(agent, action)
            raise

    def check_action(self, agent: str, action: Any) -> None:
        """Refuse an action that is not in the agent's action space, by the name of the agent.

        Raises:
            InputError: The action has another shape, or a number in it is not finite or not on the grid.
        """
        try:
            self.actions.log_multipliers(action, ())
        except InputError as error:
            raise InputError(f"actions[{agent!r}]: {str(error).removeprefix('actions: ')}") from None
