"""One learner among fixed rivals: the auction as a Gymnasium environment, `auctionsim/SingleBidder-v0`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import Env, spaces
from numpy.typing import NDArray

from auctionsim.agents.policies.registry import find_rule
from auctionsim.envs.actions import MAX_MULTIPLIER
from auctionsim.envs.days import Draws
from auctionsim.envs.episodes import market_of
from auctionsim.envs.one_copy import OneCopy
from auctionsim.envs.vector_env import AgentsAsEnvs, AuctionVectorEnv
from auctionsim.errors import InputError, unknown
from auctionsim.market.market import Market
from auctionsim.market.observations import bounds
from auctionsim.scenario import CONTROLLERS, Scenario

SINGLE_BIDDER = "auctionsim/SingleBidder-v0"
DEFAULT_SCENARIO = "three-arms"


def single_bidder_market(scenario: Market | Scenario | str | Path, bidder: str | None, rivals: str) -> Market:
    """A market where one of a scenario's learners learns and the others follow a fixed rule; other advertisers keep theirs.

    Raises:
        InputError: The scenario is wrong, or `bidder` or `rivals` is unknown.
    """
    market = market_of(scenario)
    names = [market.advertisers[i] for i in market.learners]
    if bidder is not None and bidder not in names:
        raise unknown("bidder", bidder, names)
    if rivals not in CONTROLLERS[1:] and ":" not in rivals:
        raise unknown("rivals", rivals, CONTROLLERS[1:])
    if not names:
        raise InputError(f"{market.scenario.source}: advertisers: expected one whose controller is 'learner', got none")
    others = np.delete(market.learners, 0 if bidder is None else names.index(bidder))
    return market.under(find_rule(rivals, "rivals"), others) if len(others) else market


def single_bidder_vector(
    num_envs: int, scenario: Market | Scenario | str | Path = DEFAULT_SCENARIO, *, bidder: str | None = None,
    rivals: str = "manual", **arguments: Any,
) -> AgentsAsEnvs:  # fmt: skip
    """Many copies of the single bidder in one call of the engine: what `gymnasium.make_vec` makes.

    Arguments beside those of `SingleBidderEnv` are those of `AuctionVectorEnv`; rewards are `[num_envs]`.
    """
    return AgentsAsEnvs(AuctionVectorEnv(single_bidder_market(scenario, bidder, rivals), num_envs, **arguments))


class SingleBidderEnv(OneCopy, Env[NDArray[np.float32], NDArray[np.float32]]):
    """One advertiser that learns to bid against rivals that follow fixed rules.

    Actions, observations, rewards and days are those of one agent of `AuctionParallelEnv`, whose page describes them:
    `Box(-1, 1, (3,))` with the bid model `macg`, and 15 features inside [-1, 1].

    ```python
    import auctionsim, gymnasium

    env = gymnasium.make("auctionsim/SingleBidder-v0", scenario="three-arms", bid_model="value", action_mode="discrete")
    ```

    Arguments:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`, to build it only once.
        bidder: Which of the scenario's learners; the first where None.
        rivals: The controller that its other learners follow, by name (docs/controllers.md). Advertisers under a rule of their
            own keep it.
        bid_model, action_mode, levels, max_multiplier, split, max_cycles, render_mode: As of `AuctionParallelEnv`.

    Raises:
        InputError: The scenario is wrong or has no learner, or an argument is unknown.

    ### Version history

    * v0: the first.
    """

    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 1}  # noqa: RUF012  (as Gymnasium declares it)

    def __init__(
        self,
        scenario: Market | Scenario | str | Path = DEFAULT_SCENARIO,
        *,
        bidder: str | None = None,
        rivals: str = "manual",
        bid_model: str = "macg",
        action_mode: str = "box",
        levels: int = 21,
        max_multiplier: float = MAX_MULTIPLIER,
        split: str = "train",
        max_cycles: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        self._set_up(
            lambda: single_bidder_market(scenario, bidder, rivals),
            bid_model=bid_model,
            action_mode=action_mode,
            levels=levels,
            max_multiplier=max_multiplier,
            split=split,
            max_cycles=max_cycles,
            render_mode=render_mode,
            render_modes=self.metadata["render_modes"],
        )
        self.observation_space = spaces.Box(*bounds())
        self.action_space = self.actions.space()
        self._under_way = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start a day: drawn by the seed, or `options["day"]`."""
        super().reset(seed=seed)
        if seed is not None or self._np_random is None:
            self._np_random_seed = self.market.seed if seed is None else seed
            self._draws = Draws(self._days, self._np_random_seed)
            self._np_random = self._draws.stream
        self._begin(options)
        self._under_way = True
        return self.episodes.observations()[0, 0], {"day": self.day}

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Replay an hour.

        Raises:
            InputError: No day is under way; the action is none of the space's shape or numbers.
        """
        if not self._under_way:
            raise InputError("step: expected a day under way, got none (call reset first)")
        hour, is_over, is_cut = self._replay(self.actions.log_multipliers(action, ())[None, None])
        self._under_way = not (is_over or is_cut)
        info = {"day": self.day, "objectives": hour.objectives[0, 0]}
        return self.episodes.observations()[0, 0], float(hour.rewards[0, 0]), is_over, is_cut, info
