"""Step many parallel environments at once: Gymnasium's vector environment, with one call of the kernel per hour."""

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
from auctionsim.envs.batched_days import BatchedDays
from auctionsim.envs.episode_sampler import EpisodeSampler, checked_max_cycles, days_of
from auctionsim.envs.markets import market_of
from auctionsim.errors import InputError
from auctionsim.market.market import Market
from auctionsim.market.observations import FEATURES, bounds
from auctionsim.scenario import Scenario
from auctionsim.traffic.table import HOURS

Infos = dict[str, Any]
Step = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]

_BIDS_WORTH_A_THREAD = 1_000_000
"""Candidate bids of a mean hour, over all environments, from which a second thread pays (benchmarks/vector_env.py)."""


class AuctionVectorEnv(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """P parallel environments of A agents each; environment i equals a `parallel_env` of its seed.

    | | |
    |---|---|
    | Actions | `[P, A, coefficients]` in `Box(-1, 1)`; `[P, A]` or `[P, A, coefficients]` of `MultiDiscrete` |
    | Observations | `[P, A, 15]` |
    | Rewards | `[P, A]`, one for each agent; `FlattenAgents` gives Gymnasium's single axis |
    | Terminations, truncations | `[P]` |
    | `infos["objectives"]` | clicks, conversions, GMV and profit of the hour, `[P, A, 4]`; `infos["day"]`: `[P]` |

    Environments on the same day are replayed by one call of the kernel, so a step costs one call per different day. With
    `same_day` all of them replay the day and the sampling noise that the first one draws: always one call, and environments
    differ by their actions alone.

    Arguments:
        scenario: A `Scenario`, a path, or the name of a built-in scenario; or a `Market`, to build it only once.
        num_envs: P, the number of environments, >= 1.
        same_day: Whether all environments have the same day and sampling noise.
        threads: Number of threads that environments are split over, 32 or more to each thread. None takes as many as there are
            cores (or as `NUMBA_NUM_THREADS` says), and one where a step is too short to be worth sharing. It never changes a
            result.
        autoreset_mode: Rule that starts the next day of an environment when its day has ended: `NEXT_STEP` (the default of
            Gymnasium: the step after the last returns the first observation of the next day, with reward 0), `SAME_STEP`
            (`infos["final_obs"]` and `infos["final_info"]` hold the end), or `DISABLED` (`reset`, of some by
            `options={"reset_mask": mask}`).
        bid_model, action_mode, levels, max_multiplier, split, max_cycles: The same as those of `AuctionParallelEnv`.

    `reset(seed=s)` seeds environment i with s + i; a list gives each its own seed. `options={"day": d}` fixes the day of all.

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
            raise InputError(f"num_envs: expected a whole number >= 1, got {num_envs}")
        if threads is not None and threads < 1:
            raise InputError(f"threads: expected a whole number >= 1, got {threads}")
        self.actions = Actions(bid_model, action_mode, levels, max_multiplier)
        self._autoreset = AutoresetMode(autoreset_mode)
        self.metadata = {"name": "auctionsim_v0", "render_modes": [], "autoreset_mode": self._autoreset}
        self.max_cycles = checked_max_cycles(max_cycles)
        self.market = market_of(scenario)
        n_threads = _threads_worth_it(self.market, num_envs) if threads is None else threads
        self.batched_days = BatchedDays(self.market, bid_model, num_envs, n_threads)
        self.num_envs = num_envs
        self.same_day = same_day
        self.agents = tuple(self.market.advertisers[i] for i in self.market.learners)
        self._days = days_of(self.market, split)
        self._samplers = [EpisodeSampler(self._days, self.market.seed + i) for i in range(num_envs)]
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
        """Begin a day in every environment, or in some.

        Args:
            seed: Seed of environment 0, of which environment i gets seed + i; or a list with one for each. None goes on with
                the seeds given before, the scenario's where none was.
            options: `day` fixes the day of all, or of each with a list; `reset_mask`, `[P]` of bool, names the environments
                that begin a day.

        Returns:
            Observations `[P, A, 15]`, and infos with the day of each environment.

        Raises:
            InputError: Seeds, mask or days do not fit the environments, or a day is not in the scenario.
        """
        options = options or {}
        mask = self._reset_mask(options.get("reset_mask"))
        for i, given in enumerate(self._seeds(seed)):
            if given is not None and mask[i]:
                self._samplers[i] = EpisodeSampler(self._days, given)
        self._begin(mask, options.get("day"))
        self._is_done = np.zeros(self.num_envs, dtype=bool) if self._is_done is None else self._is_done & ~mask
        return self.batched_days.observations(), {"day": self.batched_days.day.copy(), "_day": mask}

    def step(self, actions: ArrayLike) -> Step:
        """Replay an hour in every environment.

        Args:
            actions: Actions of all agents, `[P, A, ...]`, in `action_space`.

        Returns:
            Observations `[P, A, 15]`, rewards `[P, A]`, terminations `[P]`, truncations `[P]` and infos.

        Raises:
            InputError: `reset` was not called, or is due for an environment (`DISABLED`), or the actions are not in
                `action_space`.
        """
        if self._is_done is None or (self._autoreset is AutoresetMode.DISABLED and self._is_done.any()):
            raise InputError("step: expected a running episode in every environment, got one without (call reset first)")
        is_starting = self._is_done
        hour = self.batched_days.step(self.actions.log_multipliers(actions, (self.num_envs, len(self.agents))))
        truncated = ~is_starting & ~hour.is_over & (self.batched_days.hour >= self.max_cycles)
        self._is_done = hour.is_over | truncated
        if truncated.any():
            self.batched_days.stop(np.flatnonzero(truncated))
        infos: Infos = {"objectives": hour.objectives, "_objectives": ~is_starting}
        infos |= {"day": self.batched_days.day.copy(), "_day": np.ones(self.num_envs, dtype=bool)}
        if self._autoreset is AutoresetMode.SAME_STEP and self._is_done.any():
            infos = self._ended(self._is_done, infos)
            is_starting, self._is_done = self._is_done, np.zeros(self.num_envs, dtype=bool)
        if is_starting.any():
            self._begin(is_starting, None)
            infos["day"] = self.batched_days.day.copy()
        return self.batched_days.observations(), hour.rewards, hour.is_over, truncated, infos

    def state(self) -> NDArray[np.float32]:
        """Return the observations of all agents of each environment, one after the other, `[P, 15 A]`."""
        return self.batched_days.observations().reshape(self.num_envs, -1)

    def _begin(self, mask: NDArray[np.bool_], day: ArrayLike | None) -> None:
        """Begin a day in some environments: drawn by each of them, drawn by the first one for all, or fixed."""
        envs = np.flatnonzero(mask)
        if day is not None and np.shape(day) not in ((), (self.num_envs,)):
            raise InputError(f"options['day']: expected a day or {self.num_envs} of them, got shape {np.shape(day)}")
        fixed = [None] * self.num_envs if day is None else np.broadcast_to(np.asarray(day), self.num_envs).tolist()
        if self.same_day:
            episodes = [self._samplers[0].next(fixed[envs[0]])] * len(envs)
        else:
            episodes = [self._samplers[i].next(fixed[i]) for i in envs.tolist()]
        self.batched_days.begin(envs, episodes)

    def _ended(self, is_done: NDArray[np.bool_], infos: Infos) -> Infos:
        """Return the infos of a step in which days ended and the next ones begin: those of the end have names in `final_`."""
        final_obs = np.full(self.num_envs, None, dtype=object)
        observations = self.batched_days.observations()
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
        """Return the mask of the environments to reset after checking it, `[P]`; all where None."""
        if given is None:
            return np.ones(self.num_envs, dtype=bool)
        mask = np.asarray(given)
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            raise InputError(f"options['reset_mask']: expected {self.num_envs} booleans, one of them true, got {given!r}")
        if self._is_done is None and not mask.all():
            raise InputError("options['reset_mask']: expected all environments in the first reset, got some")
        return mask.copy()

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        """Return the seed of each environment, None where it keeps its own."""
        if seed is None or isinstance(seed, int | np.integer):
            return [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise InputError(f"seed: expected a number or {self.num_envs} of them, got {len(seed)}")
        return seed


def _threads_worth_it(market: Market, num_envs: int) -> int:
    """Return the number of threads that the bids of a mean hour are worth."""
    traffic = market.traffic
    bids = num_envs * len(traffic.advertiser) / (len(traffic.days) * HOURS)
    return usable_threads() if bids >= _BIDS_WORTH_A_THREAD else 1
