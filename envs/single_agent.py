"""Offer the auction to one learner among fixed rivals: the Gymnasium environment `auctionsim/SingleBidder-v0`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from gymnasium import Env, spaces
from numpy.typing import NDArray

from auctionsim.agents.policies.registry import find_rule
from auctionsim.arguments import one_of
from auctionsim.envs.actions import MAX_MULTIPLIER
from auctionsim.envs.batched_days import HourResult
from auctionsim.envs.episode_sampler import checked_max_cycles
from auctionsim.envs.flatten_agents import FlattenAgents
from auctionsim.envs.infos import cost_space, infos_of, of_agent, reward_space, rewards_of
from auctionsim.envs.markets import DEFAULT_SCENARIO, AnyScenario, market_of
from auctionsim.envs.single_env import SingleEnvMixin
from auctionsim.envs.specs import PlainSpec
from auctionsim.envs.vector_env import AuctionVectorEnv
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.observations import bounds
from auctionsim.numbers import whole_number
from auctionsim.objectives.goals import OBJECTIVES
from auctionsim.scenario import CONTROLLERS

SINGLE_BIDDER = "auctionsim/SingleBidder-v0"

# A market under rivals is cheap to make of the scenario's, which lives as long.
_made_of: WeakKeyDictionary[Market, Market] = WeakKeyDictionary()


@dataclass(frozen=True)
class SingleBidderMarket:
    """Builds a single bidder's market, of what builds the scenario's."""

    builder: Callable[[], Market]
    bidder: str | None
    rivals: str

    def __call__(self) -> Market:
        """Return the market."""
        return single_bidder_market(self.builder(), self.bidder, self.rivals)


def single_bidder_market(scenario: AnyScenario, bidder: str | None, rivals: str, overrides: Sequence[str] = ()) -> Market:
    """Return a market where one of a scenario's learners learns and its other learners follow a rule.

    Args:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`.
        bidder: Name of the learner that goes on learning; the first where None.
        rivals: Name of the rule that the other learners follow. Advertisers that have a rule of their own keep it.
        overrides: Items `key.path=value` that replace values of a path's or built-in scenario, as with `--set`.

    Raises:
        InputError: The scenario is wrong, or `bidder` or `rivals` is unknown.
    """
    market = market_of(scenario, overrides)
    names = [market.advertisers[i] for i in market.learners]
    if not names:
        raise InputError(f"{market.scenario.source}: advertisers: expected one whose controller is 'learner', got none")
    if bidder is not None:
        one_of("bidder", bidder, names)
    if not isinstance(rivals, str) or ":" not in rivals:
        one_of("rivals", rivals, CONTROLLERS[1:])
    others = np.delete(market.learners, 0 if bidder is None else names.index(bidder))
    if not len(others):
        return market
    single = market.under(find_rule(rivals, "rivals", *market.scenario.code_folders), others)
    if market.builder is not None:
        single.set_builder(SingleBidderMarket(market.builder, bidder, rivals))
        _made_of[single] = market
    return single


def single_bidder_vector(
    num_envs: int, scenario: AnyScenario = DEFAULT_SCENARIO, *, overrides: Sequence[str] = (), bidder: str | None = None,
    rivals: str = "manual", max_cycles: int | None = None, max_episode_steps: int | None = None,
    disable_env_checker: bool | None = None, **arguments: Any,
) -> FlattenAgents:  # fmt: skip
    """Make many single-bidder environments that share calls of the kernel: what `gymnasium.make_vec` makes.

    Args:
        num_envs: Number of environments; rewards are `[num_envs]`.
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`.
        bidder: Name of the scenario's learner that learns; the first where None.
        overrides: Items `key.path=value` that replace values of a path's or built-in scenario, as with `--set`.
        rivals: Name of the rule that the other learners follow.
        max_cycles: Number of steps after which an episode is truncated; None for a whole day.
        max_episode_steps: The same, as `gymnasium.make` takes it; the smaller one counts. None or -1 for no further limit.
        disable_env_checker: Accepted as `gymnasium.make` does; Gymnasium has no checker of vector environments.
        arguments: Further arguments, as `AuctionVectorEnv` takes them.

    Raises:
        InputError: The scenario is wrong, or an argument is unknown or outside its range.
    """
    del disable_env_checker
    limits = [checked_max_cycles(max_cycles)]
    # An array equals nothing that a condition could take.
    is_unlimited = max_episode_steps is None or (isinstance(max_episode_steps, int) and max_episode_steps == -1)
    if not is_unlimited:
        limits.append(whole_number("max_episode_steps", max_episode_steps, 1))
    market = single_bidder_market(scenario, bidder, rivals, overrides)
    return FlattenAgents(AuctionVectorEnv(market, num_envs, max_cycles=min(limits), **arguments))


class SingleBidderEnv(PlainSpec, SingleEnvMixin, Env[NDArray[np.float32], NDArray[np.float32]]):
    """One advertiser that learns to bid against rivals that follow rules.

    Actions, observations, rewards, infos and days are those of one agent of `AuctionParallelEnv`, whose page describes them:
    `Box(-1, 1, (3,))` with the bid model `macg`, and 15 features inside [-1, 1].

    ```python
    import auctionsim, gymnasium

    env = gymnasium.make("auctionsim/SingleBidder-v0", scenario="three-arms", bid_model="value", action_mode="discrete")
    ```

    Arguments:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`, to build it only once.
        bidder: Name of the scenario's learner that learns; the first where None.
        overrides: Items `key.path=value` that replace values of a path's or built-in scenario, as with `--set`.
        rivals: Name of the rule that its other learners follow (docs/controllers.md). Advertisers that have a rule of their own
            keep it.
        bid_model, action_mode, levels, max_multiplier, penalty, reward, split, max_cycles, render_mode: As `AuctionParallelEnv`
            takes them.

    Raises:
        InputError: The scenario is wrong or has no learner, or an argument is unknown.

    ### Version history

    * v0: the first.
    """

    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 1}  # noqa: RUF012  (as Gymnasium declares it)

    def __init__(
        self,
        scenario: AnyScenario = DEFAULT_SCENARIO,
        *,
        overrides: Sequence[str] = (),
        bidder: str | None = None,
        rivals: str = "manual",
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
            lambda: single_bidder_market(scenario, bidder, rivals, overrides),
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
        self.observation_space = spaces.Box(*bounds())
        self.action_space = self.actions.space()
        self._is_running = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a day.

        Args:
            seed: Seed of the days and of their sampling noise. None goes on with the seed given before, or with the generator
                that was set as `np_random`; where none was, a seed is drawn (`np_random_seed`).
            options: `day` fixes the day.

        Returns:
            The observation, `[15]`, and infos with the day, and with objectives and costs of 0.

        Raises:
            InputError: The seed is no whole number >= 0 and < 2^63, or the day is not in the scenario. The environment then
                stays as it was.
        """
        self._begin(seed, options)
        # Gymnasium's checker looks at them.
        self._np_random, self._np_random_seed = self.np_random, self.np_random_seed
        self._is_running = True
        return self._observation(), self._info()

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], Any, bool, bool, dict[str, Any]]:
        """Replay an hour.

        Args:
            action: The action, in `action_space`.

        Returns:
            The observation `[15]`, the reward (a float, or a vector `[4]`), whether the episode is terminated, whether it is
            truncated, and infos of the hour.

        Raises:
            InputError: No episode is running, or the action has another shape or is outside the action space.
        """
        if not self._is_running:
            raise InputError("step: expected a running episode, got none (call reset first)")
        hour, is_over, is_cut = self._replay(self.actions.log_multipliers(action, ())[None, None])
        self._is_running = not (is_over or is_cut)
        found = rewards_of(hour, self.reward)[0, 0]
        reward = float(found) if self.reward == "scalar" else found.copy()
        return self._observation(), reward, is_over, is_cut, self._info(hour)

    @property
    def reward_space(self) -> spaces.Box:
        """Space of rewards: a number, or with `reward="vector"` clicks, conversions, GMV and profit (as in MO-Gymnasium)."""
        return reward_space(self.reward)

    @property
    def reward_dim(self) -> int:
        """Number of objectives, 4: an attribute that MORL-Baselines asks for."""
        return len(OBJECTIVES)

    @property
    def cost_space(self) -> spaces.Box:
        """Space of `info["costs"]`: costs of an hour, in the order of `auctionsim.envs.COSTS`."""
        return cost_space()

    def _info(self, hour: HourResult | None = None) -> dict[str, Any]:
        """Return the infos after an hour, or after a reset."""
        return of_agent(infos_of(self.batched_days, hour), 0, 0, self.day)

    def _observation(self) -> NDArray[np.float32]:
        """Return the learner's observation, `[15]`."""
        return self.batched_days.observations()[0, 0].copy()
