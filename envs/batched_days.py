"""Simulate days side by side in one market: what the single and the vector environments share.

Environments on the same day and hour are policies of one replay, so that an hour costs one call of the auction's kernel however
many they are; environments on different days cost one call per day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property, partial

import numpy as np
from numpy.typing import NDArray

from auctionsim.auction.bid_formula import FEATURES
from auctionsim.auction.day import DayReplay
from auctionsim.auction.outcome import COST, OUTCOMES
from auctionsim.envs.episode_sampler import EpisodeSeed
from auctionsim.errors import InputError
from auctionsim.market.actor import DayState
from auctionsim.market.bidding import market_coefficients, starting_coefficients
from auctionsim.market.goals import training_goals
from auctionsim.market.market import Market
from auctionsim.market.observations import Scales, observe
from auctionsim.objectives import goals as obj
from auctionsim.objectives.costs import CostRates, binding, limits_of, violations_of
from auctionsim.objectives.fitness import charge, violations
from auctionsim.objectives.penalties import PENALTIES, reward_price
from auctionsim.traffic.table import HOURS

Array = NDArray[np.float64]
# One thread replays fewer environments as fast as two do.
_ENVS_PER_THREAD = 32


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Return the pool of so many threads, made once."""
    return ThreadPoolExecutor(threads)


def _side_by_side(calls: Sequence[Callable[[], Array]], threads: int) -> list[Array]:
    """Return the results of calls, in order, each call on a thread of its own.

    The calling thread runs the last call itself: waiting for another thread takes as long as the Python part of a call.
    """
    if threads == 1 or len(calls) <= 1:
        return [call() for call in calls]
    others = [_pool(threads - 1).submit(call) for call in calls[:-1]]
    last = calls[-1]()
    return [*(other.result() for other in others), last]


@dataclass(frozen=True, eq=False)
class HourResult:
    """Rewards, objectives and costs of one hour, for the A agents of P environments."""

    rewards: Array
    """Rewards, `[P, A]`."""
    objectives: Array
    """Clicks, conversions, GMV and profit, `[P, A, 4]`."""
    costs: Array
    """Costs of the constraints, `[P, A, C]` (`objectives.costs`); 0 where no day is being replayed."""
    is_over: NDArray[np.bool_]
    """Whether the day ended with this hour, `[P]`."""


@dataclass(frozen=True, eq=False)
class _DayTerms:
    """Everything by which a day is scored and observed."""

    goals: obj.Goals
    scales: Scales
    rates: CostRates

    @cached_property
    def binding(self) -> tuple[str, ...]:
        """Keys of the constraints that bind anybody: a step takes no time for others."""
        return binding(self.goals)

    @classmethod
    def of_policies(cls, known: Sequence[_DayTerms], day: NDArray[np.int64]) -> _DayTerms:
        """Return the terms of environments on days of their own: those of `known[day[p]]` for environment p."""
        return cls(
            obj.goals_of_policies([one.goals for one in known], day),
            Scales.of_policies([one.scales for one in known], day),
            CostRates.of_policies([one.rates for one in known], day),
        )


@dataclass(eq=False)
class _Group:
    """Environments that began the same day at the same time: one replay of it, or one for each thread."""

    replay: DayReplay
    """The day; its policy p is the environment `members[p]`."""
    members: NDArray[np.int64]
    """Indices of the environments."""
    is_live: NDArray[np.bool_]
    """Whether each member is still on this day; the others began another one, and what is replayed for them is unused."""

    @cached_property
    def index(self) -> slice | NDArray[np.int64]:
        """Return the members as an index into arrays of environments.

        It is a slice where they are evenly spaced, which takes a view instead of a copy: environments that are seeded one
        after the other are, for example 0, 2, 4 and 1, 3, 5 over two days.
        """
        step = int(self.members[1] - self.members[0]) if len(self.members) > 1 else 1
        is_even = step > 0 and (np.diff(self.members) == step).all()
        return slice(int(self.members[0]), int(self.members[-1]) + 1, step) if is_even else self.members


class BatchedDays:
    """P environments in one market, each on a day and in an hour of its own.

    Args:
        market: The market.
        bid_model: Bid model whose coefficients the actions multiply, a key of `bid_formula.BID_MODELS`.
        num_envs: P, the number of environments.
        threads: Number of threads over which environments on the same day are split; it never changes a result.
        penalty: Shape of the penalty, one of `penalties.PENALTIES`.

    Raises:
        InputError: The market has no learner, or the penalty is unknown.
    """

    def __init__(self, market: Market, bid_model: str, num_envs: int, threads: int = 1, *, penalty: str = PENALTIES[0]) -> None:
        if not len(market.learners):
            raise InputError(f"{market.scenario.source}: advertisers: expected one whose controller is 'learner', got none")
        self._price = reward_price(penalty, market.scenario.learner)
        self.market = market
        self.hour = np.full(num_envs, HOURS)
        """Hours replayed of each environment's day, `[P]`; 24 where no day is being replayed."""
        self.day = np.zeros(num_envs, dtype=np.int64)
        """Day of each environment, `[P]`."""
        n_advertisers = len(market.advertisers)
        self.cumulative = np.zeros((n_advertisers, len(OUTCOMES), num_envs))
        """Impressions, clicks, conversions, GMV and cost of the day so far, `[advertisers, 5, P]`."""
        self.last_step = np.zeros_like(self.cumulative)
        """The same of the last hour."""
        self.coefficients = np.zeros((n_advertisers, len(FEATURES), num_envs))
        """Coefficients of the last hour over `bid_formula.FEATURES`, `[advertisers, 4, P]`; NaN where a rule bids."""
        self._threads = threads
        self._model = bid_model
        self._start = starting_coefficients(market, bid_model)
        self._budget_left = np.zeros((n_advertisers, num_envs))
        self._groups: list[_Group] = []
        self._known: dict[int, _DayTerms] = {}

    def begin(self, envs: NDArray[np.int64], episodes: Sequence[EpisodeSeed]) -> None:
        """Begin a day from midnight in some environments, wherever they were.

        Args:
            envs: Indices of the environments, `[E]`.
            episodes: The episode of each of them, E; their days are training or test days (`checked_day`).
        """
        days = np.array([episode.day for episode in episodes])
        self.stop(envs)
        self.day[envs], self.hour[envs] = days, 0
        self.cumulative[:, :, envs] = 0.0
        self.last_step[:, :, envs] = 0.0
        self._budget_left[:, envs] = self.market.budgets[:, None]
        # Drawing seeds takes time. Only sampled outcomes and throttled rules use them.
        is_noisy = self.market.rules.outcomes == "sampled" or bool(self.market.rule_policies)
        seed = {env: episode.noise_seed if is_noisy else 0 for env, episode in zip(envs.tolist(), episodes, strict=True)}
        for day in np.unique(days).tolist():
            on_day = envs[days == day]
            for members in np.array_split(on_day, min(self._threads, -(-len(on_day) // _ENVS_PER_THREAD))):
                replay = self.market.day(day, len(members), noise_seeds=[seed[env] for env in members.tolist()])
                replay.keep_shown()
                self._groups.append(_Group(replay, members, np.ones(len(members), dtype=bool)))
        self._resolve()

    def stop(self, envs: NDArray[np.int64]) -> None:
        """Stop some environments before the end of their day.

        Args:
            envs: Indices of the environments.
        """
        for group in self._groups:
            group.is_live &= ~np.isin(group.members, envs)
        self._groups = [group for group in self._groups if group.is_live.any()]

    def step(self, log_multipliers: Array) -> HourResult:
        """Replay the next hour of every environment that is on a day; the others get zeros.

        Args:
            log_multipliers: Logs of the factors on the starting coefficients, `[P, A, coefficients of the bid model]`.

        Returns:
            Rewards, objectives and costs of the hour, and which days ended with it.
        """
        theta = market_coefficients(self.market, log_multipliers, self._start, self._model)
        self.coefficients = theta
        was_running = self._replay(theta)
        settings = self.market.scenario.learner
        reward = obj.running_score(self.last_step, self._terms.goals, settings)
        is_over = was_running & (self.hour == HOURS)
        if is_over.any():
            reward = reward - np.where(is_over, charge(violations(self.cumulative, self._terms.goals), self._price), 0.0)
        learners = self.market.learners
        objectives = obj.objective_vector(self.last_step)[learners].transpose(2, 0, 1).copy()
        costs = self._terms.rates.costs(self.last_step, learners)
        costs[~was_running] = 0.0
        return HourResult(reward[learners].T.copy(), objectives, costs, is_over)

    def observations(self) -> NDArray[np.float32]:
        """Return the observations of all agents, in [-1, 1], `[P, A, 15]`."""
        learners = self.market.learners
        revenue = obj.of_all(self.last_step[:, COST])
        return observe(self._terms.scales, self.hour, self._budget_left[learners], self.last_step[learners], revenue)

    def violations(self) -> Array:
        """Return how far the day so far is beyond each limit, `[P, A, C]`: relative and signed, > 0 where it is violated."""
        found = violations(self.cumulative, self._terms.goals, self._terms.binding)
        return violations_of(found, self.market.learners, len(self.hour))

    def limits(self) -> Array:
        """Return the limits of the day, each in its own unit, `[P, A, C]`; infinite where there is none."""
        return limits_of(self._terms.goals, self.market.learners, len(self.hour))

    def state(self) -> DayState:
        """Return what a policy of the market may look at, where all environments are in the same hour of one day."""
        arrays = self._budget_left.copy(), self.last_step.copy(), self.cumulative.copy()
        for array in arrays:
            array.flags.writeable = False
        return DayState(int(self.day[0]), int(self.hour[0]), int(self.hour[0]), *arrays)

    def _replay(self, theta: Array) -> NDArray[np.bool_]:
        """Replay an hour of every group with coefficients `[advertisers, 4, P]`; return which environments were on a day."""
        was_running = np.zeros(len(self.hour), dtype=bool)
        if len(self._groups) != 1 or not self._groups[0].is_live.all() or len(self._groups[0].members) < len(self.hour):
            self.last_step = np.zeros_like(self.last_step)
            calls = [partial(group.replay.step, theta[:, :, group.index]) for group in self._groups]
            for group, totals in zip(self._groups, _side_by_side(calls, self._threads), strict=True):
                envs, budget_left = group.index, group.replay.budget_left
                if not group.is_live.all():
                    envs, totals, budget_left = (
                        group.members[group.is_live], totals[:, :, group.is_live], budget_left[:, group.is_live],
                    )  # fmt: skip
                self.last_step[:, :, envs] = totals
                self._budget_left[:, envs] = budget_left
                was_running[envs] = True
        else:
            # The common case, all environments in one replay: its arrays are taken as they are, without a copy.
            (group,) = self._groups
            self.last_step, self._budget_left = group.replay.step(theta), group.replay.budget_left.copy()
            was_running[:] = True
        self.cumulative = self.cumulative + self.last_step
        self.hour = self.hour + was_running
        self._groups = [group for group in self._groups if not group.replay.is_over]
        return was_running

    def _resolve(self) -> None:
        """Look up goals, scales and cost rates of the days that the environments are on."""
        days, index = np.unique(self.day, return_inverse=True)
        known = [self._of_day(day) for day in days.tolist()]
        self._terms = known[0] if len(known) == 1 else _DayTerms.of_policies(known, index)

    def _of_day(self, day: int) -> _DayTerms:
        """Return goals, scales and cost rates of a day, computed once."""
        if day not in self._known:
            goals = training_goals(self.market, day)
            scales = Scales.of(self.market, day, self.market.learners)
            self._known[day] = _DayTerms(goals, scales, CostRates.of(goals, HOURS))
        return self._known[day]
