"""The auction as a PettingZoo ParallelEnv: an hour is a step, a day an episode."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from auctionsim.envs import objectives as obj
from auctionsim.envs.bidding import market_coefficients, starting_coefficients
from auctionsim.envs.observations import FEATURES, Scales, bounds, observe
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from auctionsim.market.bids import BID_MODELS
from auctionsim.market.engine import COST, GMV
from auctionsim.market.replay import DayReplay
from auctionsim.market.setup import build_market
from auctionsim.market.traffic import HOURS
from auctionsim.scenario import Scenario
from auctionsim.scenario_file import load_scenario
from auctionsim.streams import stream

MAX_LOG_MULTIPLIER = 4.0

Observations = dict[str, NDArray[np.float32]]


def parallel_env(scenario: Scenario | str | Path, **arguments: Any) -> AuctionParallelEnv:
    """The environment of a scenario, of a scenario file, or of a built-in scenario; arguments as `AuctionParallelEnv`."""
    return AuctionParallelEnv(scenario, **arguments)


class AuctionParallelEnv(ParallelEnv[str, NDArray[np.float32], NDArray[np.float32]]):
    """Sponsored-search advertisers that meet in one auction.

    | | |
    |---|---|
    | Agents | the advertisers whose `controller` is `learner`, by name; the others follow their rule |
    | Action | `Box(-4, 4, (features of the bid model,))`: log multipliers on coefficients that bid about as the keyword bids |
    | Observation | `Box`, 15 features inside [-1, 1], named in `observations.FEATURES` |
    | State | the observations of all agents in one vector |
    | Reward | the hour's own and global terms; soft constraints are charged with the last hour |
    | Objectives | `infos[agent]["objectives"]`: clicks, conversions, GMV, profit of the hour, as `reward_space(agent)` |
    | Episode | 24 steps, then `terminated`; an agent whose budget is spent stays and wins nothing |

    The rewards of a day add up to the fitness that `macg-es` climbs (`objectives.day_score`).

    Arguments:
        scenario: A `Scenario`, a path, or the name of a built-in scenario.
        bid_model: `macg`, `value`, `conversion` or `scale`.
        split: `train` or `test`: which days `reset` draws from.
        render_mode: None or `human` (a line per hour).

    `reset(seed=...)` draws the day; `reset(options={"day": d})` fixes it; other options are ignored.

    Version history: v0, the first.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "auctionsim_v0", "render_modes": ["human"], "is_parallelizable": True}

    def __init__(
        self,
        scenario: Scenario | str | Path,
        *,
        bid_model: str = "macg",
        split: str = "train",
        render_mode: str | None = None,
    ) -> None:
        if bid_model not in BID_MODELS:
            raise ValueError(f"bid_model: expected one of {', '.join(BID_MODELS)}, got {bid_model!r}")
        if split not in ("train", "test"):
            raise ValueError(f"split: expected train or test, got {split!r}")
        self.scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
        self.market = build_market(self.scenario)
        self.render_mode = render_mode
        self._model = bid_model
        section = self.scenario.traffic
        self._days = section.train_days if split == "train" else section.test_days
        self._start = starting_coefficients(self.market, bid_model)
        self.possible_agents = [self.market.advertisers[i] for i in self.market.learners]
        self.agents: list[str] = []
        low, high = bounds()
        limit = np.full(len(BID_MODELS[bid_model]), MAX_LOG_MULTIPLIER, dtype=np.float32)
        self._observation_space = gymnasium.spaces.Box(low, high)
        self.observation_spaces = {agent: gymnasium.spaces.Box(low, high) for agent in self.possible_agents}
        self.action_spaces = {agent: gymnasium.spaces.Box(-limit, limit) for agent in self.possible_agents}
        n = len(self.possible_agents)
        self.state_space = gymnasium.spaces.Box(np.tile(low, n), np.tile(high, n))
        self._rng = stream(self.scenario.seed, "env")
        self._replay: DayReplay | None = None

    def observation_space(self, agent: str) -> gymnasium.spaces.Space[Any]:
        """The same object on every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.spaces.Space[Any]:
        """The same object on every call."""
        return self.action_spaces[agent]

    def reward_space(self, agent: str) -> gymnasium.spaces.Box:
        """Space of `infos[agent]["objectives"]`: clicks, conversions, GMV, profit of an hour (as in MO-Gymnasium)."""
        if agent not in self.possible_agents:
            raise ValueError(f"agent: expected one of {', '.join(self.possible_agents)}, got {agent!r}")
        return gymnasium.spaces.Box(-np.inf, np.inf, (len(obj.OBJECTIVES),), np.float64)

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, dict[str, Any]]]:
        """Start a day."""
        if seed is not None:
            self._rng = stream(seed, "env")
        day = (options or {}).get("day")
        self.day = int(self._rng.choice(self._days)) if day is None else int(day)
        if self.day not in self.market.reference:
            raise ValueError(f"options['day']: expected one of {sorted(self.market.reference)}, got {self.day}")
        self._replay = self.market.day(self.day)
        self._scales = Scales.of(self.market, self.day)
        self._goals = obj.goals_of(self.market, self.day)
        self._totals = np.zeros((len(self.market.advertisers), 5, 1))
        self._observed = observe(self.market, self._scales, 0, self._replay.budget_left[:, 0], None)
        self.agents = list(self.possible_agents)
        return self._observations(), {agent: {"day": self.day} for agent in self.agents}

    def step(
        self, actions: dict[str, NDArray[np.float32]]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Replay an hour with the agents' coefficients.

        Raises:
            ValueError: An agent's action is missing or not finite; an agent is unknown.
        """
        if self._replay is None or not self.agents:
            raise ValueError("step: expected a day under way, got none (call reset first)")
        logs = np.stack([self._checked(agent, actions) for agent in self.possible_agents])
        coefficients = market_coefficients(self.market, logs[None], self._start, self._model)
        hour = self._replay.step(coefficients)
        before = obj.running_score(self._totals, self._goals, self.scenario.learner)
        self._totals = self._totals + hour
        after = obj.running_score(self._totals, self._goals, self.scenario.learner)
        reward = after - before
        if self._replay.is_over:
            reward = reward - obj.day_penalty(self._totals, self._goals, self.scenario.learner)
        vectors = obj.objective_vector(hour)[:, :, 0]
        self._observed = observe(self.market, self._scales, self._replay.hour, self._replay.budget_left[:, 0], hour[:, :, 0])
        who = dict(zip(self.possible_agents, (int(i) for i in self.market.learners), strict=True))
        rewards = {agent: float(reward[i, 0]) for agent, i in who.items()}
        infos = {agent: {"day": self.day, "objectives": vectors[i]} for agent, i in who.items()}
        terminations = dict.fromkeys(self.agents, self._replay.is_over)
        truncations = dict.fromkeys(self.agents, False)
        if self.render_mode == "human":
            self.render()
        if self._replay.is_over:
            self.agents = []
        return self._observations(), rewards, terminations, truncations, infos

    def state(self) -> NDArray[np.float32]:
        """The observations of all agents, one after the other."""
        return self._observed[self.market.learners].ravel()

    def render(self) -> None:
        """Print the day so far."""
        assert self._replay is not None
        revenue, gmv = self._totals[:, COST].sum(), self._totals[:, GMV].sum()
        print(f"day {self.day} hour {self._replay.hour:2d}/{HOURS}  revenue {revenue:.2f}  gmv {gmv:.2f}")

    def close(self) -> None:
        """Nothing is held open."""

    def _observations(self) -> Observations:
        return dict(zip(self.possible_agents, self._observed[self.market.learners], strict=True))

    def _checked(self, agent: str, actions: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        if agent not in actions:
            raise ValueError(f"actions: expected one for every agent, got none for {agent!r}")
        action = np.asarray(actions[agent], dtype=np.float64)
        space = self.action_spaces[agent]
        if action.shape != space.shape or not np.isfinite(action).all():
            raise ValueError(f"actions[{agent!r}]: expected finite numbers of shape {space.shape}, got {actions[agent]!r}")
        return np.clip(action, -MAX_LOG_MULTIPLIER, MAX_LOG_MULTIPLIER)


__all__ = ["FEATURES", "AuctionParallelEnv", "parallel_env"]
