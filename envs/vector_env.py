"""Many copies of the auction stepped at once: Gymnasium's vector environment, one call of the engine per hour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import ArrayLike, NDArray

from auctionsim.auction.threads import usable_threads
from auctionsim.envs.actions import MAX_MULTIPLIER, Actions
from auctionsim.envs.days import Draws, checked_max_cycles, days_of
from auctionsim.envs.episodes import Episodes, market_of
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.observations import FEATURES, bounds
from auctionsim.scenario import Scenario
from auctionsim.traffic.table import HOURS

Infos = dict[str, Any]
Step = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]


_BIDS_WORTH_A_THREAD = 1_000_000
"""Candidates times copies of a mean hour: two threads gain less than their hand-over costs below (benchmarks/vector_env.py)."""


class AuctionVectorEnv(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """P copies of the auction with A agents each; copy i does what `parallel_env` does.

    | | |
    |---|---|
    | Actions | `[P, A, coefficients]` in `Box(-1, 1)`; `[P, A]` or `[P, A, coefficients]` of `MultiDiscrete` |
    | Observations | `[P, A, 15]` |
    | Rewards | `[P, A]`, one for each agent; `AgentsAsEnvs` gives Gymnasium's single axis |
    | Terminations, truncations | `[P]` |
    | `infos["objectives"]` | clicks, conversions, GMV and profit of the hour, `[P, A, 4]`; `infos["day"]`: `[P]` |

    Copies on the same day are replayed by one call of the engine, so a step costs one call per different day. With
    `same_day` all copies have the day and the luck that the first one draws: always one call, and copies differ by their
    actions alone.

    Arguments:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`, to build it only once.
        num_envs: P.
        same_day: Whether all copies have the same day and luck.
        threads: How many the copies are split over, at least 32 to each; where None, as many as there are cores (or as
            `NUMBA_NUM_THREADS` says), and one where a step is so short that to share it takes longer. Never changes a result.
        autoreset_mode: When a copy whose day ended starts the next one: `NEXT_STEP` (Gymnasium's default: the step after the
            last returns the first observation of the next day, reward 0), `SAME_STEP` (`infos["final_obs"]` and
            `infos["final_info"]` hold the end), or `DISABLED` (`reset`, of some copies by `options={"reset_mask": mask}`).
        bid_model, action_mode, levels, max_multiplier, split, max_cycles: As of `AuctionParallelEnv`.

    `reset(seed=s)` seeds copy i with s + i, a list gives each its own; `options={"day": d}` fixes the day of all.

    Raises:
        InputError: The scenario is wrong or has no learner, or an argument is unknown.
    """

    def __init__(
        self,
        scenario: Market | Scenario | str | Path,
        num_envs: int = 1,
        *,
        same_day: bool = False,
        threads: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        bid_model: str = "macg",
        action_mode: str = "box",
        levels: int = 21,
        max_multiplier: float = MAX_MULTIPLIER,
        split: str = "train",
        max_cycles: int | None = None,
    ) -> None:
        if num_envs < 1:
            raise InputError(f"num_envs: expected a whole number at least 1, got {num_envs}")
        if threads is not None and threads < 1:
            raise InputError(f"threads: expected a whole number at least 1, got {threads}")
        self.actions = Actions(bid_model, action_mode, levels, max_multiplier)
        self._autoreset = AutoresetMode(autoreset_mode)
        self.metadata = {"name": "auctionsim_v0", "render_modes": [], "autoreset_mode": self._autoreset}
        self.max_cycles = checked_max_cycles(max_cycles)
        self.market = market_of(scenario)
        worth = _threads_worth_it(self.market, num_envs) if threads is None else threads
        self.episodes = Episodes(self.market, bid_model, num_envs, worth)
        self.num_envs = num_envs
        self.same_day = same_day
        self.agents = tuple(self.market.advertisers[i] for i in self.market.learners)
        self._days = days_of(self.market, split)
        self._draws = [Draws(self._days, self.market.seed + i) for i in range(num_envs)]
        self._is_done: NDArray[np.bool_] | None = None
        shape = (len(self.agents), len(FEATURES))
        low, high = (np.broadcast_to(bound, shape) for bound in bounds())
        self.single_observation_space = spaces.Box(low, high)
        self.observation_space = spaces.Box(np.tile(low, (num_envs, 1, 1)), np.tile(high, (num_envs, 1, 1)))
        self.single_action_space = self.actions.space(len(self.agents))
        self.action_space = self.actions.space(num_envs, len(self.agents))

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Infos]:
        """Start a day in every copy, or in those that `options["reset_mask"]`, `[P]` of bool, names.

        Raises:
            InputError: Seeds, mask or days do not fit the copies; a day is none of the scenario's.
        """
        options = options or {}
        mask = self._reset_mask(options.get("reset_mask"))
        for i, given in enumerate(self._seeds(seed)):
            if given is not None and mask[i]:
                self._draws[i] = Draws(self._days, given)
        self._start(mask, options.get("day"))
        self._is_done = np.zeros(self.num_envs, dtype=bool) if self._is_done is None else self._is_done & ~mask
        return self.episodes.observations(), {"day": self.episodes.day.copy(), "_day": mask}

    def step(self, actions: ArrayLike) -> Step:
        """Replay an hour in every copy.

        Raises:
            InputError: `reset` was not called, or is due for a copy (`DISABLED`); actions are none of the space's.
        """
        if self._is_done is None or (self._autoreset is AutoresetMode.DISABLED and self._is_done.any()):
            raise InputError("step: expected every copy to have a day under way, got one without (call reset first)")
        starting = self._is_done
        hour = self.episodes.step(self.actions.log_multipliers(actions, (self.num_envs, len(self.agents))))
        truncated = ~starting & ~hour.is_over & (self.episodes.hour >= self.max_cycles)
        self._is_done = hour.is_over | truncated
        if truncated.any():
            self.episodes.stop(np.flatnonzero(truncated))
        infos: Infos = {"objectives": hour.objectives, "_objectives": ~starting}
        infos |= {"day": self.episodes.day.copy(), "_day": np.ones(self.num_envs, dtype=bool)}
        if self._autoreset is AutoresetMode.SAME_STEP and self._is_done.any():
            infos = self._ended(self._is_done, infos)
            starting, self._is_done = self._is_done, np.zeros(self.num_envs, dtype=bool)
        if starting.any():
            self._start(starting, None)
            infos["day"] = self.episodes.day.copy()
        return self.episodes.observations(), hour.rewards, hour.is_over, truncated, infos

    def state(self) -> NDArray[np.float32]:
        """For each copy the observations of all agents, one after the other, `[P, 15 A]`."""
        return self.episodes.observations().reshape(self.num_envs, -1)

    def _start(self, mask: NDArray[np.bool_], day: ArrayLike | None) -> None:
        """A new day for some copies: drawn by each of them, by the first one for all, or fixed."""
        copies = np.flatnonzero(mask)
        if day is not None and np.shape(day) not in ((), (self.num_envs,)):
            raise InputError(f"options['day']: expected a day or {self.num_envs} of them, got shape {np.shape(day)}")
        fixed = [None] * self.num_envs if day is None else np.broadcast_to(np.asarray(day), self.num_envs).tolist()
        if self.same_day:
            draws = [self._draws[0].next(fixed[copies[0]])] * len(copies)
        else:
            draws = [self._draws[i].next(fixed[i]) for i in copies.tolist()]
        self.episodes.start(copies, draws)

    def _ended(self, is_done: NDArray[np.bool_], infos: Infos) -> Infos:
        """Infos of a step in which days ended and the next ones begin: what belongs to the end stands under `final_`."""
        final_obs = np.full(self.num_envs, None, dtype=object)
        observations = self.episodes.observations()
        for i in np.flatnonzero(is_done).tolist():
            final_obs[i] = observations[i]
        final_info = {name: is_done.copy() if name.startswith("_") else values.copy() for name, values in infos.items()}
        infos["_objectives"] = infos["_objectives"] & ~is_done
        return infos | {
            "final_obs": final_obs,
            "_final_obs": is_done.copy(),
            "final_info": final_info,
            "_final_info": is_done.copy(),
        }

    def _reset_mask(self, given: ArrayLike | None) -> NDArray[np.bool_]:
        if given is None:
            return np.ones(self.num_envs, dtype=bool)
        mask = np.asarray(given)
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            raise InputError(f"options['reset_mask']: expected {self.num_envs} booleans, one of them true, got {given!r}")
        if self._is_done is None and not mask.all():
            raise InputError("options['reset_mask']: expected all copies in the first reset, got some")
        return mask.copy()

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None or isinstance(seed, int | np.integer):
            return [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise InputError(f"seed: expected a number or {self.num_envs} of them, got {len(seed)}")
        return seed


class AgentsAsEnvs(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """Every agent of every copy as a copy of its own: P x A environments that one policy can play.

    Observations are `[P x A, 15]`, rewards, terminations and truncations `[P x A]`: plain Gymnasium, for learners that know
    nothing of agents. Agent a of copy p is number p A + a. `infos` are split likewise.
    """

    def __init__(self, env: AuctionVectorEnv) -> None:
        self.env = env
        self.metadata = env.metadata
        self._agents = len(env.agents)
        self.num_envs = env.num_envs * self._agents
        low, high = bounds()
        self.single_observation_space = spaces.Box(low, high)
        self.observation_space = spaces.Box(np.tile(low, (self.num_envs, 1)), np.tile(high, (self.num_envs, 1)))
        self.single_action_space = env.actions.space()
        self.action_space = env.actions.space(self.num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Infos]:
        """As `AuctionVectorEnv.reset`: seeds, mask and days are of copies, not of agents."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._flat(observations), self._split(infos)

    def step(self, actions: ArrayLike) -> Step:
        """As `AuctionVectorEnv.step`, with actions `[P x A, ...]`."""
        given = np.asarray(actions)
        if given.shape[:1] != (self.num_envs,):
            raise InputError(f"actions: expected {self.num_envs} of them, got shape {given.shape}")
        grouped = given.reshape(-1, self._agents, *given.shape[1:])
        observations, rewards, terminations, truncations, infos = self.env.step(grouped)
        terminations, truncations = np.repeat(terminations, self._agents), np.repeat(truncations, self._agents)
        return self._flat(observations), rewards.ravel(), terminations, truncations, self._split(infos)

    def _flat(self, values: NDArray[Any]) -> NDArray[Any]:
        return values.reshape(self.num_envs, *values.shape[2:])

    def _split(self, infos: Infos) -> Infos:
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


def _threads_worth_it(market: Market, copies: int) -> int:
    """How many threads a step of a mean hour is worth."""
    traffic = market.traffic
    bids = copies * len(traffic.advertiser) / (len(traffic.days) * HOURS)
    return usable_threads() if bids >= _BIDS_WORTH_A_THREAD else 1
