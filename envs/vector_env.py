"""Step many parallel environments at once: Gymnasium's vector environment, with one call of the kernel per hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import ArrayLike, NDArray

from auctionsim import arguments
from auctionsim.arguments import one_of
from auctionsim.auction.parallel.threads import usable_threads
from auctionsim.envs.actions import MAX_MULTIPLIER, Actions
from auctionsim.envs.batched_days import BatchedDays, HourResult
from auctionsim.envs.episode_sampler import EpisodeSampler, checked_day, checked_max_cycles, days_of, drawn_seed
from auctionsim.envs.infos import REWARDS, cost_space, infos_of, reward_space, rewards_of
from auctionsim.envs.markets import DEFAULT_SCENARIO, AnyScenario, market_of
from auctionsim.envs.rendering import Renderer, checked_render_mode
from auctionsim.errors import InputError, shown
from auctionsim.market.market import Market
from auctionsim.market.observations import FEATURES, bounds
from auctionsim.market.size import expect_copies
from auctionsim.numbers import checked_seed, consecutive_seeds, truth_value, whole_number
from auctionsim.objectives.penalties import PENALTIES
from auctionsim.traffic.table import HOURS

Infos = dict[str, Any]
Step = tuple[NDArray[np.float32], NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], Infos]

_BIDS_WORTH_A_THREAD = 1_000_000
"""Candidate bids of a mean hour, over all environments, from which a second thread pays (benchmarks/vector_env.py)."""


class AuctionVectorEnv(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """P parallel environments of A agents each; environment i equals a `parallel_env` of its seed.

    | | |
    |---|---|
    | Actions | `[P, A, coefficients]` in `Box(-1, 1)`; `[P, A]` or `[P, A, coefficients]` of `MultiDiscrete` |
    | Observations | `[P, A, 15]` |
    | Rewards | `[P, A]`, one for each agent; `FlattenAgents` gives Gymnasium's single axis. Vectors: `[P, A, 4]` |
    | Terminations, truncations | `[P]` |
    | `infos["day"]` | day of each environment, `[P]` |
    | `infos["objectives"]` | clicks, conversions, GMV and profit of the hour, `[P, A, 4]` |
    | `infos["costs"]`, `["violations"]`, `["limits"]` | those of `AuctionParallelEnv`, `[P, A, C]` |
    | `infos["prices"]` | with a section `[information]`: prices that bidders may see, `[P, A, 2]` |

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
        overrides, bid_model, action_mode, levels, max_multiplier, penalty, reward, split, max_cycles: The same as those of
            `AuctionParallelEnv`.
        render_mode: None, `human` (a line per environment and hour) or `rgb_array` (a picture of each environment's day).

    `reset(seed=s)` seeds environment i with s + i; a list gives each its own seed. `options={"day": d}` fixes the day of all.
    Environments that were never given a seed draw one from the operating system; `np_random_seed` tells theirs, and
    `reset(seed=env.np_random_seed)` draws the same days again.

    Raises:
        InputError: The scenario is wrong or has no learner, or an argument is unknown.
    """

    def __init__(
        self,
        scenario: AnyScenario = DEFAULT_SCENARIO,
        num_envs: int = 1,
        *,
        overrides: Sequence[str] = (),
        same_day: bool = False,
        threads: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
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
        num_envs = whole_number("num_envs", num_envs, 1)
        threads = None if threads is None else whole_number("threads", threads, 1)
        self.same_day = truth_value("same_day", same_day)
        self.actions = Actions(bid_model, action_mode, levels, max_multiplier)
        self.autoreset_mode = _checked_autoreset(autoreset_mode)
        """Rule that starts the next day, also in `metadata`."""
        one_of("penalty", penalty, PENALTIES)
        self.reward = one_of("reward", reward, REWARDS)
        modes = ["human", "rgb_array"]
        self.metadata = {"name": "auctionsim_v0", "render_modes": modes, "render_fps": 1, "autoreset_mode": self.autoreset_mode}
        self.render_mode = checked_render_mode(render_mode, modes)
        self.max_cycles = checked_max_cycles(max_cycles)
        self.market = market_of(scenario, overrides)
        expect_copies("num_envs", num_envs, len(self.market.advertisers))
        n_threads = _threads_worth_it(self.market, num_envs) if threads is None else threads
        self.batched_days = self._make_days(bid_model, num_envs, n_threads, penalty)
        self.num_envs = num_envs
        self.agents = tuple(self.market.advertisers[i] for i in self.market.learners)
        self._days = days_of(self.market, split)
        # None until a seed is given or needed, so that copies that never began draw days of their own.
        self._samplers: list[EpisodeSampler] | None = None
        self._is_done: NDArray[np.bool_] | None = None
        # Without a render mode no picture can be asked for, and no hour need be kept.
        self._renderers = [Renderer(self.market) for _ in range(num_envs if self.render_mode else 0)]
        shape = (len(self.agents), len(FEATURES))
        low, high = (np.broadcast_to(bound, shape) for bound in bounds())
        self.single_observation_space = spaces.Box(low, high)
        self.observation_space = spaces.Box(np.tile(low, (num_envs, 1, 1)), np.tile(high, (num_envs, 1, 1)))
        self.single_action_space = self.actions.space(len(self.agents))
        self.action_space = self.actions.space(num_envs, len(self.agents))
        self.reward_space = reward_space(self.reward, len(self.agents))
        """Space of one environment's rewards: a number for each agent, or a vector of objectives for each."""
        self.cost_space = cost_space(len(self.agents))
        """Space of one environment's costs."""

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Infos]:
        """Begin a day in every environment, or in some.

        Args:
            seed: Seed of environment 0, of which environment i gets seed + i; or a list with one for each. None goes on with
                the seeds given before; where none was, they are drawn (`np_random_seed`).
            options: `day` fixes the day of all, or of each with a list; `reset_mask`, `[P]` of bool, names the environments
                that begin a day.

        Returns:
            Observations `[P, A, 15]`, and infos with the day of each environment, and with objectives and costs of
            0.

        Raises:
            InputError: Seeds, mask or days do not fit the environments, or a day is not in the scenario. The environments then
                stay as they were.
        """
        asked = arguments.options(options, ("day", "reset_mask"))
        mask, seeds, days = self._reset_mask(asked.get("reset_mask")), self._seeds(seed), self._fixed_days(asked.get("day"))
        self._seed(mask, seeds)
        self._begin(mask, days)
        self._is_done = np.zeros(self.num_envs, dtype=bool) if self._is_done is None else self._is_done & ~mask
        return self.batched_days.observations(), self._infos(mask)

    def step(self, actions: ArrayLike) -> Step:
        """Replay an hour in every environment.

        Args:
            actions: Actions of all agents, `[P, A, ...]`, in `action_space`.

        Returns:
            Observations `[P, A, 15]`, rewards `[P, A]` or `[P, A, 4]`, terminations `[P]`, truncations `[P]` and infos.

        Raises:
            InputError: `reset` was not called, or is due for an environment (`DISABLED`), or the actions are not in
                `action_space`.
        """
        if self._is_done is None or (self.autoreset_mode is AutoresetMode.DISABLED and self._is_done.any()):
            raise InputError("step: expected a running episode in every environment, got one without (call reset first)")
        is_starting = self._is_done
        hour = self.batched_days.step(self._log_multipliers(actions))
        self._show_hour(is_starting)
        truncated = ~is_starting & ~hour.is_over & (self.batched_days.hour >= self.max_cycles)
        self._is_done = hour.is_over | truncated
        if truncated.any():
            self.batched_days.stop(np.flatnonzero(truncated))
        rewards, infos = rewards_of(hour, self.reward), self._infos(np.ones(self.num_envs, dtype=bool), hour)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._is_done.any():
            infos |= self._ended(self._is_done, infos)
            is_starting, self._is_done = self._is_done, np.zeros(self.num_envs, dtype=bool)
        if is_starting.any():
            self._begin(is_starting, [None] * self.num_envs)
            # Where a day begins, infos are those of a reset.
            for key, begun in self._infos(is_starting).items():
                infos[key][is_starting] = begun[is_starting]
        return self.batched_days.observations(), rewards, hour.is_over, truncated, infos

    @property  # type: ignore[misc]  # without a setter, as SyncVectorEnv has it
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The generators that days and sampling noise are drawn from, one for each environment."""
        return tuple(sampler.stream for sampler in self._seeded())

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seed of each environment: `reset(seed=...)` with them draws the same days again."""
        return tuple(sampler.seed for sampler in self._seeded())

    def _make_days(self, bid_model: str, num_envs: int, threads: int, penalty: str) -> BatchedDays:
        """Return the environments' days, in numpy."""
        return BatchedDays(self.market, bid_model, num_envs, threads, penalty=penalty)

    def _log_multipliers(self, actions: Any) -> Any:
        """Return the log multipliers of all agents' actions, `[P, A, coefficients]`."""
        return self.actions.log_multipliers(actions, (self.num_envs, len(self.agents)))

    def _seed(self, mask: NDArray[np.bool_], seeds: Sequence[int | None]) -> None:
        """Seed the environments of a mask; None keeps a seed."""
        for i, given in enumerate(seeds):
            if given is not None and mask[i]:
                self._seeded()[i] = EpisodeSampler(self._days, given)

    def _drawn(self, envs: NDArray[np.int64], days: Sequence[int | None]) -> tuple[NDArray[np.int64], Sequence[int]]:
        """Draw the next day and the seed of its noise of some environments, where days are not fixed."""
        samplers = self._seeded()
        episodes = [samplers[i].next(day) for i, day in zip(envs.tolist(), days, strict=True)]
        seeds = [episode.noise_seed for episode in episodes] if self.batched_days.is_noisy else [0] * len(episodes)
        return np.array([episode.day for episode in episodes]), seeds

    def _seeded(self) -> list[EpisodeSampler]:
        """Return the samplers, with drawn seeds one after the other where none was given."""
        if self._samplers is None:
            self._samplers = [
                EpisodeSampler(self._days, seed) for seed in consecutive_seeds("seed", drawn_seed(), self.num_envs)
            ]
        return self._samplers

    def state(self) -> NDArray[np.float32]:
        """Return the observations of all agents of each environment, one after the other, `[P, 15 A]`.

        With a section `[information]` what agents may not know of each other is 0 (docs/information.md).

        Raises:
            InputError: `reset` was not called.
        """
        if self._is_done is None:
            raise InputError("state: expected a day that has begun, got none (call reset first)")
        common: NDArray[np.float32] = self.batched_days.as_common(self.batched_days.observations())
        return common.reshape(self.num_envs, -1)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Print a line for each environment (`human`), or return a picture of each, `[height, width, 3]` (`rgb_array`)."""
        frames = tuple(renderer.render(self.render_mode) for renderer in self._renderers)
        return tuple(frame for frame in frames if frame is not None) if self.render_mode == "rgb_array" else None

    def _show_hour(self, is_starting: NDArray[np.bool_]) -> None:
        """Give the hour just replayed to the renderers of all environments but those that begin a day."""
        for i, renderer in enumerate(self._renderers):
            if not is_starting[i]:
                renderer.add(self.batched_days.last_step[:, :, i].copy())
                if self.render_mode == "human":
                    renderer.render("human")

    def _begin(self, mask: NDArray[np.bool_], days: Sequence[int | None]) -> None:
        """Begin a day in some environments: drawn by each of them, drawn by the first one for all, or fixed."""
        envs = np.flatnonzero(mask)
        if self.same_day:
            (day,), (seed,) = self._drawn(np.array([0]), [days[envs[0]]])
            self.batched_days.begin_days(envs, np.full(len(envs), day), [seed] * len(envs))
        else:
            self.batched_days.begin_days(envs, *self._drawn(envs, [days[i] for i in envs.tolist()]))
        for i in envs.tolist() if self._renderers else ():
            self._renderers[i].begin(int(self.batched_days.day[i]))

    def _infos(self, mask: NDArray[np.bool_], hour: HourResult | None = None) -> Infos:
        """Return the infos after an hour, or after a reset.

        As in Gymnasium, `_KEY` says for which environments `KEY` is new.
        """
        infos: Infos = {"day": self.batched_days.day.copy(), **infos_of(self.batched_days, hour)}
        return infos | {f"_{key}": mask.copy() for key in infos}

    def _ended(self, is_done: NDArray[np.bool_], infos: Infos) -> Infos:
        """Return the infos of the end of days, where the next ones begin in the same step; their names begin with `final_`."""
        final_obs = self._final_observations(is_done)
        final_info = {name: is_done.copy() if name.startswith("_") else values.copy() for name, values in infos.items()}
        return {
            "final_obs": final_obs,
            "_final_obs": is_done.copy(),
            "final_info": final_info,
            "_final_info": is_done.copy(),
        }

    def _final_observations(self, is_done: NDArray[np.bool_]) -> Any:
        """Return the last observation of each day that ended, None elsewhere, as Gymnasium has them."""
        final_obs = np.full(self.num_envs, None, dtype=object)
        observations = self.batched_days.observations()
        for i in np.flatnonzero(is_done).tolist():
            final_obs[i] = observations[i]
        return final_obs

    def _reset_mask(self, given: ArrayLike | None) -> NDArray[np.bool_]:
        """Return the mask of the environments to reset after checking it, `[P]`; all where None."""
        if given is None:
            return np.ones(self.num_envs, dtype=bool)
        try:
            mask = np.asarray(given)
        except ValueError:  # lists of unequal length
            mask = np.zeros(0)
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            raise InputError(f"options['reset_mask']: expected {self.num_envs} booleans, one of them true, got {shown(given)}")
        if self._is_done is None and not mask.all():
            raise InputError("options['reset_mask']: expected all environments in the first reset, got some")
        return mask.copy()

    def _seeds(self, seed: Any) -> Sequence[int | None]:
        """Return the seed of each environment, None where it keeps its own."""
        if seed is None:
            return [None] * self.num_envs
        if not _is_sequence(seed):
            return consecutive_seeds("seed", seed, self.num_envs)
        if len(seed) != self.num_envs:
            raise InputError(f"seed: expected a number or {self.num_envs} of them, got {len(seed)}")
        return [None if given is None else checked_seed(f"seed[{i}]", given) for i, given in enumerate(seed)]

    def _fixed_days(self, day: Any) -> Sequence[int | None]:
        """Return the day that is fixed for each environment, None where it is drawn."""
        if _is_sequence(day):
            if len(day) != self.num_envs:
                raise InputError(f"options['day']: expected a day or {self.num_envs} of them, got {len(day)}")
            return [checked_day(self.market, of_env) for of_env in day]
        return [checked_day(self.market, day)] * self.num_envs


def _checked_autoreset(given: AutoresetMode | str) -> AutoresetMode:
    """Return the rule that starts the next day, from itself or from its name."""
    if isinstance(given, AutoresetMode):
        return given
    modes = {mode.name: mode for mode in AutoresetMode} | {mode.value: mode for mode in AutoresetMode}
    if isinstance(given, str) and given in modes:
        return modes[given]
    return modes[one_of("autoreset_mode", given, AutoresetMode.__members__)]


def _is_sequence(given: Any) -> bool:
    """Return whether there is one of something for each environment: a list, a tuple or an array of one axis or more."""
    return isinstance(given, list | tuple) or (isinstance(given, np.ndarray) and given.ndim > 0)


def _threads_worth_it(market: Market, num_envs: int) -> int:
    """Return the number of threads that the bids of a mean hour are worth."""
    traffic = market.traffic
    bids = num_envs * len(traffic.advertiser) / (len(traffic.days) * HOURS)
    return usable_threads() if bids >= _BIDS_WORTH_A_THREAD else 1
